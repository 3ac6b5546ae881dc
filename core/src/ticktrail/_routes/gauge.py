"""Count how two sides compare on one channel of one instrument.

Owns: the numbers of a `ShadowRow` while they grow: a few additions a tick, and nothing kept of the tick itself.
Never: finds which ticks belong together (`match` does), or reads a clock.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

from ticktrail.model import Channel, InstrumentId, Quote, Tick
from ticktrail.shadow import (
    Latencies,
    MatchedBy,
    PriceDifference,
    ShadowFirst,
    ShadowRow,
    ShadowSide,
    latency_bucket,
)

__all__ = ["CANDIDATE", "SPEAKER", "Count", "Gauge"]

SPEAKER, CANDIDATE = 0, 1
_NS_PER_MS = 1_000_000
_BP = 10_000


class Count:
    """What one side brought."""

    __slots__ = ("buckets", "rejected", "sum_ms", "ticks", "timed", "uncompared")

    def __init__(self) -> None:
        self.ticks = self.rejected = self.uncompared = self.timed = 0
        self.sum_ms = 0.0
        self.buckets: dict[int, int] = {}

    def see(self, tick: Tick) -> None:
        """Count a good tick, and how late it is."""
        self.ticks += 1
        if tick.event_ns is not None and not tick.backfilled:
            late_ns = tick.recv_ns - tick.event_ns
            self.timed += 1
            self.sum_ms += late_ns / _NS_PER_MS
            bucket = latency_bucket(late_ns)
            self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def told(self) -> ShadowSide:
        """Return the counts."""
        return ShadowSide(
            ticks=self.ticks,
            rejected=self.rejected,
            uncompared=self.uncompared,
            latency=Latencies(count=self.timed, sum_ms=self.sum_ms, buckets=self.buckets),
        )


class Gauge:
    """One channel of one instrument since the last summary, and the speaker's latest quote."""

    def __init__(self, instrument: InstrumentId, channel: Channel, matched_by: MatchedBy | None) -> None:
        self.instrument = instrument
        self.channel: Channel = channel
        self.matched_by: MatchedBy | None = matched_by
        self.quote: Quote | None = None
        self._reset()

    def _reset(self) -> None:
        self.sides = (Count(), Count())
        self.matched = self.missing = self.extra = 0
        self._first = [0, 0, 0]
        self._ahead_ms = [0.0, 0.0]
        self._prices = 0
        self._sum_bp = self._sum_abs_bp = self._max_abs_bp = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted since the last summary."""
        speaker, candidate = self.sides
        return not (
            speaker.ticks
            or candidate.ticks
            or speaker.rejected
            or candidate.rejected
            or speaker.uncompared
            or candidate.uncompared
            or self.matched
            or self.missing
            or self.extra
        )

    def match(self, speaker: Tick, candidate: Tick) -> None:
        """Count two ticks that are the same, and who received it first; what was fetched later tells nothing."""
        self.matched += 1
        if speaker.backfilled or candidate.backfilled:
            return
        ahead_ms = (candidate.recv_ns - speaker.recv_ns) / _NS_PER_MS
        if ahead_ms == 0:
            self._first[2] += 1
            return
        first = SPEAKER if ahead_ms > 0 else CANDIDATE
        self._first[first] += 1
        self._ahead_ms[first] += abs(ahead_ms)

    def lose(self, side: int) -> None:
        """Count a tick that only one side brought."""
        if side == SPEAKER:
            self.missing += 1
        else:
            self.extra += 1

    def compare_mid(self, quote: Quote) -> None:
        """Compare a quote of the candidate with the speaker's latest."""
        ours = self.quote
        if ours is None:
            return
        try:
            self.compare_price(ours.bid_price + ours.ask_price, quote.bid_price + quote.ask_price)
        except ArithmeticError:  # prices beyond all numbers, where no rule keeps them back
            return

    def compare_price(self, speaker: Decimal, candidate: Decimal) -> None:
        """Count by how much the candidate's price differs; what cannot be divided is not counted."""
        try:
            found_bp = 0.0 if candidate == speaker else float((candidate - speaker) / speaker * _BP)
        except ArithmeticError:
            return
        if not isfinite(found_bp):
            return
        self._prices += 1
        self._sum_bp += found_bp
        away_bp = abs(found_bp)
        self._sum_abs_bp += away_bp
        self._max_abs_bp = max(self._max_abs_bp, away_bp)

    def take(self) -> ShadowRow:
        """Return what was counted since the last time, and begin anew."""
        row = ShadowRow(
            instrument=self.instrument,
            channel=self.channel,
            matched_by=self.matched_by,
            speaker=self.sides[SPEAKER].told(),
            candidate=self.sides[CANDIDATE].told(),
            matched=self.matched,
            missing=self.missing,
            extra=self.extra,
            first=ShadowFirst(
                speaker=self._first[SPEAKER],
                candidate=self._first[CANDIDATE],
                together=self._first[2],
                speaker_ms=self._ahead_ms[SPEAKER],
                candidate_ms=self._ahead_ms[CANDIDATE],
            ),
            price=PriceDifference(
                count=self._prices,
                sum_bp=self._sum_bp,
                sum_abs_bp=self._sum_abs_bp,
                max_abs_bp=self._max_abs_bp,
            ),
        )
        self._reset()
        return row
