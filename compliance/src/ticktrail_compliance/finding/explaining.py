"""Tell what became of one tick, and what was known at the time.

Owns: which copies of a tick are the same one to a person: those that bear the venue's id; and what stands beside each.
Never: prints.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from ticktrail.events import (
    ClockMeasured,
    ClockUnavailable,
    FeedStarted,
    LegStateChanged,
    LegSwitched,
)
from ticktrail.model import Tick, Undecodable
from ticktrail_compliance.entry import Header, Unsealed
from ticktrail_compliance.finding.search import Search, Searched, summaries, whole
from ticktrail_compliance.finding.writers import feeds_by_writer
from ticktrail_compliance.reading import (
    EVENTS,
    Range,
    conditions,
    entry_of,
    open_body,
    open_records,
    unreadable,
)
from ticktrail_compliance.records import StoredRecord, StoredRouted, decode_records
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Copy", "Explained", "Situation", "Told", "explain"]

WINDOW = 2_000
"""Entries that are looked through at once, backwards, for what was the case before a tick."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and the entry that tells of it."""

    seq: int
    event: StoredRecord


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What was the case in a feed when the first copy of an instrument's tick came, by what the log had told before.

    Attributes:
        instrument: Which.
        writer: The number of who wrote that copy.
        feed: The feed that this was; None: its first entry does not tell.
        switch: The last one of its instrument; None: there was none since the feed started.
        legs: The last change of each leg's state since the feed started.
        clock: The last measurement of the clock; None: there was none since the feed started.
    """

    instrument: str
    writer: int
    feed: str | None
    switch: Told | None
    legs: Mapping[str, Told]
    clock: Told | None


class Copy(msgspec.Struct, frozen=True, kw_only=True):
    """One copy of a tick, and what became of it.

    Attributes:
        seq: The entry that holds it.
        writer: The number of who wrote that entry.
        feed: The feed that this was; None: its first entry does not tell.
        record: The record's place in the entry, from 0.
        provider: The leg that brought it.
        instrument: Of which.
        routed_ns: When its batch was taken in hand.
        outcome: ``delivered``, ``rejected``, ``suppressed`` or ``flagged``: it went on although rules objected.
        reason: Why it was suppressed.
        violations: What rules found.
        tick: The tick itself.
        checkpoint: The entries that the first checkpoint covers that covers it; None: none does yet.
    """

    seq: int
    writer: int
    feed: str | None = None
    record: int
    provider: str
    instrument: str
    routed_ns: int
    outcome: str
    reason: str | None = None
    violations: Sequence[Mapping[str, object]] = ()
    tick: Tick
    checkpoint: int | None = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """All that the log tells of a tick.

    Attributes:
        tick_id: The id that was asked for.
        copies: In the order of the log.
        situations: What was the case when the first copy of each instrument came in each feed.
        entries: How many entries were looked at.
        opened: How many of them were opened.
        destroyed: How many could not be, since their content was destroyed.
    """

    tick_id: str
    copies: Sequence[Copy]
    situations: Sequence[Situation]
    entries: int
    opened: int
    destroyed: int


def explain(log: AuditLog, tick_id: str, wanted: Search) -> Explained:
    """Return what a log tells of the ticks that bear an id of the venue's.

    Args:
        log: Open to read.
        tick_id: A trade's id, a number or a text; that of an aggregate, or of the trade that a correction corrects.
        wanted: Where to look.

    Raises:
        AuditError: An entry cannot be read.
    """
    searched = Searched()
    copies: list[Copy] = []
    signs = _signs(tick_id)
    for entry, summary in summaries(log, wanted, searched):
        if not wanted.may_hold(summary):
            continue
        searched.opened += 1
        seq = entry.header.seq
        try:
            content = open_body(whole(log, entry), log.keys.find)
            if any(
                sign in content for sign in signs
            ):  # most entries are done with here, without being decoded
                copies.extend(_copies(entry.header, decode_records(content), tick_id, wanted))
        except (Unsealed, ValueError) as exc:
            raise unreadable(seq, exc) from exc
    covering = _covering(log, [copy.seq for copy in copies])
    feeds = feeds_by_writer(log) if copies else {}
    covered = [
        msgspec.structs.replace(copy, checkpoint=covering.get(copy.seq), feed=feeds.get(copy.writer))
        for copy in copies
    ]
    first: dict[tuple[str, str | int], Copy] = {}
    for copy in covered:
        first.setdefault((copy.instrument, copy.feed or copy.writer), copy)
    situations = [_situation(log, copy, feeds) for copy in first.values()]
    return Explained(
        tick_id=tick_id,
        copies=covered,
        situations=situations,
        entries=searched.entries,
        opened=searched.opened,
        destroyed=searched.destroyed,
    )


def _signs(tick_id: str) -> Sequence[bytes]:
    """Return what stands in the bytes of every entry that holds the id."""
    encoder = msgspec.msgpack.Encoder()
    signs = [encoder.encode(tick_id)]
    if tick_id.isascii() and tick_id.removeprefix("-").isdigit() and abs(int(tick_id)) < 2**63:
        signs.append(encoder.encode(int(tick_id)))
    return signs


def _copies(header: Header, records: Sequence[StoredRecord], tick_id: str, wanted: Search) -> Iterator[Copy]:
    for place, record in enumerate(records):
        if not isinstance(record, StoredRouted):
            continue
        for outcome, tick, beside in _outcomes(record):
            names = [str(getattr(tick, name, "")) for name in ("id", "original_id")]
            instrument = getattr(tick, "instrument", "")
            if (
                tick_id in names
                and wanted.selection.times.holds(record.recv_ns)
                and (not wanted.selection.instruments or instrument in wanted.selection.instruments)
                and (not wanted.selection.providers or tick.provider in wanted.selection.providers)
            ):
                yield Copy(
                    seq=header.seq,
                    writer=header.writer,
                    record=place,
                    provider=tick.provider,
                    instrument=instrument,
                    routed_ns=record.recv_ns,
                    outcome=outcome,
                    tick=tick,
                    reason=beside if isinstance(beside, str) else None,
                    violations=() if isinstance(beside, str) else beside,
                )


def _outcomes(record: StoredRouted) -> Iterator[tuple[str, Tick, str | Sequence[Mapping[str, object]]]]:
    for tick in record.delivered:
        yield "delivered", tick, ()
    for rejected in record.rejected:
        if not isinstance(rejected.tick, Undecodable):  # what could not be decoded has no id
            yield "rejected", rejected.tick, rejected.violations
    for held in record.suppressed:
        for tick in held.ticks:
            yield "suppressed", tick, held.reason
    for flagged in record.flagged:
        yield "flagged", flagged.tick, flagged.violations


def _situation(log: AuditLog, copy: Copy, feeds: Mapping[int, str]) -> Situation:
    """Look backwards from a copy to the start of its feed, past what other feeds wrote meanwhile."""
    before, instrument = copy.seq, copy.instrument
    own = {number for number, feed in feeds.items() if feed == copy.feed} | {copy.writer}
    switch: Told | None = None
    clock: Told | None = None
    legs: dict[str, Told] = {}
    started = False
    for seq, record in _backwards(log, before, frozenset(own)):
        told = Told(seq=seq, event=record)
        match record:
            case LegSwitched() if (
                not started
                and switch is None
                and (record.instruments is None or instrument in record.instruments)
            ):
                switch = told
            case LegStateChanged() if not started:
                legs.setdefault(record.provider, told)
            case ClockMeasured() | ClockUnavailable() if clock is None:
                clock = told
            case FeedStarted():
                started = True
            case _:
                pass
        if started and clock is not None:
            break
        if started and seq < before - WINDOW:
            break  # the clock was not measured, or long before
    return Situation(
        instrument=instrument,
        writer=copy.writer,
        feed=copy.feed,
        switch=switch,
        legs=dict(sorted(legs.items())),
        clock=clock,
    )


def _backwards(log: AuditLog, before: int, writers: frozenset[int]) -> Iterator[tuple[int, StoredRecord]]:
    """Yield the events of some writers before an entry, the last one first."""
    where = conditions(Range(classes=EVENTS, writers=writers))
    last = before - 1
    while last >= 1:
        first = max(1, last - WINDOW + 1)
        events: list[tuple[int, StoredRecord]] = []
        for row in log.rows(first, last, where):
            try:
                entry = entry_of(log.log_id, row)
                if log.keys.find(entry.header.key_id) is None:
                    continue  # destroyed, or damaged, which verification tells
                events.extend((row.seq, record) for record in open_records(entry, log.keys.find))
            except (Unsealed, ValueError) as exc:
                raise unreadable(row.seq, exc) from exc
        yield from reversed(events)
        last = first - 1


def _covering(log: AuditLog, seqs: Collection[int]) -> Mapping[int, int]:
    """Return, by entry, the size of the first of the log's own checkpoints that covers it; none where none does yet."""
    found: dict[int, int] = {}
    missing = sorted(set(seqs), reverse=True)
    for row in log.checkpoint_notes() if missing else ():
        while missing and type(row.size) is int and row.size >= missing[-1]:
            found[missing.pop()] = row.size
        if not missing:
            break
    return found
