"""Tell which data keys a hold stops from being destroyed.

Owns: that a key is stopped when one entry under it lies within, that an entry is a leg's where it names that leg in
any role; and that what cannot be read to tell counts as lying within.
Never: destroys anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, select

from ticktrail.errors import AuditError
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.reading import Range, conditions, entry_of, open_body, open_summary
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import size_of
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Sealed", "named_legs", "sealed_under", "stopping"]


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one data key sealed, as the columns of the log say.

    Attributes:
        entries: How many entries.
        content_bytes: Of their ciphertexts.
        first_seq: The first of them.
        last_seq: The last one.
        first_ns: The earliest time of a record.
        last_ns: The latest.
    """

    entries: int
    content_bytes: int
    first_seq: int
    last_seq: int
    first_ns: int
    last_ns: int


def sealed_under(log: AuditLog, key_id: int) -> Sealed | None:
    """Return what a key sealed; None: nothing, as where a writer ended before its first entry.

    Raises:
        AuditError: The log cannot be read, or a column holds what it never should.
    """
    table = schema.entries.c
    size = size_of([table.summary, table.body], log.database.dialect)
    wanted = select(
        func.count(),
        func.coalesce(func.sum(size), 0),
        func.min(table.seq),
        func.max(table.seq),
        func.min(table.first_ns),
        func.max(table.last_ns),
    ).where(table.key_id == key_id)
    with log.database.reading() as connection:
        found = connection.execute(wanted).one()
    if not found[0]:
        return None
    numbers = [int(found[1]), *found[2:]]  # a sum is a Decimal in some databases
    if any(type(one) is not int for one in numbers):
        raise AuditError(
            f"entries under data key {key_id} have columns that hold no whole number; run `ticktrail audit verify`"
        )
    return Sealed(found[0], *numbers)


def stopping(
    log: AuditLog, holds: Iterable[Hold], key_id: int, entry_class: str, *, open_entries: bool = True
) -> Sequence[Hold]:
    """Return those of some holds that stop a key.

    Args:
        log: Open to read.
        holds: Which.
        key_id: The key.
        entry_class: What it seals.
        open_entries: Open summaries to tell instruments and providers, which takes its time where there are many;
            False: class and time alone decide, which stops more.

    Raises:
        AuditError: The log cannot be read.
    """
    return [
        hold for hold in holds if hold.is_of(entry_class) and _lies_within(log, hold, key_id, open_entries)
    ]


def _lies_within(log: AuditLog, hold: Hold, key_id: int, open_entries: bool) -> bool:
    table = schema.entries.c
    where = [table.key_id == key_id, *conditions(Range(since_ns=hold.from_ns, until_ns=hold.to_ns))]
    if hold.from_seq is not None:
        where.append(table.seq >= hold.from_seq)
    if hold.to_seq is not None:
        where.append(table.seq <= hold.to_seq)
    if not (open_entries and hold.is_by_content):
        with log.database.reading() as connection:
            return connection.execute(select(table.seq).where(*where).limit(1)).first() is not None
    for row in log.summary_rows(where=where):
        try:
            summary = open_summary(entry_of(log.log_id, row), log.keys.find)
            if hold.names(summary) or (
                hold.is_of_instruments(summary) and named_legs(log, row.seq, hold.providers)
            ):
                return True
        except (Unsealed, ValueError):
            return True  # nobody can tell
    return False


def named_legs(log: AuditLog, seq: int, legs: Collection[str]) -> frozenset[str]:
    """Return which of some legs an entry names, in whatever role: that spoke before, that a rule compared with.

    Summaries tell whose ticks an entry holds, and no more. A name is looked for as MessagePack writes a text, so that
    it is found wherever a record has it, of whatever plugin; the same text in another place is found as well.

    Raises:
        Unsealed: The entry cannot be opened.
        ValueError: Its content cannot be read.
        AuditError: The log cannot be read.
    """
    row = log.row(seq) if legs else None
    if row is None:
        return frozenset()
    body = open_body(entry_of(log.log_id, row), log.keys.find)
    return frozenset(leg for leg in legs if msgspec.msgpack.encode(leg) in body)
