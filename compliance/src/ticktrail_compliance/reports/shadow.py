"""Gather what an audit log says of candidates that ran in the shadow of a speaker.

Owns: the sums of a period by speaker, candidate, instrument and channel, and what follows from them. Pure.
Never: reads a database, compares ticks anew, or says which of the two to take.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ticktrail.events import ShadowCompared, ShadowHealth
from ticktrail.shadow import ShadowRow, merge_shadow
from ticktrail_compliance.records import StoredRecord

__all__ = ["ShadowFigures", "ShadowLine", "ShadowPair", "ShadowReport", "shadow_report"]

_HIGH = 0.99
_ALL = 1 - 1e-9
"""Sums of seconds may differ in their last digits."""


class ShadowFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader decides from; each is None where there was nothing to take it from.

    `coverage` is the share of the speaker's ticks that the candidate brought too, of those that were compared.
    `later_ms` is by how much the candidate received the same ticks later, in the mean; below 0 it was earlier.
    """

    coverage: float | None
    price_mean_abs_bp: float | None
    price_max_abs_bp: float | None
    later_ms: float | None
    speaker_mean_ms: float | None
    speaker_p99_ms: float | None
    candidate_mean_ms: float | None
    candidate_p99_ms: float | None


class ShadowLine(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one channel, of one instrument or of all, and what follows from them."""

    counts: ShadowRow
    figures: ShadowFigures


class ShadowPair(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate beside one speaker, over `summaries` records of `over_s` seconds in all.

    The first was written at `first_ns`, the last at `last_ns`; each tells of the time before it. `rows_left_out` counts
    rows of instruments that summaries had no room for: `totals` contains them, `rows` does not. `never_up` names who
    could not deliver in all that time: then nothing was compared, and nothing is proven.
    """

    speaker: ShadowHealth
    candidate: ShadowHealth
    summaries: int
    first_ns: int
    last_ns: int
    over_s: float
    totals: Sequence[ShadowLine]
    rows: Sequence[ShadowLine]
    rows_left_out: int
    never_up: Sequence[str] = ()


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """How candidates compared in a period, by the summaries that were written in it."""

    from_ns: int | None
    to_ns: int | None
    pairs: Sequence[ShadowPair]


def shadow_report(
    records: Iterable[StoredRecord], *, from_ns: int | None = None, to_ns: int | None = None
) -> ShadowReport:
    """Return what the records say of shadows.

    Args:
        records: Events in the order of the log; others are passed over.
        from_ns: The period's beginning, for the report's head; the records are taken as given.
        to_ns: The period's end, likewise.
    """
    pairs: dict[tuple[str, str], _Pair] = {}
    for record in records:
        if isinstance(record, ShadowCompared):
            names = (record.speaker.child, record.candidate.child)
            pair = pairs.get(names)
            if pair is None:
                pairs[names] = _Pair(record)
            else:
                pair.add(record)
    return ShadowReport(
        from_ns=from_ns, to_ns=to_ns, pairs=tuple(pairs[names].told() for names in sorted(pairs))
    )


class _Pair:
    """Sums so far: only the merged rows are kept, however long the period."""

    def __init__(self, first: ShadowCompared) -> None:
        self._first_ns = self._last_ns = first.at_ns
        self._speaker, self._candidate = first.speaker, first.candidate
        self._summaries, self._over_s, self._left_out = 1, first.over_s, first.rows_left_out
        self._totals, self._rows = merge_shadow(first.totals), merge_shadow(first.rows)

    def add(self, one: ShadowCompared) -> None:
        self._last_ns = one.at_ns
        self._speaker = _health(self._speaker, one.speaker)
        self._candidate = _health(self._candidate, one.candidate)
        self._summaries += 1
        self._over_s += one.over_s
        self._left_out += one.rows_left_out
        self._totals = merge_shadow((*self._totals, *one.totals))
        self._rows = merge_shadow((*self._rows, *one.rows))

    def told(self) -> ShadowPair:
        return ShadowPair(
            speaker=self._speaker,
            candidate=self._candidate,
            summaries=self._summaries,
            first_ns=self._first_ns,
            last_ns=self._last_ns,
            over_s=self._over_s,
            totals=tuple(map(_line, self._totals)),
            rows=tuple(map(_line, self._rows)),
            rows_left_out=self._left_out,
            never_up=[
                side.child
                for side in (self._speaker, self._candidate)
                if self._over_s > 0 and side.down_s >= self._over_s * _ALL
            ],
        )


def _health(one: ShadowHealth, other: ShadowHealth) -> ShadowHealth:
    return ShadowHealth(
        child=one.child,
        failures=one.failures + other.failures,
        down_s=one.down_s + other.down_s,
        rejected=one.rejected + other.rejected,
    )


def _line(row: ShadowRow) -> ShadowLine:
    speaker, candidate, price = row.speaker.latency, row.candidate.latency, row.price
    return ShadowLine(
        counts=row,
        figures=ShadowFigures(
            coverage=row.coverage,
            price_mean_abs_bp=price.mean_abs_bp,
            price_max_abs_bp=price.max_abs_bp if price.count else None,
            later_ms=row.first.later_ms,
            speaker_mean_ms=speaker.mean_ms,
            speaker_p99_ms=speaker.quantile_ms(_HIGH),
            candidate_mean_ms=candidate.mean_ms,
            candidate_p99_ms=candidate.quantile_ms(_HIGH),
        ),
    )
