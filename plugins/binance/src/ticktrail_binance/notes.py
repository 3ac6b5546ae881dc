"""Put the session's own news among the venue's messages, so that the decoder meets all of it in one order.

Owns: the form of a note: a message of a combined stream whose name no venue uses.
Never: decides anything. A recording of a leg's frames holds its notes too, and so decodes to the same ticks again.

A book needs its snapshot between two differences, a hole its missing trades before the next one, a new connection its
first message after the last one of the old: what decides is the order, and the intake's queue is what keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from ticktrail_binance.wire import Depth

__all__ = [
    "BookNote",
    "ConnectedNote",
    "Note",
    "TradesNote",
    "book_note_of",
    "is_note",
    "read_note",
    "write_note",
]

STREAM = "!ticktrail"
_MOST_DIGITS = 9
_PREFIX = b'{"stream":"!ticktrail",'


class ConnectedNote(msgspec.Struct, frozen=True, tag="connected"):
    """From here on the streams come over a new connection.

    `lost_ns` is when the one before it was last heard of, if it was lost within the session: then this hole is for the
    decoder to mark. None at the beginning of a session.
    """

    streams: Sequence[str]
    lost_ns: int | None = None


class BookNote(msgspec.Struct, frozen=True, tag="book"):
    """A snapshot of a symbol's book, limited to so many levels a side."""

    symbol: str
    limit: int
    book: Depth


class TradesNote(msgspec.Struct, frozen=True, tag="trades"):
    """What the venue gave for the hole `from_id` to `to_id` of a stream: its rows, ``null`` where it gave nothing."""

    stream: str
    from_id: int
    to_id: int
    rows: msgspec.Raw


Note: TypeAlias = ConnectedNote | BookNote | TradesNote


class _Message(msgspec.Struct):
    stream: str
    data: Note


_read = msgspec.json.Decoder(_Message).decode


class _RawBook(msgspec.Struct, tag="book"):
    symbol: str
    limit: int
    book: msgspec.Raw


class _RawMessage(msgspec.Struct):
    stream: str
    data: _RawBook


def book_note_of(url: str, body: bytes) -> tuple[str, bytes] | None:
    """Return the symbol and the note of a recorded answer that holds a book's snapshot; None where it is another one.

    Args:
        url: The request, such as ``https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=1000``.
        body: The answer, read by nobody yet.
    """
    try:
        asked = urlsplit(url)
    except ValueError:
        return None
    if not asked.path.endswith("/depth"):
        return None
    query = parse_qs(asked.query)
    symbol, limit = query.get("symbol", [""])[0], query.get("limit", [""])[0]
    if not symbol or not (limit.isascii() and limit.isdigit() and 0 < len(limit.lstrip("0")) <= _MOST_DIGITS):
        return None
    return symbol, msgspec.json.encode(
        _RawMessage(STREAM, _RawBook(symbol=symbol, limit=int(limit), book=msgspec.Raw(body)))
    )


def is_note(payload: bytes) -> bool:
    """Tell whether a payload is a note."""
    return payload.startswith(_PREFIX)


def write_note(note: Note) -> bytes:
    """Return the note as a payload."""
    return msgspec.json.encode(_Message(STREAM, note))


def read_note(payload: bytes) -> Note:
    """Return the note.

    Raises:
        ValueError: It is none.
    """
    return _read(payload).data
