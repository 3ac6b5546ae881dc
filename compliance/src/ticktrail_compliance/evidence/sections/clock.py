"""Sum up how this machine's clock was.

Owns: the section on the clock, and what is told of each check.
Never: judges a clock; each record stands as it was sealed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.events import ClockBreachBegun, ClockBreachEnded, ClockMeasured, ClockStepped, ClockUnavailable
from ticktrail_compliance.evidence.model import (
    Column,
    Criterion,
    Figure,
    Outcome,
    Section,
    entries_of,
    table,
)
from ticktrail_compliance.evidence.source import Source
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.reports.clock import ClockBreach, ClockReport, Seen, clock_report

__all__ = ["clock_section"]

LIMIT_NS = 50_000_000
"""50 ms of UTC: FINRA rule 4590 and the Consolidated Audit Trail."""

_CHECKS = (ClockMeasured, ClockUnavailable)
_BREACHES = (ClockBreachBegun, ClockBreachEnded)


def clock_section(source: Source) -> tuple[Section, Criterion]:
    """Return the section on the clock, and what is aimed at."""
    period, seqs = source.period, _Seqs(source)
    found = clock_report(seqs.noted(), from_ns=period.from_ns, to_ns=period.to_ns)
    checks = entries_of(seqs.checks)
    worst = max(
        (
            abs(one.offset_ns) + one.bound_ns
            for one in found.checks
            if one.offset_ns is not None and one.bound_ns is not None
        ),
        default=None,
    )
    section = Section(
        id="clock",
        title="Clock",
        figures=[
            Figure(
                id="checks",
                title="Checks",
                kind="count",
                value=len(found.checks),
                how="measurements of the period, and attempts that measured nothing",
                entries=checks,
            ),
            Figure(
                id="in_tolerance",
                title="In tolerance",
                kind="percent",
                value=None if found.share_in_tolerance is None else 100 * found.share_in_tolerance,
                how=f"{found.in_tolerance:,} of {len(found.checks):,} checks; a check that measured nothing is none",
                entries=checks,
            ),
            Figure(
                id="worst",
                title="Farthest from UTC",
                kind="ms",
                value=None if worst is None else worst / 1e6,
                how="the largest |offset| + bound of all measurements",
                entries=checks,
            ),
            Figure(
                id="longest_unchecked",
                title="Longest time without a valid check",
                kind="seconds",
                value=found.longest_unchecked_s,
                how="while a feed ran, by the records' times",
                entries=checks,
            ),
            Figure(
                id="breaches",
                title="Breaches of the limit",
                kind="count",
                value=len(found.breaches),
                how="breaches that ended in the period, or were open when their feed stopped or the period ended",
                entries=entries_of(seqs.breaches),
            ),
            Figure(
                id="steps",
                title="Steps",
                kind="count",
                value=len(found.steps),
                how="the offset changed by more than can be explained",
                entries=entries_of(seqs.steps),
            ),
        ],
        tables=[
            table(
                "breaches",
                "Breaches",
                (
                    Column("begun_ns", "Begun", "time"),
                    Column("cause", "Cause"),
                    Column("offset_ms", "Offset", "ms"),
                    Column("bound_ms", "Bound", "ms"),
                    Column("limit_ms", "Limit", "ms"),
                    Column("ended_ns", "Corrected", "time"),
                    Column("lasted_s", "Lasted", "seconds"),
                    Column("ended_by", "Ended by"),
                ),
                [
                    (
                        one.begun_ns,
                        one.cause,
                        _ms(one.offset_ns),
                        _ms(one.bound_ns),
                        _ms(one.limit_ns),
                        one.ended_ns,
                        one.lasted_s,
                        one.ended_by.replace("_", " "),
                    )
                    for one in found.breaches
                ],
            ),
            table(
                "false_tickers",
                "Time sources that cannot have been right",
                (Column("server", "Server"), Column("checks", "Checks", "count")),
                list(found.false_tickers.items()),
            ),
        ],
    )
    criterion = Criterion(
        id="clock",
        title="Clock within 50 ms of UTC",
        target="≤ 50 ms in every check",
        kind="ms",
        value=None if worst is None else worst / 1e6,
        outcome=_outcome(found, worst),
        how="the largest |offset| + bound of all measurements; missed as well where the clock went unmeasured too long",
        entries=checks,
    )
    return section, criterion


class _Seqs:
    """The entries of the period, by what they prove, noted while their records pass by."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.checks: list[int] = []
        self.breaches: list[int] = []
        self.steps: list[int] = []

    def noted(self) -> Iterator[StoredRecord | Seen]:
        for seq, record in self._source.clock():
            if isinstance(record, (*_CHECKS, *_BREACHES, ClockStepped)) and self._source.period.holds(
                record.at_ns
            ):
                kept = (
                    self.checks
                    if isinstance(record, _CHECKS)
                    else self.breaches
                    if isinstance(record, _BREACHES)
                    else self.steps
                )
                kept.append(seq)
            yield record


def _outcome(found: ClockReport, worst: int | None) -> Outcome:
    if any(map(_went_unmeasured, found.breaches)):
        return "missed"
    if worst is None:
        return "not_recorded"
    return "missed" if worst > LIMIT_NS else "met"


def _went_unmeasured(breach: ClockBreach) -> bool:
    return breach.cause == "unmeasured"


def _ms(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e6
