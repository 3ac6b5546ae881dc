"""Keep one audit log: its identity, its data keys, its head, and entries added in whole transactions.

Owns: what stands in which table, and that nobody else wrote since.
Never: decides what goes into an entry (the journal does) or judges one (verification does).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import sqlalchemy
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ticktrail.claim import FileClaim
from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance import schema
from ticktrail_compliance.database import name_of, recording
from ticktrail_compliance.entry import FIRST_DIGEST, Entry, EntryClass
from ticktrail_compliance.keys import MasterKey

__all__ = ["AuditLog", "DataKey", "Head"]

PAGE_ENTRIES = 100


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of one kind of entry and one month (UTC, ``YYYY-MM``)."""

    key_id: int
    kind: str
    month: str
    cipher: AESGCM


@dataclass(frozen=True, slots=True)
class Head:
    """The last entry, as the log has it; `genuine` if the master key says so."""

    seq: int
    digest: bytes
    genuine: bool


class AuditLog:
    """An open log; made by `ticktrail_compliance.opening.open_log`.

    Blocking: a program with an event loop calls it in a worker thread.
    """

    def __init__(
        self, connection: Connection, key: MasterKey, identity: sqlalchemy.Row[tuple[str, int, int]]
    ) -> None:
        self.log_id = identity.log_id
        self._connection = connection
        self._key = key
        self._identity = f"{identity.log_id}|{identity.schema_version}|{identity.created_ns}"
        self._data_keys: dict[tuple[str, str], DataKey] = {}
        self._head = Head(0, FIRST_DIGEST, genuine=True)
        self._writer: FileClaim | None = None

    def holds(self, writer: FileClaim | None) -> None:
        """Keep the right to write until the log is closed."""
        self._writer = writer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()
        self._connection.engine.dispose()
        if self._writer is not None:
            self._writer.release()

    def head(self) -> Head | None:
        """Return the last entry by the log's own word; None if that word is gone."""
        with recording(self._connection):
            row = self._connection.execute(select(schema.head)).first()
        if row is None:
            return None
        return Head(
            row.seq, row.digest, genuine=self._key.mac(self._head_message(row.seq, row.digest)) == row.mac
        )

    def resume(self) -> Head:
        """Return the head to go on from.

        Raises:
            ConfigError: The log's end is not what was sealed.
        """
        head = self.head()
        with recording(self._connection):
            last = self._connection.execute(select(func.max(schema.entries.c.seq))).scalar() or 0
            self._connection.rollback()
        if head is None or not head.genuine or head.seq != last:
            raise ConfigError(
                f"audit database {name_of(self._connection)}: the log's end is not what was sealed; keep "
                f"the file as it is, run `ticktrail audit verify`, and name another database to go on"
            )
        self._head = head
        return head

    def data_key(self, kind: EntryClass, at_ns: int) -> DataKey:
        """Return the key for entries of a kind, of the month of `at_ns`; made at the first use.

        Raises:
            AuditError: It cannot be stored, or the one that is stored was changed.
        """
        month = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m")
        found = self._data_keys.get((kind, month))
        if found is None:
            found = self._stored_key(kind, month) or self._new_key(kind, month)
            self._data_keys[kind, month] = found
        return found

    def all_data_keys(self) -> Iterator[tuple[int, str, str, DataKey | None]]:
        """Yield number, kind and month of every stored key, with the key where it can be unwrapped."""
        with recording(self._connection):
            rows = self._connection.execute(select(schema.keys).order_by(schema.keys.c.key_id)).all()
        for row in rows:
            yield (
                row.key_id,
                str(row.kind),
                str(row.month),
                self._unwrapped(row),
            )

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries that follow the head, all or none.

        Raises:
            AuditError: The database failed, or somebody else added an entry since.
        """
        last = entries[-1]
        seq, digest = last.header.seq, last.digest
        with recording(self._connection):
            self._connection.execute(
                schema.entries.insert(),
                [
                    {
                        "seq": entry.header.seq,
                        "kind": entry.header.kind,
                        "written_ns": entry.header.written_ns,
                        "first_ns": entry.header.first_ns,
                        "last_ns": entry.header.last_ns,
                        "ticks": entry.header.ticks,
                        "key_id": entry.header.key_id,
                        "nonce": entry.header.nonce,
                        "body": entry.body,
                        "previous": entry.previous,
                        "digest": entry.digest,
                    }
                    for entry in entries
                ],
            )
            moved = self._connection.execute(
                schema.head.update()
                .where(schema.head.c.seq == self._head.seq, schema.head.c.digest == self._head.digest)
                .values(seq=seq, digest=digest, mac=self._key.mac(self._head_message(seq, digest)))
            )
            if moved.rowcount != 1:
                self._connection.rollback()
                raise AuditError(
                    f"audit database {name_of(self._connection)}: somebody else wrote to this log; give "
                    f"each feed a database of its own"
                )
            self._connection.commit()
        self._head = Head(seq, digest, genuine=True)

    def count(self) -> int:
        """Return how many entries there are."""
        with recording(self._connection):
            return self._connection.execute(select(func.count()).select_from(schema.entries)).scalar_one()

    def rows(
        self, from_seq: int = 1, to_seq: int | None = None
    ) -> Iterator[sqlalchemy.Row[tuple[object, ...]]]:
        """Yield the rows of entries in order of their number, some at a time."""
        column = schema.entries.c.seq
        after: int | None = None
        while True:
            wanted = select(schema.entries).order_by(column).limit(PAGE_ENTRIES)
            wanted = wanted.where(column >= from_seq) if after is None else wanted.where(column > after)
            if to_seq is not None:
                wanted = wanted.where(column <= to_seq)
            with recording(self._connection):
                page = self._connection.execute(wanted).all()
            if not page:
                return
            yield from page
            after = page[-1].seq

    def begin(self) -> None:
        """Write the first head of a new log."""
        mac = self._key.mac(self._head_message(0, FIRST_DIGEST))
        self._connection.execute(schema.head.insert().values(id=1, seq=0, digest=FIRST_DIGEST, mac=mac))

    def is_key(self) -> bool:
        """Tell whether the master key is the one of this log: its head or one of its data keys says so."""
        head = self.head()
        return (head is not None and head.genuine) or any(key is not None for *_, key in self.all_data_keys())

    def _head_message(self, seq: object, digest: object) -> bytes:
        return f"{self._identity}|{seq}|{digest!r}".encode()

    def _stored_key(self, kind: EntryClass, month: str) -> DataKey | None:
        table = schema.keys
        with recording(self._connection):
            row = self._connection.execute(
                select(table).where(table.c.kind == kind, table.c.month == month)
            ).first()
        if row is None:
            return None
        found = self._unwrapped(row)
        if found is None:
            raise AuditError(
                f"audit database {name_of(self._connection)}: data key {row.key_id} ({kind} {month}) was "
                f"changed; run `ticktrail audit verify`, and restore the row from a backup"
            )
        return found

    def _new_key(self, kind: EntryClass, month: str) -> DataKey:
        value = AESGCM.generate_key(256)
        table = schema.keys
        with recording(self._connection):
            key_id = (self._connection.execute(select(func.max(table.c.key_id))).scalar() or 0) + 1
            wrapped = self._key.wrap(value, self._key_context(key_id, kind, month))
            self._connection.execute(
                table.insert().values(key_id=key_id, kind=kind, month=month, wrapped=wrapped)
            )
            self._connection.commit()
        return DataKey(key_id, kind, month, AESGCM(value))

    def _unwrapped(self, row: sqlalchemy.Row[tuple[object, ...]]) -> DataKey | None:
        key_id, kind, month, wrapped = row.key_id, row.kind, row.month, row.wrapped
        shape = [type(value) for value in (key_id, kind, month, wrapped)]
        if shape != [int, str, str, bytes]:  # whoever changed the row could put anything there
            return None
        value = self._key.unwrap(wrapped, self._key_context(key_id, kind, month))
        return None if value is None else DataKey(key_id, kind, month, AESGCM(value))

    def _key_context(self, key_id: int, kind: str, month: str) -> bytes:
        return f"{self.log_id}|{key_id}|{kind}|{month}".encode()
