"""Read one audit log: its identity, its head, its entries and its tree.

Owns: what stands in which table, and the pages in which it is read; what of it can be read without a key.
Never: writes (the appender does), decides what goes into an entry (the journal does), or judges one (verification
does).
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import sqlalchemy
from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ticktrail_compliance.entry import FIRST_DIGEST
from ticktrail_compliance.proof.checkpoint import origin_of
from ticktrail_compliance.proof.merkle import HASH_BYTES, Roots
from ticktrail_compliance.proof.note import Signer, Verifier
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded, bounded_columns, size_of
from ticktrail_compliance.store.database import Database
from ticktrail_compliance.store.head import Head, HeadRow
from ticktrail_compliance.store.keystore import KeyStore
from ticktrail_compliance.store.tiles import roots_by_tiles, tile_roots
from ticktrail_compliance.store.wrong import WrongLogError

__all__ = ["PLAIN", "AuditLog", "Identity", "Row", "Seen", "StoredLog"]

PAGE_ENTRIES = 100
PAGE_PLAIN = 5_000
PAGE_WEIGHED = 2_000
"""Entries of a page that is read with ciphertexts, where they are small."""
PAGE_BYTES = 8 * 2**20
"""What such a page may hold at most; one entry alone may be larger."""

PLAIN = tuple(column.name for column in schema.entries.c if column.name not in {"summary", "body"})
"""Everything of an entry but its two ciphertexts."""

Row = sqlalchemy.Row[*tuple[object, ...]]
Identity = sqlalchemy.Row[*tuple[object, ...]]
Condition = sqlalchemy.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a log went at one moment: its head, the last entry and checkpoint that are there, and how many tiles."""

    head: Head | None
    last_seq: int
    last_checkpoint: int
    tiles: int


class StoredLog(ABC):
    """What stands in the open in the tables of a log: all of it but the contents.

    Blocking: a program with an event loop calls it in a worker thread.

    Attributes:
        log_id: Which log, a UUID.
        created_ns: When it began.
        database: Where it is.
    """

    def __init__(self, database: Database, identity: Identity) -> None:
        self.log_id = identity.log_id
        self.created_ns = identity.created_ns
        self.database = database

    @property
    @abstractmethod
    def verifier(self) -> Verifier:
        """The public key that this log's checkpoints are verified with."""

    @abstractmethod
    def _head(self, connection: Connection) -> Head | None:
        """Return how far the log goes; None if that cannot be told."""

    @property
    def name(self) -> str:
        """How a message names the database."""
        return self.database.name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def head(self) -> Head | None:
        """Return how far the log goes by its own word; None if that word is gone, or is not genuine."""
        with self.database.reading() as connection:
            return self._head(connection)

    def seen(self) -> Seen:
        """Return what a verification looks at: everything up to one moment, whatever a feed adds meanwhile."""
        table = schema.checkpoints.c
        with self.database.reading() as connection:
            head = self._head(connection)
            last_seq = connection.execute(select(func.max(schema.entries.c.seq))).scalar()
            last_checkpoint = connection.execute(select(func.max(table.number))).scalar()
            tiles = connection.execute(select(func.count()).select_from(schema.tiles)).scalar_one()
        return Seen(head, last_seq or 0, last_checkpoint or 0, tiles)

    def state(self) -> tuple[Head | None, int]:
        """Return the head, and the number of the last entry that is there, of one moment."""
        with self.database.reading() as connection:
            wanted = select(func.max(schema.entries.c.seq))
            return self._head(connection), connection.execute(wanted).scalar() or 0

    def count(self) -> int:
        """Return how many entries there are."""
        with self.database.reading() as connection:
            return connection.execute(select(func.count()).select_from(schema.entries)).scalar_one()

    def span(self, where: Sequence[Condition]) -> tuple[int, int] | None:
        """Return the first and the last number of the entries that meet all of `where`; None where none does."""
        column = schema.entries.c.seq
        wanted = select(func.min(column), func.max(column)).select_from(schema.entries).where(*where)
        with self.database.reading() as connection:
            first, last = connection.execute(wanted).one()
        return None if first is None else (first, last)

    def writers(self, where: Sequence[Condition]) -> frozenset[int]:
        """Return the numbers of those who wrote the entries that meet all of `where`."""
        wanted = select(schema.entries.c.writer).distinct().where(*where)
        with self.database.reading() as connection:
            return frozenset(connection.execute(wanted).scalars())

    def rows(
        self, from_seq: int = 1, to_seq: int | None = None, where: Sequence[Condition] = ()
    ) -> Iterator[Row]:
        """Yield the rows of entries in order of their number, some at a time; those that meet all of `where`.

        A value that is larger than any of its column can be is not read; an empty one stands there.
        """
        for page in self.pages(from_seq, to_seq, where):
            yield from page

    def pages(
        self, from_seq: int = 1, to_seq: int | None = None, where: Sequence[Condition] = ()
    ) -> Iterator[Sequence[Row]]:
        """Yield the same, each page as it is read: for whoever looks up something else for a whole page at once."""
        return self._weighed(("summary", "body"), from_seq, to_seq, where)

    def plain_rows(
        self, from_seq: int = 1, to_seq: int | None = None, where: Sequence[Condition] = ()
    ) -> Iterator[Row]:
        """Yield the same without their ciphertexts, which are not read."""
        return self._paged(PLAIN, from_seq, to_seq, PAGE_PLAIN, where)

    def summary_rows(
        self, from_seq: int = 1, to_seq: int | None = None, where: Sequence[Condition] = ()
    ) -> Iterator[Row]:
        """Yield the rows with their summaries, and without their bodies."""
        for page in self.summary_pages(from_seq, to_seq, where):
            yield from page

    def summary_pages(
        self, from_seq: int = 1, to_seq: int | None = None, where: Sequence[Condition] = ()
    ) -> Iterator[Sequence[Row]]:
        """Yield the same, each page as it is read."""
        return self._weighed(("summary",), from_seq, to_seq, where)

    def row(self, seq: int) -> Row | None:
        """Return the row of an entry."""
        with self.database.reading() as connection:
            wanted = select(*self._columns(schema.entries.c.keys())).where(schema.entries.c.seq == seq)
            return connection.execute(wanted).first()

    def digests(self, after: int, to_seq: int) -> Iterator[bytes]:
        """Yield the digests of the entries after a number and up to another, in order: leaf hashes of the log's tree.

        That each follows the one before is seen from the columns alone; whether it is its entry's own, verification
        tells.

        Raises:
            AuditError: One of them is missing, or does not follow the one before.
        """
        before = FIRST_DIGEST if after == 0 else None
        for row in self._paged(("seq", "previous", "digest"), after + 1, to_seq, PAGE_PLAIN):
            seq, previous, digest = row.seq, row.previous, row.digest
            if seq != after + 1:
                raise self._rootless(f"entry {after + 1} is missing")
            if not isinstance(digest, bytes) or len(digest) != HASH_BYTES or previous != (before or previous):
                raise self._rootless(f"entry {seq} does not follow the one before it")
            yield digest
            after, before = seq, digest
        if after < to_seq:
            raise self._rootless(f"entry {after + 1} is missing")

    def roots(self, size: int) -> Roots:
        """Return what gives the root of any range of leaves, of the tree of a size.

        It raises `AuditError` where an entry is missing, and `ValueError` where a tile is.
        """
        return roots_by_tiles(self._tile_roots, self.digests, size)

    def tile(self, level: int, position: int) -> tuple[object, object] | None:
        """Return root and hashes of a tile as they stand there."""
        table = schema.tiles.c
        columns = bounded_columns(schema.tiles, self.database.dialect, ("root", "hashes"))
        wanted = select(*columns).where(table.level == level, table.position == position)
        with self.database.reading() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else (row.root, row.hashes)

    def checkpoint_notes(self, after: int = 0) -> Iterator[Row]:
        """Yield the rows of checkpoints, in order of their number, whatever stands in them."""
        table = schema.checkpoints.c
        while True:
            with self.database.reading() as connection:
                columns = bounded_columns(schema.checkpoints, self.database.dialect)
                wanted = select(*columns).where(table.number > after).order_by(table.number)
                page = connection.execute(wanted.limit(PAGE_ENTRIES)).all()
            yield from page
            if len(page) < PAGE_ENTRIES:
                return
            after = page[-1].number

    def spool_rows(self) -> Iterator[Row]:
        """Yield the rows of spools, whatever stands in them."""
        columns = bounded_columns(schema.spools, self.database.dialect)
        with self.database.reading() as connection:
            yield from connection.execute(select(*columns).execution_options(yield_per=PAGE_ENTRIES))

    def _tile_roots(self, level: int, first: int, stop: int) -> Sequence[bytes]:
        with self.database.reading() as connection:
            return tile_roots(connection, level, first, stop)

    def _weighed(
        self, parts: Sequence[str], from_seq: int, to_seq: int | None, where: Sequence[Condition]
    ) -> Iterator[Sequence[Row]]:
        """Yield pages with some ciphertexts, that hold no more of them than one should."""
        names = (*PLAIN, *parts)
        size = size_of([schema.entries.c[part] for part in parts], self.database.dialect).label("size")
        for page in self._pages(["seq"], from_seq, to_seq, PAGE_PLAIN, where, size):
            first = held = 0
            for last, found in enumerate(page):
                held += found.size
                if held >= PAGE_BYTES or last - first == PAGE_WEIGHED - 1 or last == len(page) - 1:
                    yield from self._pages(names, page[first].seq, found.seq, last - first + 1, where)
                    first, held = last + 1, 0

    def _paged(
        self,
        names: Sequence[str],
        from_seq: int,
        to_seq: int | None,
        page_entries: int,
        where: Sequence[Condition] = (),
    ) -> Iterator[Row]:
        for page in self._pages(names, from_seq, to_seq, page_entries, where):
            yield from page

    def _pages(
        self,
        names: Sequence[str],
        from_seq: int,
        to_seq: int | None,
        page_entries: int,
        where: Sequence[Condition],
        *more: sqlalchemy.ColumnElement[int],
    ) -> Iterator[Sequence[Row]]:
        column = schema.entries.c.seq
        columns: list[sqlalchemy.ColumnElement[object] | sqlalchemy.ColumnElement[int]] = [
            *self._columns(names),
            *more,
        ]
        while True:
            wanted = (
                select(*columns)
                .select_from(schema.entries)
                .where(column >= from_seq, *where)
                .order_by(column)
                .limit(page_entries)
            )
            if to_seq is not None:
                wanted = wanted.where(column <= to_seq)
            with self.database.reading() as connection:
                page = connection.execute(wanted).all()
            if page:
                yield page
            if len(page) < page_entries or page[-1].seq == to_seq:
                return
            from_seq = page[-1].seq + 1

    def _columns(self, names: Sequence[str]) -> list[sqlalchemy.ColumnElement[object]]:
        """Return columns of which none brings more than it can rightly hold: rows can be changed by anybody."""
        return [bounded(schema.entries.c[name], self.database.dialect) for name in names]

    def _rootless(self, why: str) -> WrongLogError:
        return WrongLogError(
            f"audit database {self.name}: {why}, and the log has no root without it; run `ticktrail audit verify`"
        )


class AuditLog(StoredLog):
    """An open log with its keys; made by `ticktrail_compliance.store.opening.open_log`.

    Attributes:
        keys: Its data keys.
        head_row: How far it goes.
    """

    def __init__(self, database: Database, keys: KeyStore, identity: Identity) -> None:
        super().__init__(database, identity)
        self.keys = keys
        self.head_row = HeadRow(identity.log_id, identity.layout, identity.created_ns, keys.mac)

    def close(self) -> None:
        """Close the log and its key store."""
        if self.keys.database is not self.database:
            self.keys.database.close()
        self.database.close()

    def reconnect(self) -> None:
        """Open both databases anew, after one of them failed.

        Raises:
            AuditError: One of them still cannot be reached.
        """
        self.database.reconnect()
        if self.keys.database is not self.database:
            self.keys.database.reconnect()

    def wait_for_answers(self) -> None:
        """Wait for every answer of either database from now on: for a command, which a person can end."""
        self.database.wait_for_answers()
        self.keys.database.wait_for_answers()

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Wait for little meanwhile, at either database: what is tried can be tried again."""
        with self.database.hurried(), self.keys.database.hurried():
            yield

    def signer(self) -> Signer:
        """Return the key that signs this log's checkpoints, under the log's own name."""
        return Signer(origin_of(self.log_id), self.keys.derived(b"ticktrail audit: sign checkpoints"))

    @property
    def verifier(self) -> Verifier:
        """The public key that this log's checkpoints are verified with."""
        return self.signer().verifier

    def _head(self, connection: Connection) -> Head | None:
        return self.head_row.read(connection)
