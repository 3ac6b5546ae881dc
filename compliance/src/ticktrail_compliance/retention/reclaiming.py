"""Give back the room of what nobody can read any more.

Owns: which ciphertexts are removed: those under keys that are destroyed, and told to be; and how a database gives room
back without keeping a feed from writing.
Never: touches header, hashes or tree: what is removed stays proven.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from ticktrail.errors import AuditError
from ticktrail_compliance.destroyed import destroyed_keys
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import size_of
from ticktrail_compliance.store.database import Database
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Removed", "compact", "disk_bytes", "reclaim", "reclaimable"]

BATCH_ENTRIES = 200
BATCH_BYTES = 32 * 2**20
"""What one transaction removes at most: a feed that writes to the same file waits for it."""

BATCH_PAGES = 2_000
"""The same of free pages: 8 MiB where a page has 4 KiB."""

QUICK_BYTES = 128 * 2**20
"""Up to so much a file is written anew whole within a feed's patience."""

_INCREMENTAL = 2


@dataclass(frozen=True, slots=True)
class Removed:
    """What one transaction removed: entries, and the bytes of their ciphertexts."""

    entries: int
    content_bytes: int


def reclaimable(log: AuditLog, done: Collection[int]) -> Sequence[int]:
    """Return the keys that are destroyed and told to be, save those of which the log says that nothing is left.

    Raises:
        AuditError: The log or its key store cannot be read.
    """
    return sorted(
        key_id for key_id in destroyed_keys(log) if key_id not in done and log.keys.is_destroyed(key_id)
    )


def reclaim(log: AuditLog, key_id: int) -> Iterator[Removed]:
    """Remove the ciphertexts under a destroyed key, some in each step, and say how many each time.

    Interrupted anywhere, it goes on with what is left.

    Raises:
        AuditError: The database failed.
    """
    table = schema.entries
    parts = [table.c.summary, table.c.body]
    size = size_of(parts, log.database.dialect).label("size")
    left = (table.c.key_id == key_id, or_(*(part.is_not(None) for part in parts)))
    wanted = select(table.c.seq, size).where(*left).order_by(table.c.seq).limit(BATCH_ENTRIES)
    while True:
        with log.database.writing() as connection:
            seqs: list[int] = []
            held = 0
            for row in connection.execute(wanted).all():
                if seqs and held + row.size > BATCH_BYTES:
                    break
                seqs.append(row.seq)
                held += row.size
            if seqs:
                gone = table.update().where(table.c.seq.in_(seqs)).values(summary=None, body=None)
                connection.execute(gone)
        if not seqs:
            return
        yield Removed(len(seqs), held)


def disk_bytes(log: AuditLog) -> int:
    """Return how much room the log's entries take; 0 where the database does not say."""
    database = log.database
    if database.dialect == "sqlite":
        return _pragma(database, "page_count") * _pragma(database, "page_size")
    if database.dialect == "postgresql":
        (size,) = database.run_outside(f"SELECT pg_total_relation_size('{schema.entries.name}')")
        return int(str(size))
    return 0


def compact(log: AuditLog, *, whole: bool | None) -> Iterator[None]:
    """Let the database give free room back to the disk, some in each step.

    An SQLite file that an earlier version made has to be written anew once, and nobody can write to it meanwhile.

    Args:
        log: Open to be written.
        whole: Write such a file anew: True: in any case; False: never; None: where it is done within a moment. What is
            not given back is used for later entries.

    Raises:
        AuditError: The database failed, or somebody else wrote for too long.
    """
    database = log.database
    if database.dialect == "postgresql":
        database.run_alone(f"VACUUM {schema.entries.name}")
        yield
    elif database.dialect == "sqlite":
        yield from _shrunk(database, whole=whole)


def _shrunk(database: Database, *, whole: bool | None) -> Iterator[None]:
    free = _pragma(database, "freelist_count")
    if not free:
        return
    if _pragma(database, "auto_vacuum") == _INCREMENTAL:
        while free:
            database.run_outside(f"PRAGMA incremental_vacuum({BATCH_PAGES})")
            yield
            before, free = free, _pragma(database, "freelist_count")
            if free >= before:  # a feed frees and takes pages meanwhile
                break
    else:
        left = (_pragma(database, "page_count") - free) * _pragma(database, "page_size")
        if whole is False or (whole is None and left > QUICK_BYTES):
            return
        database.run_outside("PRAGMA auto_vacuum = INCREMENTAL")  # from now on page by page
        database.run_alone("VACUUM")
        yield
    database.run_outside(
        "PRAGMA wal_checkpoint(TRUNCATE)"
    )  # where a reader is in the way, a later one does it


def _pragma(database: Database, name: str) -> int:
    (found,) = database.run_outside(f"PRAGMA {name}")
    if not isinstance(found, int):
        raise AuditError(f"audit database {database.name} failed: it does not tell its {name}")
    return found
