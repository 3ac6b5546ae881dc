"""Gather records into entries.

Owns: which records are kept, when a segment of ticks is full, how much one entry holds, and the order: entries follow
the order of decisions.
Never: seals or stores; it hands over what is ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ticktrail.errors import AuditError
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockStepped,
    ClockUnavailable,
    PeerOffsetDisagrees,
    PeerOffsetMeasured,
    VenueClockMeasured,
)
from ticktrail.plugin import Record, Routed
from ticktrail_compliance.acts import Act
from ticktrail_compliance.entry import MAX_CONTENT_BYTES, EntryClass, pack
from ticktrail_compliance.records import encode_records
from ticktrail_compliance.store.appender import Draft
from ticktrail_compliance.summary import encode_summary, summarize

__all__ = ["Gathered", "Journal", "gathered_act"]

SEGMENT_BYTES = 32 * 2**20
"""A segment that holds more is sealed in parts: the most ticks that one may have, 100,000, are some 20 MiB."""

MOST_TIME_NS = 2**63 - 1
MOST_COUNT = 2**32 - 1
"""What the header of an entry can hold (docs/reference/audit-format.md)."""

_OF_THE_CLOCK = (
    ClockMeasured,
    ClockUnavailable,
    ClockStepped,
    ClockBreachBegun,
    ClockBreachEnded,
    PeerOffsetMeasured,
    PeerOffsetDisagrees,
    VenueClockMeasured,
)
"""Events of the class ``clock``, which is kept for other times than the rest."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The records of one entry to be."""

    entry_class: EntryClass
    records: Sequence[Record | Act]
    ticks: int
    first_ns: int
    last_ns: int

    def draft(self) -> Draft:
        """Return what is to be sealed: records and summary as bytes, compressed.

        Raises:
            AuditError: A record holds what cannot be stored, or more than an entry can hold.
        """
        return self._draft(encode_records(self.records))

    def drafts(self) -> Iterator[Draft]:
        """Yield the same in as many entries as it takes, in order: none that holds much more than a segment should.

        Raises:
            AuditError: A record holds what cannot be stored, or one alone holds more than an entry can.
        """
        body = encode_records(self.records)
        if len(body) <= SEGMENT_BYTES or len(self.records) == 1:
            yield self._draft(body)
            return
        del body  # before the halves are encoded
        middle = len(self.records) // 2
        for half in (self.records[:middle], self.records[middle:]):
            yield from _gathered(self.entry_class, half).drafts()

    def _draft(self, body: bytes) -> Draft:
        self._see_bounds(len(body))
        return Draft(
            entry_class=self.entry_class,
            records=len(self.records),
            ticks=self.ticks,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
            summary=pack(encode_summary(summarize(self.records))),
            body=pack(body),
        )

    def _see_bounds(self, content_bytes: int) -> None:
        """See that an entry can hold it: what is sealed beyond that could never be read.

        Raises:
            AuditError: It cannot.
        """
        record = self.records[0]
        if content_bytes > MAX_CONTENT_BYTES:
            raise _unfit(
                record, f"it takes {content_bytes:,} bytes, and an entry holds {MAX_CONTENT_BYTES:,}"
            )
        if max(len(self.records), self.ticks) > MOST_COUNT:
            raise _unfit(record, f"it holds {self.ticks:,} ticks, and an entry {MOST_COUNT:,}")
        for record in self.records:
            for value_ns in _times(record):
                if abs(value_ns) > MOST_TIME_NS:
                    raise _unfit(record, f"its time, {value_ns} ns, is more than 64 bits hold")


def gathered_act(entry_class: EntryClass, act: Act) -> Gathered:
    """Return the entry to be of something that was done with the log."""
    return _gathered(entry_class, (act,))


def _unfit(record: Record | Act, why: str) -> AuditError:
    kind = str(record.__struct_config__.tag)
    provider = getattr(record, "provider", None)
    name = kind if provider is None else f"{kind} of {provider}"
    return AuditError(f"a record ({name}) cannot be sealed: {why}; mend the plugin that made it")


def _times(record: Record | Act) -> Sequence[int]:
    """Return the times of a record that stand in an entry's header."""
    if isinstance(record, Routed):
        return (record.recv_ns,)
    if isinstance(record, ClockMeasured):
        return (record.at_ns, record.offset_ns, record.bound_ns)
    return (record.at_ns,)


def _gathered(entry_class: EntryClass, records: Sequence[Record | Act]) -> Gathered:
    """Return the entry to be of some records: a clock that steps back does not hide what came meanwhile."""
    times = [record.recv_ns if isinstance(record, Routed) else record.at_ns for record in records]
    ticks = sum(_ticks(record) for record in records if isinstance(record, Routed))
    return Gathered(entry_class, records, ticks, min(times), max(times))


def _ticks(record: Routed) -> int:
    return len(record.delivered) + len(record.rejected) + sum(len(held.ticks) for held in record.suppressed)


class Journal:
    """The segment that is open, and what became ready.

    Args:
        keep: Which ticks are kept.
        segment_ticks: Ticks that make a segment full.
    """

    def __init__(self, *, keep: Literal["all", "rejected", "none"], segment_ticks: int) -> None:
        self._keep = keep
        self._segment_ticks = segment_ticks
        self._open: list[Routed] = []
        self._ticks = 0
        self._ready: list[Gathered] = []
        self.opened_ns: int | None = None
        """On the monotonic clock, when the oldest tick that is not ready came; None if there is none."""

    def take(self, records: Sequence[Record], mono_ns: int) -> None:
        """Take records, in their order."""
        for record in records:
            if type(record) is Routed:
                kept = self._kept(record)
                ticks = _ticks(kept)
                if ticks or kept.flagged:
                    if self.opened_ns is None:
                        self.opened_ns = mono_ns
                    self._open.append(kept)
                    self._ticks += ticks
                    if self._ticks >= self._segment_ticks:
                        self.close_segment()
            elif not isinstance(record, Routed):
                self.close_segment()
                entry_class: EntryClass = "clock" if isinstance(record, _OF_THE_CLOCK) else "control"
                self._ready.append(_gathered(entry_class, (record,)))

    def close_segment(self) -> None:
        """Make the open segment ready, if there is anything in it."""
        if self._open:
            self._ready.append(_gathered("journal", self._open))
            self._open, self._ticks, self.opened_ns = [], 0, None

    def ready(self) -> Sequence[Gathered]:
        """Return what is ready, once."""
        ready, self._ready = self._ready, []
        return ready

    def waiting(self) -> tuple[int, int]:
        """Return how many records were taken and not handed over, and how many ticks are in them."""
        records = len(self._open) + sum(len(gathered.records) for gathered in self._ready)
        return records, self._ticks + sum(gathered.ticks for gathered in self._ready)

    def _kept(self, record: Routed) -> Routed:
        if self._keep == "all":
            return record
        if self._keep == "none":
            return Routed(provider=record.provider, recv_ns=record.recv_ns, derived=record.derived)
        return Routed(
            provider=record.provider,
            recv_ns=record.recv_ns,
            rejected=record.rejected,
            flagged=record.flagged,
            derived=record.derived,
        )
