"""Tell the writers of a log apart: which feed each was.

Owns: what a writer's first entry says of it, and which writers `--writer` and `--feed` name.
Never: opens an entry other than the first of a writer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import click

from ticktrail_compliance.acts import WriterOpened
from ticktrail_compliance.entry import Header, Unsealed
from ticktrail_compliance.reading import Range, entry_of, open_records, rows_of
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Opening", "Writers", "feed_openings", "feeds_by_writer", "opening_of"]

FEED = "feed "
"""How the purpose of a writer begins that is a feed; its name follows."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A feed's first entry: who writes, for which feed, in which entry, and what that says."""

    writer: int
    feed: str
    seq: int
    act: WriterOpened


@dataclass(frozen=True, slots=True)
class Writers:
    """Whose entries are wanted, as a command line names them; nothing of both: everybody's."""

    numbers: frozenset[int] = frozenset()
    feeds: frozenset[str] = frozenset()

    def find(self, log: AuditLog) -> frozenset[int] | None:
        """Return the numbers that are meant, those that both name where both are given; None for every writer.

        Raises:
            click.UsageError: A feed of that name has never written the log.
        """
        if not self.feeds:
            return self.numbers or None
        known = feeds_by_writer(log)
        for name in sorted(self.feeds.difference(known.values())):
            have = ", ".join(sorted(set(known.values()))) or "none"
            raise click.UsageError(f"--feed {name}: no feed of this name has written this log; {have} have")
        named = frozenset(number for number, feed in known.items() if feed in self.feeds)
        return named & self.numbers if self.numbers else named


def feeds_by_writer(log: AuditLog) -> Mapping[int, str]:
    """Return the feed that each writer was; a command that wrote is none, and what cannot be opened tells nothing."""
    return {one.writer: one.feed for one in feed_openings(log)}


def feed_openings(log: AuditLog) -> Iterator[Opening]:
    """Yield how each feed began to write, in order; what cannot be opened tells nothing."""
    first = schema.entries.c.counter == 1
    for row in rows_of(log, Range(classes=frozenset({"access"})), first):
        try:
            entry = entry_of(log.log_id, row)
            records = open_records(entry, log.keys.find)
        except (Unsealed, ValueError):
            continue
        for record in records:
            if (opening := opening_of(entry.header, record)) is not None:
                yield opening


def opening_of(header: Header, record: StoredRecord) -> Opening | None:
    """Return how a feed began to write, where a record of an entry tells that."""
    if header.counter == 1 and isinstance(record, WriterOpened) and record.purpose.startswith(FEED):
        return Opening(header.writer, record.purpose.removeprefix(FEED), header.seq, record)
    return None
