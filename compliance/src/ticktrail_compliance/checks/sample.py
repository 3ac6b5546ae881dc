"""Decrypt the last segments of a log, for whoever looks for what is in them.

Owns: which entries are a sample.
Never: keeps what it opened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ticktrail.model import Tick, Undecodable
from ticktrail_compliance.entry import Unsealed, pack
from ticktrail_compliance.reading import entry_of, open_body
from ticktrail_compliance.records import StoredRecord, StoredRouted, decode_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Opened", "sample"]

SEGMENTS = 3


@dataclass(frozen=True, slots=True)
class Opened:
    """A segment in the open.

    Attributes:
        seq: Its entry.
        ticks: All ticks in it, whatever became of them.
        packed: What was encrypted: its content, compressed.
    """

    seq: int
    ticks: Sequence[Tick | Undecodable]
    packed: bytes


def sample(log: AuditLog) -> Sequence[Opened]:
    """Return the last segments of ticks, the oldest first; those that were destroyed are passed over.

    Raises:
        AuditError: The database failed.
    """
    table = schema.entries.c
    found: list[Opened] = []
    before = None
    for _ in range(SEGMENTS):
        where = [table.entry_class == "journal", *(() if before is None else (table.seq < before,))]
        span = log.span(where)
        if span is None:
            break
        before = span[1]
        row = log.row(before)
        try:
            body = b"" if row is None else open_body(entry_of(log.log_id, row), log.keys.find)
            records = decode_records(body) if body else ()
        except (Unsealed, ValueError):
            continue
        found.append(Opened(before, list(_ticks(records)), pack(body)))
    return found[::-1]


def _ticks(records: Sequence[StoredRecord]) -> Iterator[Tick | Undecodable]:
    for record in records:
        if isinstance(record, StoredRouted):
            yield from record.delivered
            yield from (one.tick for one in record.rejected)
            for held in record.suppressed:
                yield from held.ticks
