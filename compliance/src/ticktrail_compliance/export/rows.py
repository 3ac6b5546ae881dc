"""Spread what an entry holds into rows: one for each event, one for each tick.

Owns: the fields of a row and their order (docs/reference/audit-format.md).
Never: interprets them. A row is made from the stored bytes, not from this version's types, so that nothing that was
sealed is lost or added on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

__all__ = ["COLUMNS", "Cell", "Row", "cells", "rows_of"]

Row: TypeAlias = dict[str, object]
Cell: TypeAlias = str | int | None

COLUMNS = (
    "seq", "record", "time_ns", "outcome", "event", "type", "instrument", "provider", "event_ns", "recv_ns", "id",
    "price", "size", "side", "bid_price", "bid_size", "ask_price", "ask_size", "reason", "violations", "more",
)  # fmt: skip
"""Of a table, in this order."""

_decoder = msgspec.msgpack.Decoder(list[dict[str, object]])
_json = msgspec.json.Encoder()
_COLUMNS = frozenset(COLUMNS)


def rows_of(seq: int, content: bytes) -> Iterator[tuple[int, Row]]:
    """Yield the rows of an entry in order, each with its time.

    Args:
        seq: The entry's number.
        content: What its body holds, unpacked.

    Raises:
        ValueError: It holds no records.
    """
    try:
        for place, record in enumerate(_decoder.decode(content)):
            if record.get("event") != "routed":
                yield _time(record, "at_ns"), _row(seq, place, "event", {}, record)
                continue
            time_ns = _time(record, "recv_ns")
            for outcome, beside, tick in _ticks(record):
                yield time_ns, _row(seq, place, outcome, beside, tick)
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"the content cannot be read ({exc})") from exc


def cells(time_ns: int, row: Mapping[str, object]) -> Sequence[Cell]:
    """Return a row as the cells of a table: texts and whole numbers as they are, everything else as JSON."""
    found: list[Cell] = []
    for name in COLUMNS[:-1]:
        value = time_ns if name == "time_ns" else row.get(name)
        found.append(value if value is None or type(value) in (str, int) else _json.encode(value).decode())  # type: ignore[arg-type]
    more = {name: value for name, value in row.items() if name not in _COLUMNS and value is not None}
    return [*found, _json.encode(more).decode() if more else None]


def _ticks(record: Mapping[str, object]) -> Iterator[tuple[str, Row, Row]]:
    """Yield the ticks of a batch: what became of each, what is told of that, and the tick."""
    for tick in _maps(record, "delivered"):
        yield "delivered", {}, tick
    for rejected in _maps(record, "rejected"):
        yield "rejected", {"violations": rejected["violations"]}, _map(rejected["tick"])
    for held in _maps(record, "suppressed"):
        for tick in _maps(held, "ticks"):
            yield "suppressed", {"reason": held["reason"]}, tick
    for flagged in _maps(record, "flagged"):
        yield "flagged", {"violations": flagged["violations"]}, _map(flagged["tick"])


def _row(seq: int, place: int, outcome: str, beside: Row, fields: Row) -> Row:
    """Return a row; a field that is named as one of the row's own stands as ``tick_…``, so that neither is lost."""
    own: Row = {"seq": seq, "record": place, "outcome": outcome, **beside}
    if own.keys().isdisjoint(fields):
        own.update(fields)
        return own
    return {**own, **{f"tick_{name}" if name in own else name: value for name, value in fields.items()}}


def _maps(record: Mapping[str, object], name: str) -> Sequence[Row]:
    found = record.get(name, [])
    if not isinstance(found, list):
        raise TypeError(f"{name} is no array")
    return [_map(one) for one in found]


def _map(value: object) -> Row:
    if not isinstance(value, dict):
        raise TypeError("what should be a map is none")
    return value


def _time(record: Mapping[str, object], name: str) -> int:
    found = record[name]
    if type(found) is not int:
        raise TypeError(f"{name} is no whole number")
    return found
