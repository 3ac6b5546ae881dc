"""Read no more of a column than it can rightly hold: whoever can write a database can put a blob of any size there.

Owns: how large a value of each column may be, and what stands for one that is larger: an empty one of another kind or
length than any that is right.
Never: judges what is read.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    Column,
    ColumnElement,
    LargeBinary,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    or_,
    type_coerce,
)
from sqlalchemy.types import NullType

from ticktrail_compliance.entry import MAX_SEALED_BYTES

__all__ = ["bounded", "bounded_columns", "size_of"]

MOST_BYTES = {
    ("audit_entries", "summary"): MAX_SEALED_BYTES,
    ("audit_entries", "body"): MAX_SEALED_BYTES,
    ("audit_tiles", "hashes"): 256 * 32,
    ("audit_checkpoints", "note"): 2**16,
    ("audit_head", "subtrees"): 64 * 32,
    ("audit_keys", "wrapped"): 2**16,
}
MOST_ELSEWHERE = 256


def bounded_columns(table: Table, dialect: str, names: Iterable[str] = ()) -> Sequence[ColumnElement[object]]:
    """Return columns of a table to select, those of some names or all, each as `bounded` gives it."""
    return [bounded(table.c[name], dialect) for name in names or table.c.keys()]


@functools.lru_cache(maxsize=256)  # to build one takes longer than to read a row by it
def bounded(column: Column[object], dialect: str) -> ColumnElement[object]:
    """Return a column whose values are read as they stand, save one that is larger than any of it can rightly be.

    SQLite lets values of any kind into a column, save one that is a row's own number; it tells how long bytes are
    without reading them.
    """
    empty = literal("") if isinstance(column.type, String) else literal(b"")
    if dialect != "sqlite":
        if not isinstance(column.type, String | LargeBinary):
            return column  # such a column holds its own kind and no more
        fits = or_(column.is_(None), _length(column, dialect) <= _most(column))
    elif _is_row_number(column):
        return column
    else:
        kind, empty = func.typeof(column), literal("")
        fits = or_(
            kind.in_(["null", "integer", "real"]), (kind == "blob") & (func.length(column) <= _most(column))
        )
        if isinstance(column.type, String):  # a text's own length is that up to its first NUL
            fits = or_(fits, (kind == "text") & (func.length(cast(column, LargeBinary)) <= _most(column)))
    found = type_coerce(
        case((fits, column), else_=empty), NullType()
    )  # as it stands, were it of another kind
    return typing.cast("ColumnElement[object]", found.label(column.name))


def size_of(columns: Iterable[Column[object]], dialect: str) -> ColumnElement[int]:
    """Return how many bytes of some columns of ciphertexts are read of a row."""
    total: ColumnElement[int] = literal(0)
    for column in columns:
        length = func.coalesce(_length(column, dialect), 0)
        fits = length <= _most(column)
        if dialect == "sqlite":
            fits = (func.typeof(column) == "blob") & fits
        total = total + case((fits, length), else_=0)
    return total


def _length(column: Column[object], dialect: str) -> ColumnElement[int]:
    return func.length(column) if dialect == "sqlite" else func.octet_length(column)


def _most(column: Column[object]) -> int:
    return MOST_BYTES.get((column.table.name, column.name), MOST_ELSEWHERE)


def _is_row_number(column: Column[object]) -> bool:
    return column.primary_key and len(column.table.primary_key) == 1 and not isinstance(column.type, String)
