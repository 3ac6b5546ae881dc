"""Hold how long ticks took, counted by magnitude, and tell percentiles of it.

Owns: the form in which latencies are recorded and added up.
Never: keeps a sample, or measures (the engine does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

__all__ = ["Buckets", "add_buckets", "percentile_us"]

Buckets: TypeAlias = Sequence[tuple[float, int]]
"""Pairs of an upper edge in microseconds and how many ticks took that long at most, and longer than the edge before;
by edge, ascending. Edges are 16 an octave, so that a percentile is right within 6 %."""


def add_buckets(parts: Iterable[Buckets]) -> Buckets:
    """Return what several periods counted, added up."""
    counts: dict[float, int] = {}
    for part in parts:
        for edge_us, ticks in part:
            counts[edge_us] = counts.get(edge_us, 0) + ticks
    return sorted(counts.items())


def percentile_us(buckets: Buckets, share: float) -> float | None:
    """Return microseconds that `share` of the ticks did not exceed; None where there were none."""
    wanted = share * sum(ticks for _, ticks in buckets)
    seen = 0
    for edge_us, ticks in buckets:
        seen += ticks
        if ticks and seen >= wanted:
            return edge_us
    return None
