"""Say how a candidate compares with the speaker beside which it runs: the rows of a shadow's summary.

Owns: the rows, and how rows of several summaries become one.
Never: compares (the ``shadow`` route node does), or judges which of the two is better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail.model import Channel, InstrumentId

__all__ = [
    "Latencies",
    "MatchedBy",
    "PriceDifference",
    "ShadowFirst",
    "ShadowRow",
    "ShadowSide",
    "latency_bucket",
    "merge_shadow",
]

MatchedBy: TypeAlias = Literal["ids", "values"]
"""How the ticks of both sides find each other: by the venue's id, or by price, size and time."""

_STEPS_LOG2 = 3
_NS_PER_US = 1_000


def latency_bucket(ns: int) -> int:
    """Return the microseconds, up to an eighth too many, as which a latency is counted; below 0 it counts as 1."""
    us = max(0, ns) // _NS_PER_US
    shift = max(0, us.bit_length() - _STEPS_LOG2 - 1)
    return ((us >> shift) + 1) << shift


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Receive time minus event time of ticks that have one, those left out that were fetched later.

    `buckets` counts them by microseconds, each rounded up by at most an eighth.
    """

    count: int = 0
    sum_ms: float = 0.0
    buckets: Mapping[int, int] = {}

    @property
    def mean_ms(self) -> float | None:
        """The mean; None without any."""
        return self.sum_ms / self.count if self.count else None

    def quantile_ms(self, share: float) -> float | None:
        """Return what that share of them did not exceed, too high by an eighth at most; None without any."""
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= share * self.count:
                return bucket / 1_000
        return None


class ShadowSide(msgspec.Struct, frozen=True, kw_only=True):
    """What one side brought: good ticks, ticks that rules kept back, and those that could not be compared.

    `uncompared` ticks came before both sides were up for a window, were repeats, fell out of a bound, or stood open
    when the feed stopped.
    """

    ticks: int = 0
    rejected: int = 0
    uncompared: int = 0
    latency: Latencies = Latencies()


class PriceDifference(msgspec.Struct, frozen=True, kw_only=True):
    """By how much the candidate's price differs, in basis points of the speaker's.

    Of quotes: the mid price against that of the speaker's latest quote. Of trades: of those that were matched by id.
    """

    count: int = 0
    sum_bp: float = 0.0
    sum_abs_bp: float = 0.0
    max_abs_bp: float = 0.0

    @property
    def mean_bp(self) -> float | None:
        """The mean with its sign: above 0 the candidate's is higher; None without any."""
        return self.sum_bp / self.count if self.count else None

    @property
    def mean_abs_bp(self) -> float | None:
        """The mean of the distances; None without any."""
        return self.sum_abs_bp / self.count if self.count else None


class ShadowFirst(msgspec.Struct, frozen=True, kw_only=True):
    """Who received the same tick first, and by how many milliseconds in all."""

    speaker: int = 0
    candidate: int = 0
    together: int = 0
    speaker_ms: float = 0.0
    candidate_ms: float = 0.0

    @property
    def later_ms(self) -> float | None:
        """By how much the candidate is later in the mean, below 0 where it is earlier; None without any."""
        count = self.speaker + self.candidate + self.together
        return (self.speaker_ms - self.candidate_ms) / count if count else None


class ShadowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One channel of one instrument; of all that the node routes where `instrument` is None.

    Of a channel with `matched_by` None ticks are counted alone. Otherwise each tick of the speaker was matched, is
    missing at the candidate, or could not be compared; each of the candidate was matched, is extra, or could not be
    compared; those still within the window stand in a later summary.
    """

    instrument: InstrumentId | None
    channel: Channel
    matched_by: MatchedBy | None = None
    speaker: ShadowSide = ShadowSide()
    candidate: ShadowSide = ShadowSide()
    matched: int = 0
    missing: int = 0
    extra: int = 0
    first: ShadowFirst = ShadowFirst()
    price: PriceDifference = PriceDifference()

    @property
    def coverage(self) -> float | None:
        """The share of the speaker's ticks that the candidate brought too; None where none was compared."""
        compared = self.matched + self.missing
        return self.matched / compared if compared else None


def merge_shadow(rows: Iterable[ShadowRow]) -> Sequence[ShadowRow]:
    """Return one row an instrument and channel, in their order, the counts added up."""
    merged: dict[tuple[InstrumentId | None, Channel], ShadowRow] = {}
    for row in rows:
        key = (row.instrument, row.channel)
        before = merged.get(key)
        merged[key] = row if before is None else _added(before, row)
    return tuple(merged[key] for key in sorted(merged, key=lambda key: (key[0] or "", key[1])))


def _added(one: ShadowRow, other: ShadowRow) -> ShadowRow:
    return ShadowRow(
        instrument=one.instrument,
        channel=one.channel,
        matched_by=one.matched_by or other.matched_by,
        speaker=_side(one.speaker, other.speaker),
        candidate=_side(one.candidate, other.candidate),
        matched=one.matched + other.matched,
        missing=one.missing + other.missing,
        extra=one.extra + other.extra,
        first=ShadowFirst(
            speaker=one.first.speaker + other.first.speaker,
            candidate=one.first.candidate + other.first.candidate,
            together=one.first.together + other.first.together,
            speaker_ms=one.first.speaker_ms + other.first.speaker_ms,
            candidate_ms=one.first.candidate_ms + other.first.candidate_ms,
        ),
        price=PriceDifference(
            count=one.price.count + other.price.count,
            sum_bp=one.price.sum_bp + other.price.sum_bp,
            sum_abs_bp=one.price.sum_abs_bp + other.price.sum_abs_bp,
            max_abs_bp=max(one.price.max_abs_bp, other.price.max_abs_bp),
        ),
    )


def _side(one: ShadowSide, other: ShadowSide) -> ShadowSide:
    buckets = dict(one.latency.buckets)
    for bucket, count in other.latency.buckets.items():
        buckets[bucket] = buckets.get(bucket, 0) + count
    return ShadowSide(
        ticks=one.ticks + other.ticks,
        rejected=one.rejected + other.rejected,
        uncompared=one.uncompared + other.uncompared,
        latency=Latencies(
            count=one.latency.count + other.latency.count,
            sum_ms=one.latency.sum_ms + other.latency.sum_ms,
            buckets=buckets,
        ),
    )
