"""Find entries of a log by their summaries.

Owns: what a search asks, and the counts of what it found.
Never: opens a body, but where a rule is asked for, which summaries do not name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from ticktrail_compliance.destroyed import DestroyedKeys
from ticktrail_compliance.entry import Entry, Unsealed
from ticktrail_compliance.export.selection import Selection, counts
from ticktrail_compliance.reading import conditions, entry_of, open_records, open_summary, unreadable
from ticktrail_compliance.records import StoredRouted
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.summary import Summary

__all__ = ["Found", "Search", "Searched", "search", "summaries", "whole"]


@dataclass(frozen=True, slots=True)
class Search:
    """What an entry must hold: one of each set that is not empty; `writers`: whose it must be, None: anybody's."""

    selection: Selection
    channels: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    writers: frozenset[int] | None = None

    def may_hold(self, summary: Summary) -> bool:
        """Tell whether a summary tells of all that is asked for; rules are not in it."""
        return (
            self.selection.may_hold(summary)
            and (not self.channels or not self.channels.isdisjoint(summary.channels))
            and (not self.events or not self.events.isdisjoint(summary.events))
            and (not self.rules or summary.rejected + summary.flagged > 0)
        )


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that holds what was asked for.

    Attributes:
        seq: Its number.
        writer: The number of who wrote it.
        entry_class: Its class.
        first_ns: The earliest time of its records.
        last_ns: The latest.
        events: How many records of each kind.
        ticks: How many ticks by what became of them; only those that there are.
        instruments: Of which.
        providers: Whose.
        channels: On which.
        rules: How often each rule that was asked for objected; empty where none was.
    """

    seq: int
    writer: int
    entry_class: str
    first_ns: int
    last_ns: int
    events: Mapping[str, int]
    ticks: Mapping[str, int]
    instruments: Sequence[str]
    providers: Sequence[str]
    channels: Sequence[str]
    rules: Mapping[str, int] = {}


@dataclass(slots=True)
class Searched:
    """What was looked at so far."""

    entries: int = 0
    found: int = 0
    opened: int = 0
    destroyed: int = 0
    totals: Counter[str] = field(default_factory=Counter)


def search(log: AuditLog, wanted: Search, searched: Searched) -> Iterator[Found]:
    """Yield the entries that hold what is asked for, in order.

    Args:
        log: Open to read.
        wanted: What they must hold.
        searched: Is counted up.

    Raises:
        AuditError: An entry cannot be read.
    """
    for entry, summary in summaries(log, wanted, searched):
        if not wanted.may_hold(summary):
            continue
        rules: Mapping[str, int] = {}
        if wanted.rules:
            searched.opened += 1
            rules = _objections(log, entry, wanted.rules)
            if not rules:
                continue
        ticks: dict[str, int] = {
            name: count for name, count in counts(summary).items() if count and name != "event"
        }
        searched.found += 1
        searched.totals.update(ticks)
        searched.totals.update({"event": counts(summary)["event"]})
        header = entry.header
        yield Found(
            seq=header.seq,
            writer=header.writer,
            entry_class=header.entry_class,
            first_ns=header.first_ns,
            last_ns=header.last_ns,
            events=summary.events,
            ticks=ticks,
            instruments=summary.instruments,
            providers=summary.providers,
            channels=summary.channels,
            rules=rules,
        )


def summaries(
    log: AuditLog, wanted: Search, searched: Searched, to_seq: int | None = None
) -> Iterator[tuple[Entry, Summary]]:
    """Yield the entries of some times, classes and writers with their summaries; those that were destroyed are counted.

    Raises:
        AuditError: An entry cannot be read.
    """
    selection = wanted.selection
    where = conditions(replace(selection.times, classes=selection.classes or None, writers=wanted.writers))
    destroyed = DestroyedKeys(log)
    for row in log.summary_rows(1, to_seq, where):
        searched.entries += 1
        try:
            entry = entry_of(log.log_id, row)
            if destroyed.at_all(entry.header.key_id):
                searched.destroyed += 1
                continue
            summary = open_summary(entry, log.keys.find)
        except (Unsealed, ValueError) as exc:
            raise unreadable(row.seq, exc) from exc
        yield entry, summary


def whole(log: AuditLog, entry: Entry) -> Entry:
    """Return an entry with its body.

    Raises:
        Unsealed: It is gone, or was changed meanwhile.
    """
    row = log.row(entry.header.seq)
    found = None if row is None else entry_of(log.log_id, row)
    if found is None or found.digest != entry.digest:
        raise Unsealed("it is gone, or it was changed meanwhile")
    return found


def _objections(log: AuditLog, entry: Entry, rules: frozenset[str]) -> Mapping[str, int]:
    """Return how often each of some rules objected in an entry."""
    try:
        records = open_records(whole(log, entry), log.keys.find)
    except (Unsealed, ValueError) as exc:
        raise unreadable(entry.header.seq, exc) from exc
    found: Counter[str] = Counter()
    for record in records:
        if isinstance(record, StoredRouted):
            judged = [one.violations for one in record.rejected] + [one.violations for one in record.flagged]
            for violations in judged:
                found.update({str(one.get("rule")) for one in violations} & rules)
    return dict(sorted(found.items()))
