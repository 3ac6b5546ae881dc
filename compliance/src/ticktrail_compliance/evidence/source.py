"""Read of a log what a pack is drawn from: all that it told up to the end of a period, and nothing later.

Owns: where a period ends in the log, and in which order its records come.
Never: sums up. What is recorded after the period, such as who packs it, is not read: only whose it is, which tells
that a run that says nothing at the period's end had not ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ticktrail.events import (
    FeedStarted,
    FeedStopped,
    HoleLeft,
    HoleRepaired,
    LatencyMeasured,
    LegDown,
    LegSwitched,
    LegUp,
    QualityMeasured,
    SinkDropped,
)
from ticktrail_compliance.acts import SpoolCaughtUp, TailSealed
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.entry import Header
from ticktrail_compliance.evidence.model import Period
from ticktrail_compliance.evidence.ticks import Ticks, read_ticks
from ticktrail_compliance.reading import EVENTS, Range, conditions, headers, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.reports.clock import Seen
from ticktrail_compliance.reports.feeding import since_the_beginning
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Source", "Told", "source_of"]

_ACTS: frozenset[EntryClass] = frozenset({"access", "incident", "retention"})

_LEGS = (LegUp, LegDown)

_MARKS = (
    *_LEGS, FeedStarted, FeedStopped, HoleLeft, HoleRepaired, LatencyMeasured, LegSwitched, QualityMeasured,
    SinkDropped, SpoolCaughtUp, TailSealed,
)  # fmt: skip
"""The kinds of events that are counted one by one: few, beside the measurements of the clock."""


class Told(NamedTuple):
    """A record, with the number of its entry and that of its writer."""

    seq: int
    writer: int
    record: StoredRecord


@dataclass(frozen=True, slots=True)
class Source:
    """A log as it stood at the end of a period.

    Attributes:
        log: Open to read.
        period: Of which the pack tells.
        last_seq: The last entry that tells of a time up to its end.
        acts: What was done with the log and for the programme, from the log's beginning.
        marks: Events of the period that sections count one by one.
        legs: The names of all legs of which the log tells.
        ticks: The ticks of the period.
        wrote: The numbers of those who wrote what tells of the period.
        destroyed: How many entries of events of the period cannot be read, for their contents were destroyed.
        went_on: The numbers of those who wrote of a later time: they had not ended when the period did.
    """

    log: AuditLog
    period: Period
    last_seq: int
    acts: Sequence[Told]
    marks: Sequence[Told]
    legs: frozenset[str]
    ticks: Ticks
    wrote: frozenset[int]
    destroyed: int
    went_on: frozenset[int]

    @property
    def acts_within(self) -> Sequence[Told]:
        """The acts of the period alone."""
        return [
            one for one in self.acts if self.period.holds(getattr(one.record, "at_ns", self.period.from_ns))
        ]

    def events(self) -> Iterator[Told]:
        """Yield the feed's events from the log's beginning to the period's end.

        Raises:
            AuditError: An entry cannot be read.
        """
        return _read(self.log, self.period.to_ns, EVENTS)

    def clock(self) -> Iterator[tuple[int, StoredRecord | Seen]]:
        """Yield what the report on the clock is drawn from.

        Raises:
            AuditError: An entry cannot be read.
        """
        return since_the_beginning(self.log, self.period.to_ns, LeftOut(self.log))

    def counts(self) -> dict[EntryClass, int]:
        """Return how many entries of each class tell of the period."""
        found: dict[EntryClass, int] = {}
        within = Range(to_seq=self.last_seq, since_ns=self.period.from_ns, until_ns=self.period.to_ns)
        for header in headers(self.log, within):
            found[header.entry_class] = found.get(header.entry_class, 0) + 1
        return found


def source_of(log: AuditLog, period: Period, last_seq: int, progress: Callable[[int], None]) -> Source:
    """Return a log as it stood at the end of a period.

    Args:
        log: Open to read.
        period: Which.
        last_seq: The last entry of it.
        progress: Is told the number of each segment that is done.

    Raises:
        AuditError: An entry cannot be read.
    """
    marks: list[Told] = []
    legs: set[str] = set()
    left_out, destroyed = LeftOut(log), 0

    def passes_over(header: Header) -> bool:
        nonlocal destroyed
        gone = left_out.passes_over(header)
        destroyed += gone and header.last_ns >= period.from_ns
        return gone

    for one in _read(log, period.to_ns, EVENTS, passes_over):
        if isinstance(one.record, _LEGS):
            legs.add(one.record.provider)
        if isinstance(one.record, _MARKS) and period.holds(one.record.at_ns):
            marks.append(one)
    return Source(
        log=log,
        period=period,
        last_seq=last_seq,
        acts=list(_read(log, period.to_ns, _ACTS)),
        marks=marks,
        legs=frozenset(legs),
        ticks=read_ticks(log, period, last_seq, progress),
        wrote=log.writers(conditions(Range(since_ns=period.from_ns, until_ns=period.to_ns))),
        destroyed=destroyed,
        went_on=log.writers(conditions(Range(since_ns=period.to_ns + 1))),
    )


def _read(
    log: AuditLog,
    until_ns: int,
    classes: frozenset[EntryClass],
    passes_over: Callable[[Header], bool] | None = None,
) -> Iterator[Told]:
    wanted = Range(until_ns=until_ns, classes=classes)
    for header, record in read_records(log, wanted, passes_over or LeftOut(log).passes_over):
        yield Told(header.seq, header.writer, record)
