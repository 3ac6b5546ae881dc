"""Count latencies in bounded memory, tell their percentiles, and record them in turns.

Owns: a histogram of 16 steps an octave, so that a percentile is right within 6 %.
Never: keeps a sample.
"""

from __future__ import annotations

from collections.abc import Callable

from ticktrail.events import LatencyMeasured
from ticktrail.latency import Buckets, percentile_us

__all__ = ["Histogram", "LatencyLog"]

STEPS_LOG2 = 4
STEPS = 1 << STEPS_LOG2


class Histogram:
    """Durations in nanoseconds, counted by magnitude."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.total = 0

    def add(self, ns: int, count: int) -> None:
        """Count `count` events that took `ns` nanoseconds each."""
        ns = max(ns, 0)
        shift = max(ns.bit_length() - STEPS_LOG2 - 1, 0)
        bucket = (shift << (STEPS_LOG2 + 1)) + (ns >> shift)
        self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.total += count

    def percentile_us(self, share: float) -> float | None:
        """Return microseconds that `share` of the events did not exceed, None before the first one."""
        return percentile_us(self.buckets(), share)

    def buckets(self) -> Buckets:
        """Return how many events took how long."""
        return [(_edge_us(bucket), count) for bucket, count in sorted(self._counts.items())]

    def since(self, before: Buckets) -> Buckets:
        """Return how many events took how long since the buckets were as given."""
        known = dict(before)
        return [
            (edge_us, count - known.get(edge_us, 0))
            for edge_us, count in self.buckets()
            if count > known.get(edge_us, 0)
        ]


class LatencyLog:
    """What a histogram counted, recorded in turns.

    Args:
        histogram: Counts from the socket to the end of a sink's write.
        publish: Takes the events.
        now_ns: Gives their times.
    """

    def __init__(
        self, histogram: Histogram, publish: Callable[[LatencyMeasured], None], now_ns: Callable[[], int]
    ) -> None:
        self._histogram = histogram
        self._publish = publish
        self._now_ns = now_ns
        self._from_ns = now_ns()
        self._before: Buckets = ()

    def record(self) -> None:
        """Publish what was counted since the last time, if anything was."""
        at_ns, counted = self._now_ns(), self._histogram.since(self._before)
        if counted:
            self._publish(
                LatencyMeasured(
                    at_ns=at_ns,
                    from_ns=self._from_ns,
                    ticks=sum(ticks for _, ticks in counted),
                    p50_us=percentile_us(counted, 0.5),
                    p99_us=percentile_us(counted, 0.99),
                    buckets=counted,
                )
            )
        self._from_ns, self._before = at_ns, self._histogram.buckets()


def _edge_us(bucket: int) -> float:
    shift, step = bucket >> (STEPS_LOG2 + 1), bucket & (2 * STEPS - 1)
    return round(((step + 1) << shift) / 1_000, 3)
