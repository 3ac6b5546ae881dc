"""Tell the writers of a log apart: which feed each was.

Owns: what a writer's first entry says of it, and which writers `--writer` and `--feed` name.
Never: opens an entry other than the first of a writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from ticktrail_compliance.acts import WriterOpened
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.reading import Range, conditions, entry_of, open_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Writers", "feeds_by_writer"]

FEED = "feed "
"""How the purpose of a writer begins that is a feed; its name follows."""


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
    found: dict[int, str] = {}
    first = schema.entries.c.counter == 1
    for row in log.rows(1, None, [first, *conditions(Range(classes=frozenset({"access"})))]):
        try:
            entry = entry_of(log.log_id, row)
            records = open_records(entry, log.keys.find)
        except (Unsealed, ValueError):
            continue
        for record in records:
            if isinstance(record, WriterOpened) and record.purpose.startswith(FEED):
                found[entry.header.writer] = record.purpose.removeprefix(FEED)
    return found
