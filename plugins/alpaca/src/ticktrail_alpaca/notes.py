"""Put the session's own news among the venue's messages, so that the decoder meets all of it in one order.

Owns: the form of a note: a JSON object whose first key no venue's message has.
Never: decides anything. A recording of a leg's frames holds its notes too, and so decodes to the same ticks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ticktrail.model import Trade

__all__ = ["ConnectedNote", "MissedNote", "Note", "is_note", "read_note", "write_note"]

_PREFIX = b'{"ticktrail":'


class ConnectedNote(msgspec.Struct, frozen=True, tag="connected"):
    """From here on a new connection speaks.

    What the symbols `asked_for` missed since their last trades is fetched; `number` counts the leg's connections.
    """

    asked_for: Sequence[str] = ()
    number: int = 1


class MissedNote(msgspec.Struct, frozen=True, tag="missed"):
    """The trades of a symbol that were missed, as the archive has them.

    `whole` says whether they are all that was missed as far as the symbol's hole of that number, whichever it is where
    there is none; otherwise a hole remains.
    """

    symbol: str
    trades: Sequence[Trade]
    whole: bool
    hole: int | None = None


Note: TypeAlias = ConnectedNote | MissedNote


class _Message(msgspec.Struct):
    ticktrail: Note


_read = msgspec.json.Decoder(_Message).decode


def is_note(payload: bytes) -> bool:
    """Tell whether a payload is a note."""
    return payload.startswith(_PREFIX)


def write_note(note: Note) -> bytes:
    """Return the note as a payload."""
    return msgspec.json.encode(_Message(note))


def read_note(payload: bytes) -> Note:
    """Return the note.

    Raises:
        ValueError: It is none.
    """
    return _read(payload).ticktrail
