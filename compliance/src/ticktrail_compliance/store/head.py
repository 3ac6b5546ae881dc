"""Hold how far a log goes: one row that moves with every transaction.

Owns: what is in the row, its authentication, and what is wrong with one that was changed.
Never: decides when it moves; the appender does.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ticktrail_compliance.entry import FIRST_DIGEST
from ticktrail_compliance.proof.merkle import HASH_BYTES, Frontier
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded_columns

__all__ = ["FIRST_HEAD", "Head", "HeadRow", "Mac", "told_head"]

Mac = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Head:
    """How far a log goes.

    Attributes:
        seq: The number of the last entry.
        digest: Its digest.
        subtrees: The right edge of the tree, as `Frontier` has it.
        writers: How often a process opened the log to write.
        checkpoints: How many checkpoints there are.
        checkpoint_size: The entries that the last of them covers.
    """

    seq: int
    digest: bytes
    subtrees: Sequence[bytes] = ()
    writers: int = 0
    checkpoints: int = 0
    checkpoint_size: int = 0

    def tree(self) -> Frontier:
        """Return the log's tree as it is."""
        return Frontier(self.seq, self.subtrees)


FIRST_HEAD = Head(0, FIRST_DIGEST)


class HeadRow:
    """The row of one log.

    Args:
        log_id: Which log.
        layout: Its layout.
        created_ns: When it began.
        mac: Authenticates under a key of the log's.
    """

    def __init__(self, log_id: str, layout: int, created_ns: int, mac: Mac) -> None:
        self._identity = f"{log_id}|{layout}|{created_ns}"
        self._mac = mac

    def begin(self, connection: Connection) -> None:
        """Write the first one."""
        connection.execute(schema.head.insert().values(id=1, **self._columns(FIRST_HEAD)))

    def read(self, connection: Connection, *, to_move: bool = False) -> Head | None:
        """Return the head; None if it is missing, or was not written by whoever has the log's keys.

        Args:
            connection: In a transaction.
            to_move: Nobody else may move it before the transaction ends.
        """
        wanted = _wanted(connection)
        row = connection.execute(wanted.with_for_update() if to_move else wanted).first()
        return None if row is None else self._genuine(row)

    def move(self, connection: Connection, head: Head) -> None:
        """Write another one in its place."""
        connection.execute(schema.head.update().where(schema.head.c.id == 1).values(**self._columns(head)))

    def _genuine(self, row: sqlalchemy.Row[*tuple[object, ...]]) -> Head | None:
        head = _head_in(row)
        if head is None or type(row.mac) is not bytes:
            return None
        return head if hmac.compare_digest(self._mac(self._message(head)), row.mac) else None

    def _columns(self, head: Head) -> dict[str, object]:
        return {
            "seq": head.seq,
            "digest": head.digest,
            "subtrees": b"".join(head.subtrees),
            "writers": head.writers,
            "checkpoints": head.checkpoints,
            "checkpoint_size": head.checkpoint_size,
            "mac": self._mac(self._message(head)),
        }

    def _message(self, head: Head) -> bytes:
        edge = b"".join(head.subtrees).hex()
        return (
            f"{self._identity}|{head.seq}|{head.digest.hex()}|{edge}|{head.writers}|{head.checkpoints}|"
            f"{head.checkpoint_size}"
        ).encode()


def told_head(connection: Connection) -> Head | None:
    """Return what the row says, whoever wrote it: without the log's keys nobody can tell; None if it says nothing."""
    row = connection.execute(_wanted(connection)).first()
    return None if row is None else _head_in(row)


def _wanted(connection: Connection) -> sqlalchemy.Select[*tuple[object, ...]]:
    return select(*bounded_columns(schema.head, connection.dialect.name)).where(schema.head.c.id == 1)


def _head_in(row: sqlalchemy.Row[*tuple[object, ...]]) -> Head | None:
    numbers = (row.seq, row.writers, row.checkpoints, row.checkpoint_size)
    if any(type(one) is not int for one in numbers) or any(
        type(one) is not bytes for one in (row.digest, row.subtrees)
    ):
        return None
    edge = row.subtrees
    subtrees = tuple(edge[start : start + HASH_BYTES] for start in range(0, len(edge), HASH_BYTES))
    return Head(row.seq, row.digest, subtrees, row.writers, row.checkpoints, row.checkpoint_size)
