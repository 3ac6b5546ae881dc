"""Compare two children over a sliding window: failures, rejected ticks, latency.

Owns: the counts of a window, and when one side is worse by more than chance explains.
Never: decides what follows, or reads a clock.

A difference counts where it is above a margin and beyond `SIGMAS` standard errors, by the two-proportion z test for
shares and Welch's for means (NIST/SEMATECH e-Handbook of Statistical Methods, sections 7.3.3 and 7.3.1). Five, where a
single test would take two or three: the two are compared every second, for as long as a feed runs.
"""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import NamedTuple

from ticktrail._contracts.route import Batch

__all__ = ["SIGMAS", "Side", "Totals", "mean_is_above", "share_is_above"]

SIGMAS = 5.0
_BUCKETS = 20
_NS_PER_MS = 1_000_000


class Totals(NamedTuple):
    """What one child brought in the window; `latency_ms` and its squares are sums over `timed` batches."""

    ticks: int = 0
    rejected: int = 0
    failures: int = 0
    timed: int = 0
    latency_ms: float = 0.0
    latency_ms2: float = 0.0

    @property
    def mean_latency_ms(self) -> float | None:
        """The mean latency; None where no tick had an event time."""
        return self.latency_ms / self.timed if self.timed else None


class Side:
    """One child's counts, by a twentieth of the window."""

    def __init__(self, window_ns: int) -> None:
        self._bucket_ns = max(1, window_ns // _BUCKETS)
        self._buckets: deque[tuple[int, list[float]]] = deque()

    def note(self, batch: Batch) -> None:
        """Take in a batch."""
        counts = self._bucket(batch.mono_ns)
        counts[0] += len(batch.ticks) + len(batch.rejected)
        counts[1] += len(batch.rejected)
        for tick in batch.ticks:
            if tick.event_ns is not None and not tick.backfilled:
                latency_ms = (batch.recv_ns - tick.event_ns) / _NS_PER_MS
                counts[3] += 1
                counts[4] += latency_ms
                counts[5] += latency_ms * latency_ms
                return

    def fail(self, now_ns: int) -> None:
        """Count a lost session."""
        self._bucket(now_ns)[2] += 1

    def forget(self) -> None:
        """Begin anew."""
        self._buckets.clear()

    def totals(self, now_ns: int) -> Totals:
        """Return what the window holds."""
        oldest = now_ns // self._bucket_ns - _BUCKETS
        while self._buckets and self._buckets[0][0] <= oldest:
            self._buckets.popleft()
        sums = [sum(column) for column in zip(*(counts for _, counts in self._buckets), strict=True)]
        if not sums:
            return Totals()
        return Totals(int(sums[0]), int(sums[1]), int(sums[2]), int(sums[3]), sums[4], sums[5])

    def _bucket(self, at_ns: int) -> list[float]:
        number = at_ns // self._bucket_ns
        if not self._buckets or self._buckets[-1][0] < number:
            self._buckets.append((number, [0.0] * 6))
        return self._buckets[-1][1]


def share_is_above(one: Totals, other: Totals, margin: float) -> bool:
    """Tell whether `one` has more of its ticks rejected than `other`, by more than the margin and chance."""
    if not one.ticks or not other.ticks:
        return False
    more = one.rejected / one.ticks - other.rejected / other.ticks
    pooled = (one.rejected + other.rejected) / (one.ticks + other.ticks)
    error = sqrt(pooled * (1 - pooled) * (1 / one.ticks + 1 / other.ticks))
    return more > margin and more > SIGMAS * error


def mean_is_above(one: Totals, other: Totals, margin_ms: float) -> bool:
    """Tell whether the ticks of `one` are later than those of `other`, by more than the margin and chance."""
    if one.timed < 2 or other.timed < 2:
        return False
    more = one.latency_ms / one.timed - other.latency_ms / other.timed
    return more > margin_ms and more > SIGMAS * sqrt(_variance_of_mean(one) + _variance_of_mean(other))


def _variance_of_mean(totals: Totals) -> float:
    mean = totals.latency_ms / totals.timed
    spread = max(0.0, totals.latency_ms2 / totals.timed - mean * mean)
    return spread / (totals.timed - 1)
