"""Keep the data keys of a log, wrapped, apart from what they seal.

Owns: which key seals what, the log's own secret and what is derived from it, and the end of a key.
Never: stores a key in the open, or hands one out for another class, month or writer than it was made for.

A data key belongs to one writer, one class of entries and one month: a log that is put back from a copy goes on under
another writer's keys, so that no nonce comes twice even then, and a month of a class can be destroyed alone. The log's
own secret is key 0: what signs checkpoints and authenticates the head follows from it, and so stays what it is when
the key that wraps all others is exchanged.
"""

from __future__ import annotations

import contextlib
import hmac
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import sqlalchemy
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.entry import CLASSES, EntryClass
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded_columns
from ticktrail_compliance.store.database import Database
from ticktrail_compliance.store.datakey import DataKey, KeyState
from ticktrail_compliance.vault.provider import KeyProvider

__all__ = ["Answers", "DataKey", "KeyState", "KeyStore", "month_of"]

Answers: TypeAlias = Mapping[int, tuple[tuple[object, ...], bytes | None]]
"""What a provider made of wrapped keys, by their numbers: the row that it was asked about, and the key in the open."""

SECRET_BYTES = 32
LOG_SECRET = 0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Counted from here, since `datetime.fromtimestamp` follows a machine whose zone counts leap seconds."""
_LOG_CLASS = "log"

AT_ONCE = 500
"""Keys that one statement names: databases bound how many values one may."""

ROTATION_LOCK = 7_310_312_883_108_114_018
"""An advisory lock of this program's."""


class KeyStore:
    """The data keys of one log; blocking.

    Args:
        database: Where they are.
        log_id: Whose.
        provider: What wraps them.
    """

    def __init__(self, database: Database, log_id: str, provider: KeyProvider) -> None:
        self.database = database
        self.provider = provider
        self._log_id = log_id
        self._known: dict[int, DataKey] = {}
        self._answers: dict[int, tuple[tuple[object, ...], bytes | None]] = {}
        self._gone: set[int] = set()
        self._secret: bytes | None = None

    def begin(self, connection: Connection | None) -> None:
        """Make the log's own secret.

        Args:
            connection: In a transaction of the store's own database; None: a transaction of its own.

        Raises:
            ConfigError: The store holds the keys of another log.
            AuditError: The secret cannot be wrapped or stored.
        """
        if connection is None:
            with self.database.writing() as own:
                return self.begin(own)
        table = schema.keys
        there = connection.execute(select(table.c.key_id).order_by(table.c.key_id).limit(2)).scalars().all()
        if there == [LOG_SECRET]:  # a log was begun, and its database never got so far
            connection.execute(table.delete().where(table.c.key_id == LOG_SECRET))
        elif there:
            raise ConfigError(
                f"key store {self.database.name} holds the keys of another log, and the audit database holds none: "
                "put that log's database back, or name another store (keys)"
            )
        secret = os.urandom(SECRET_BYTES)
        connection.execute(table.insert().values(self._wrapped(LOG_SECRET, _LOG_CLASS, "", 0, secret)))
        self._secret = secret
        return None

    def open(self) -> None:
        """Unwrap the log's own secret, which tells whether the key at hand is the right one.

        Raises:
            ConfigError: It is not, or the store has lost the log's secret; nothing was written.
        """
        row = self._row(LOG_SECRET)
        if row is None:
            raise ConfigError(
                f"the key store {self.database.name} does not hold the secret of log {self._log_id}: name the store "
                "that belongs to it (keys), or restore it from its own backup"
            )
        secret = self._unwrapped(row)
        if secret is None:
            wrapped_by = "" if row.kek == self.provider.key_id else f": it was wrapped by key {row.kek}"
            raise ConfigError(
                f"the audit key in {self.provider.origin} ({self.provider.key_id}) is not the one that the keys in "
                f"{self.database.name} were wrapped with{wrapped_by}; nothing was written. Name the right key, or "
                "another database for a new log"
            )
        self._secret = secret

    def derived(self, purpose: bytes) -> bytes:
        """Return 32 bytes for one purpose, which follow from the log's secret (RFC 5869)."""
        if self._secret is None:
            raise RuntimeError("the key store is not open")
        return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=purpose).derive(self._secret)

    def mac(self, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of a message under a key of the log's."""
        return hmac.digest(self.derived(b"ticktrail audit: authenticate the head"), message, "sha256")

    def new(self, entry_class: EntryClass, month: str, writer: int) -> DataKey:
        """Make a data key, stored before this returns.

        Raises:
            AuditError: It cannot be stored, or the key that wraps was exchanged since the log was opened.
        """
        key_id = int.from_bytes(os.urandom(8), "big") >> 1 or 1  # what no other store or copy of it has used
        value = AESGCM.generate_key(256)
        row = self._wrapped(
            key_id, entry_class, month, writer, value
        )  # a key service is not waited for under a lock
        table = schema.keys
        with self.database.writing() as connection:
            self._hold_rotation(connection, "pg_advisory_xact_lock_shared")
            above = select(table.c.kek).where(table.c.key_id == LOG_SECRET)
            if connection.execute(above).scalar() != self.provider.key_id:
                raise AuditError(
                    f"key store {self.database.name}: the key that wraps data keys was exchanged while this process "
                    "ran; name the new one and start it again"
                )
            connection.execute(table.insert().values(row))
        key = DataKey(key_id, entry_class, month, writer, AESGCM(value))
        self._known[key_id] = key
        return key

    def find(self, key_id: int) -> DataKey | None:
        """Return a data key; None where it is not there, or not whole."""
        known = self._known.get(key_id)
        if known is None and key_id not in self._gone:
            row = self._row(key_id)
            known = None if row is None else self._state(row).key
            if known is not None:
                self._known[key_id] = known
        return known

    def look_up(self, key_ids: Collection[int]) -> None:
        """Read data keys that will be asked for, some hundred by one statement: `find` then asks for none of them.

        Raises:
            AuditError: The store failed.
        """
        table = schema.keys
        new = sorted(set(key_ids) - self._known.keys() - self._gone)
        for start in range(0, len(new), AT_ONCE):
            with self.database.reading() as connection:
                wanted = select(*bounded_columns(table, self.database.dialect))
                some = table.c.key_id.in_(new[start : start + AT_ONCE])
                rows = connection.execute(wanted.where(some)).all()
            for row in rows:
                state = self._state(row)
                if state.key is not None:
                    self._known[row.key_id] = state.key
                elif state.state == "destroyed":  # which no key comes back from, but by a backup
                    self._gone.add(row.key_id)

    def is_missing(self, key_id: int) -> bool:
        """Tell whether the store has no row of a data key, be it whole, damaged or destroyed."""
        return key_id not in self._known and key_id not in self._gone and self._row(key_id) is None

    def is_destroyed(self, key_id: int) -> bool:
        """Tell whether a data key was taken out and its row kept, by the store's word alone."""
        row = self._row(key_id)
        return row is not None and row.wrapped is None

    def states(self) -> Iterator[KeyState]:
        """Yield every data key, the log's own secret left out."""
        for row in self._rows():
            if row.key_id != LOG_SECRET:
                yield self._state(row)

    def answers(self) -> Answers:
        """Return what the provider made of the rows that it was asked about: a service is asked once about each."""
        return self._answers

    def learn(self, answers: Answers) -> None:
        """Take what another process's provider, the same as this one's, made of rows."""
        self._answers.update(answers)

    def exported(self, key_ids: Collection[int]) -> dict[int, bytes]:
        """Return data keys in the open, for whoever is to read what they seal; those that are not whole are missing."""
        values = ((row.key_id, self._unwrapped(row)) for row in self._rows() if row.key_id in key_ids)
        return {key_id: value for key_id, value in values if value is not None}

    def destroy(self, key_ids: Sequence[int]) -> int:
        """Destroy data keys for good: what they seal can be read by nobody any more. Returns how many there were.

        The rows stay, to tell that they were there; their place on the disk is overwritten where the database can.

        Raises:
            AuditError: The store failed.
        """
        with self.scrubbing():
            return self.take_out(key_ids)

    def take_out(self, key_ids: Sequence[int], within: Connection | None = None) -> int:
        """Do the same within `scrubbing`, so that something else can be held still meanwhile.

        Args:
            key_ids: Which.
            within: In a transaction of the store's own database; None: a transaction of its own.

        Raises:
            AuditError: The store failed.
        """
        if within is None:
            with self.database.writing() as own:
                return self.take_out(key_ids, own)
        if LOG_SECRET in key_ids:
            raise ValueError("the log's own secret is not a data key")
        table, done = schema.keys, 0
        for start in range(0, len(key_ids), AT_ONCE):
            some = table.c.key_id.in_(key_ids[start : start + AT_ONCE])
            gone = table.update().where(some, table.c.wrapped.is_not(None)).values(wrapped=None)
            done += int(within.execute(gone).rowcount)
        for key_id in key_ids:
            self._known.pop(key_id, None)
            self._answers.pop(key_id, None)
        return done

    def drop(self, key_ids: Collection[int]) -> None:
        """Take out data keys under which nothing was sealed; a server keeps them, whose writers may delete nothing.

        Raises:
            AuditError: The store failed.
        """
        table = schema.keys
        if not key_ids or self.database.dialect != "sqlite":
            return
        with self.database.writing() as connection:
            connection.execute(table.delete().where(table.c.key_id.in_(key_ids)))
        for key_id in key_ids:
            self._known.pop(key_id, None)

    def rewrap(self, new: KeyProvider, progress: Callable[[int], None] = lambda _: None) -> int:
        """Wrap every key by another one, all of them or, after any failure, none; returns how many there are.

        Raises:
            AuditError: A key is not whole, or store or provider failed.
        """
        table = schema.keys
        done = 0
        with self.scrubbing(), self.database.writing() as connection:
            self._hold_rotation(connection, "pg_advisory_xact_lock")
            wanted = select(*bounded_columns(table, self.database.dialect))
            rows = connection.execute(wanted.order_by(table.c.key_id)).all()
            for row in rows:
                if row.wrapped is None:
                    continue
                value = self._unwrapped(row)
                if value is None:
                    raise AuditError(
                        f"key store {self.database.name}: key {row.key_id} cannot be unwrapped by "
                        f"{self.provider.origin}; run `ticktrail audit verify`"
                    )
                context = self._context(row.key_id, row.entry_class, row.month, row.writer, new.key_id)
                connection.execute(
                    table.update()
                    .where(table.c.key_id == row.key_id)
                    .values(wrapped=new.wrap(value, context), kek=new.key_id)
                )
                done += 1
                progress(done)
        self.provider = new
        return done

    def count(self) -> int:
        """Return how many keys can still be unwrapped by somebody, the log's own secret among them."""
        table = schema.keys
        with self.database.reading() as connection:
            wanted = select(func.count()).select_from(table).where(table.c.wrapped.is_not(None))
            return connection.execute(wanted).scalar_one()

    def wrapped_by(self) -> str | None:
        """Return the name of the key that wraps the log's own secret, by the store's word."""
        row = self._row(LOG_SECRET)
        return None if row is None else str(row.kek)

    @contextlib.contextmanager
    def scrubbing(self) -> Iterator[None]:
        """See that what a transaction within replaces is overwritten on the disk, where the database can.

        Raises:
            AuditError: It was replaced, and somebody who reads the store kept it from being overwritten.
        """
        if self.database.dialect != "sqlite":
            yield
            return
        self.database.run_outside("PRAGMA secure_delete = ON")
        yield
        busy, *_ = self.database.run_outside("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise AuditError(
                f"key store {self.database.name}: it is done, but what was replaced still stands in "
                f"{self.database.name}-wal, since somebody reads the store: end that, and run `sqlite3 "
                f"{self.database.name} 'PRAGMA wal_checkpoint(TRUNCATE)'`"
            )

    def _rows(self) -> Sequence[sqlalchemy.Row[*tuple[object, ...]]]:
        with self.database.reading() as connection:
            wanted = select(*bounded_columns(schema.keys, self.database.dialect))
            return connection.execute(wanted.order_by(schema.keys.c.key_id)).all()

    def _row(self, key_id: int) -> sqlalchemy.Row[*tuple[object, ...]] | None:
        with self.database.reading() as connection:
            wanted = select(*bounded_columns(schema.keys, self.database.dialect))
            return connection.execute(wanted.where(schema.keys.c.key_id == key_id)).first()

    def _hold_rotation(self, connection: Connection, lock: str) -> None:
        """Let no key be made while all are wrapped by another one; on SQLite nobody else writes anyway."""
        if self.database.dialect == "postgresql":
            connection.execute(text(f"SELECT {lock}(:key)"), {"key": ROTATION_LOCK})

    def _wrapped(
        self, key_id: int, entry_class: str, month: str, writer: int, value: bytes
    ) -> dict[str, object]:
        """Return the row of a key."""
        context = self._context(key_id, entry_class, month, writer, self.provider.key_id)
        return {
            "key_id": key_id,
            "entry_class": entry_class,
            "month": month,
            "writer": writer,
            "kek": self.provider.key_id,
            "wrapped": self.provider.wrap(value, context),
        }

    def _state(self, row: sqlalchemy.Row[*tuple[object, ...]]) -> KeyState:
        state: Literal["whole", "destroyed", "damaged", "foreign"]
        key: DataKey | None = None
        if row.wrapped is None:
            state = "destroyed"
        elif (value := self._unwrapped(row)) is not None and row.entry_class in CLASSES:
            state = "whole"
            key = DataKey(row.key_id, row.entry_class, row.month, row.writer, AESGCM(value))
        else:
            state = "damaged" if row.kek == self.provider.key_id else "foreign"
        return KeyState(row.key_id, str(row.entry_class), str(row.month), state, key, str(row.kek))

    def _unwrapped(self, row: sqlalchemy.Row[*tuple[object, ...]]) -> bytes | None:
        found = (row.key_id, row.entry_class, row.month, row.writer, row.kek, row.wrapped)
        shape = [type(value) for value in found]
        if shape != [int, str, str, int, str, bytes]:  # whoever changed the row could put anything there
            return None
        asked, value = self._answers.get(row.key_id, ((), None))
        if asked != found:  # a row that is changed while the log is open is another question
            context = self._context(row.key_id, row.entry_class, row.month, row.writer, row.kek)
            value = self.provider.unwrap(row.wrapped, context)
            value = value if value is not None and len(value) == SECRET_BYTES else None
            self._answers[row.key_id] = (found, value)
        return value

    def _context(self, key_id: int, entry_class: str, month: str, writer: int, kek: str) -> bytes:
        """Return what a wrapped key is bound to: it cannot be put in another's place."""
        return f"{self._log_id}|{key_id}|{entry_class}|{month}|{writer}|{kek}".encode()


def month_of(at_ns: int) -> str:
    """Return the month of a moment, UTC, as ``YYYY-MM``."""
    return (_EPOCH + timedelta(seconds=at_ns // 1_000_000_000)).strftime("%Y-%m")
