"""Count latencies in bounded memory, and tell their percentiles.

Owns: a histogram of 16 steps an octave, so that a percentile is right within 6 %.
Never: keeps a sample.
"""

from __future__ import annotations

__all__ = ["Histogram"]

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

    def steps_us(self) -> list[tuple[float, int]]:
        """Return the steps that have events, ascending: upper edge in microseconds, and how many events."""
        return [(_edge_ns(bucket) / 1_000, self._counts[bucket]) for bucket in sorted(self._counts)]

    def percentile_us(self, share: float) -> float | None:
        """Return microseconds that `share` of the events did not exceed, None before the first one."""
        if self.total == 0:
            return None
        wanted = share * self.total
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return round(_edge_ns(bucket) / 1_000, 1)
        raise AssertionError("the counts add up to the total")


def _edge_ns(bucket: int) -> int:
    """Return what no event of the bucket exceeds."""
    shift, step = bucket >> (STEPS_LOG2 + 1), bucket & (2 * STEPS - 1)
    return (step + 1) << shift
