"""Make bars of how long ticks took from socket to sink.

Owns: the edges of the bars, and the percentiles.
Never: measures (core does).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from ticktrail_dashboard.view import LatencyView

__all__ = ["EDGES_US", "view_latency"]

EDGES_US: Final = (
    *(50, 100, 200, 500),
    *(1_000, 2_000, 5_000),
    *(10_000, 20_000, 50_000),
    *(100_000, 200_000, 500_000),
    *(1_000_000, 10_000_000),
)


def view_latency(steps: Sequence[tuple[float, int]]) -> LatencyView | None:
    """Return the bars of a histogram: by ascending upper edge in microseconds, how many ticks; None before a tick."""
    total = sum(count for _, count in steps)
    if not total:
        return None
    counts = [0] * (len(EDGES_US) + 1)
    for edge_us, count in steps:
        counts[bisect_left(EDGES_US, edge_us)] += count
    p50, p90, p99 = (_percentile(steps, share * total) for share in (0.5, 0.9, 0.99))
    return LatencyView(p50_us=p50, p90_us=p90, p99_us=p99, bounds_us=EDGES_US, counts=counts)


def _percentile(steps: Sequence[tuple[float, int]], wanted: float) -> float:
    seen = 0
    for edge_us, count in steps:
        seen += count
        if seen >= wanted:
            return round(edge_us, 1)
    return round(steps[-1][0], 1)
