"""Add entries and checkpoints to a log, each in whole transactions.

Owns: one writer's number, counter and keys, and all that moves with an entry: the chain, the tree, the head.
Never: decides what is written. Several writers may add to one log: each transaction goes on from where the log is then,
so that their entries stand in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.engine import Connection

from ticktrail_compliance.entry import FIRST_DIGEST, Entry, EntryClass, Header, seal
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.merkle import HASH_BYTES
from ticktrail_compliance.proof.note import Note
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded, bounded_columns
from ticktrail_compliance.store.head import Head
from ticktrail_compliance.store.keystore import DataKey, month_of
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.tiles import Tile, TileBuilder, tile_roots
from ticktrail_compliance.store.wrong import WrongLogError

__all__ = ["Appender", "ClockState", "Draft", "Place"]

MOST_ENTRIES = 2**31
"""Entries under one key, two encryptions each: within the 2^32 of SP 800-38D, section 8.3."""

MOST_SEALED_BYTES = 256 * 2**30
"""Bytes under one key: within the 350 GB at which an attacker's advantage over AES-GCM stays below 2^-32."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What an entry is to hold.

    Attributes:
        entry_class: What it is of.
        records: How many there are.
        ticks: Ticks in them.
        first_ns: The earliest time.
        last_ns: The latest.
        summary: As `entry.pack` gives it.
        body: The same.
    """

    entry_class: EntryClass
    records: int
    ticks: int
    first_ns: int
    last_ns: int
    summary: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class ClockState:
    """What is known of the writer's clock: its offset from the reference, and by how much that may be wrong."""

    offset_ns: int | None = None
    bound_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """An entry by its data key and its number among its writer's: no other entry of any log has both."""

    key_id: int
    counter: int


@dataclass(slots=True)
class _Used:
    """A data key, and how much it has sealed."""

    key: DataKey
    entries: int = 0
    sealed_bytes: int = 0


class Appender:
    """One process's right to add to a log; blocking.

    Args:
        log: Open to be written.
        clock: Gives the time.

    Raises:
        AuditError: The log's end is not what was sealed, or the database failed.
    """

    def __init__(self, log: AuditLog, clock: Callable[[], int]) -> None:
        self.log = log
        self.measured = ClockState()
        self._clock = clock
        self._counter = 0
        self._keys: dict[EntryClass, _Used] = {}
        self._given_up: set[int] = (
            set()
        )  # data keys of transactions that failed: perhaps nothing stands under them
        self._month = ""
        self._last = (0, FIRST_DIGEST)  # the last entry of this writer that stands in the log
        self.attempted: Place | None = None
        """The last entry that was to be added by a transaction that failed; it may have been done all the same."""
        self._signer = log.signer()
        with log.database.writing() as connection:
            head = self._head(connection)
            self._see_end(connection, head)
            self.writer = head.writers + 1
            log.head_row.move(connection, replace(head, writers=self.writer))
        self.found = head
        """How far the log went when this writer came."""

    def append(
        self, drafts: Sequence[Draft], *, also: Callable[[Connection, int], None] | None = None
    ) -> Sequence[Entry]:
        """Seal and add entries, all or none, on the disk before this returns.

        Args:
            drafts: What they hold, in order.
            also: Does more in the same transaction; is given the number of the first entry.

        Raises:
            AuditError: The database failed, or the log's end is not what was sealed.
        """
        try:
            return self._append(drafts, also)
        except BaseException:
            self._given_up.update(used.key.key_id for used in self._keys.values())
            self._keys.clear()  # what was sealed is perhaps kept by somebody: no nonce of these keys is used again
            raise

    def _append(
        self, drafts: Sequence[Draft], also: Callable[[Connection, int], None] | None
    ) -> Sequence[Entry]:
        written_ns = self._clock()
        self.attempted = None
        keys = [self._key(draft, written_ns) for draft in drafts]  # their store is another database
        counter = self._counter
        self.attempted = Place(keys[-1].key_id, counter + len(keys))
        entries: list[Entry] = []
        with self.log.database.writing() as connection:
            head = self._head(connection)
            self._see_own(connection)
            tiles: list[Tile] = []
            tree, builder, digest = head.tree(), self._tiles(connection, head.seq), head.digest
            for draft, key in zip(drafts, keys, strict=True):
                counter += 1
                entry = self._sealed(draft, key, head.seq + len(entries) + 1, counter, written_ns, digest)
                digest = entry.digest
                tree.append(digest)
                tiles.extend(builder.add(digest))
                entries.append(entry)
            connection.execute(schema.entries.insert(), [_columns(entry) for entry in entries])
            if tiles:
                connection.execute(schema.tiles.insert(), [_tile_columns(tile) for tile in tiles])
            if also is not None:
                also(connection, head.seq + 1)
            moved = replace(head, seq=tree.size, digest=digest, subtrees=tree.subtrees)
            self.log.head_row.move(connection, moved)
        self._counter = counter
        self._last = (entries[-1].header.seq, digest)
        self.attempted = None
        return entries

    def settle(self) -> None:
        """See how far this writer came, after a transaction of which the answer was lost.

        Raises:
            AuditError: The database failed.
            WrongLogError: The log's end is not what was sealed, or lacks what this writer had added.
        """
        table = schema.entries.c
        wanted = select(table.seq, table.counter, table.digest).where(table.writer == self.writer)
        self._keys.clear()
        with self.log.database.writing() as connection:
            self._head(connection)  # waits for a transaction that the server has not ended yet
            self._see_own(connection)
            last = connection.execute(wanted.order_by(table.counter.desc()).limit(1)).first()
            if last is not None:
                self._counter, self._last = last.counter, (last.seq, last.digest)
            under = select(table.key_id).where(table.key_id.in_(self._given_up)).distinct()
            sealed = set(connection.execute(under).scalars())
        self.log.keys.drop(self._given_up - sealed)  # an outage of days leaves no pile of keys behind
        self._given_up.clear()

    def holds(self, place: Place) -> bool:
        """Tell whether the log holds an entry, by its data key and number.

        Raises:
            AuditError: The database failed.
        """
        table = schema.entries.c
        wanted = select(table.seq).where(table.key_id == place.key_id, table.counter == place.counter)
        with self.log.database.reading() as connection:
            return connection.execute(wanted).first() is not None

    def checkpoint(self) -> tuple[Checkpoint, Note] | None:
        """Sign how far the log goes, and keep it beside the log; returns the last checkpoint, None of an empty log.

        Raises:
            AuditError: The database failed, or the log's end is not what was sealed.
        """
        with self.log.database.writing() as connection:
            head = self._head(connection)
            if head.seq == 0:
                return None
            found = Checkpoint(self._signer.verifier.name, head.seq, head.tree().root())
            note = found.signed(self._signer)
            if head.seq != head.checkpoint_size:
                number = head.checkpoints + 1
                connection.execute(
                    schema.checkpoints.insert().values(number=number, size=head.seq, note=str(note))
                )
                moved = replace(head, checkpoints=number, checkpoint_size=head.seq)
                self.log.head_row.move(connection, moved)
        return found, note

    def _head(self, connection: Connection) -> Head:
        head = self.log.head_row.read(connection, to_move=True)
        if head is None:
            raise self._wrong_end()
        return head

    def _see_own(self, connection: Connection) -> None:
        """See that what this writer added last still stands there: a log that was put back is not gone on with."""
        seq, digest = self._last
        column = bounded(schema.entries.c.digest, connection.dialect.name)
        if seq and connection.execute(select(column).where(schema.entries.c.seq == seq)).scalar() != digest:
            raise WrongLogError(
                f"audit database {self.log.name}: entry {seq}, which this process added, is not there any more: the "
                "log was put back or changed while it was written. Keep it as it is, run `ticktrail audit verify`, "
                "and name another database to go on"
            )

    def _wrong_end(self) -> WrongLogError:
        return WrongLogError(
            f"audit database {self.log.name}: the log's end is not what was sealed; keep it as it is, run "
            "`ticktrail audit verify`, and name another database to go on"
        )

    def _see_end(self, connection: Connection, head: Head) -> None:
        """See that the log ends where its head says: what is missing there would become a hole."""
        table = schema.entries.c
        columns = bounded_columns(schema.entries, connection.dialect.name, ("seq", "digest"))
        last = connection.execute(select(*columns).order_by(table.seq.desc()).limit(1)).first()
        if (last.seq, last.digest) != (head.seq, head.digest) if last is not None else head.seq:
            raise self._wrong_end()

    def _key(self, draft: Draft, at_ns: int) -> DataKey:
        """Return the key for an entry, another one before its predecessor has sealed as much as one should."""
        month = month_of(at_ns)
        if month != self._month:  # or back again, into a month whose keys may have been destroyed since
            self._keys.clear()
            self._month = month
        used = self._keys.get(draft.entry_class)
        if used is None or used.entries >= MOST_ENTRIES or used.sealed_bytes >= MOST_SEALED_BYTES:
            used = _Used(self.log.keys.new(draft.entry_class, month, self.writer))
            self._keys[draft.entry_class] = used
        used.entries += 1
        used.sealed_bytes += len(draft.summary) + len(draft.body)
        return used.key

    def _sealed(
        self, draft: Draft, key: DataKey, seq: int, counter: int, written_ns: int, previous: bytes
    ) -> Entry:
        header = Header(
            log_id=self.log.log_id,
            seq=seq,
            entry_class=draft.entry_class,
            writer=self.writer,
            counter=counter,
            written_ns=written_ns,
            clock_offset_ns=self.measured.offset_ns,
            clock_bound_ns=self.measured.bound_ns,
            first_ns=draft.first_ns,
            last_ns=draft.last_ns,
            records=draft.records,
            ticks=draft.ticks,
            key_id=key.key_id,
        )
        return seal(header, previous, draft.summary, draft.body, key.cipher)

    def _tiles(self, connection: Connection, size: int) -> TileBuilder:
        def right_edge(level: int, first: int, stop: int) -> Sequence[bytes]:
            if level:
                found = tile_roots(connection, level - 1, first, stop)
            else:
                table = schema.entries.c
                column = bounded(table.digest, connection.dialect.name)
                wanted = select(column).where(table.seq > first, table.seq <= stop).order_by(table.seq)
                found = [digest for (digest,) in connection.execute(wanted) if isinstance(digest, bytes)]
            if len(found) != stop - first or any(len(one) != HASH_BYTES for one in found):
                raise WrongLogError(
                    f"audit database {self.log.name}: what the tree goes on from is missing (level {level}, "
                    f"{first + 1} to {stop}); run `ticktrail audit verify`"
                )
            return found

        return TileBuilder(size, right_edge)


def _columns(entry: Entry) -> dict[str, object]:
    header = entry.header
    columns: dict[str, object] = {
        name: getattr(header, name) for name in header.__struct_fields__ if name != "log_id"
    }
    return {
        **columns,
        "previous": entry.previous,
        "digest": entry.digest,
        "summary_sha256": entry.summary_sha256,
        "body_sha256": entry.body_sha256,
        "summary": entry.summary,
        "body": entry.body,
    }


def _tile_columns(tile: Tile) -> dict[str, object]:
    return {
        "level": tile.level,
        "position": tile.position,
        "root": tile.root,
        "hashes": b"".join(tile.hashes),
    }
