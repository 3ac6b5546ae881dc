"""Hold what a tape says: messages, and the time at which each is due.

Owns: the form in which messages go from a tape to the connections.
Never: reads what stands in one; the tape and the clients of a venue do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Message", "Tape"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        stream: Which subscription it comes by.
        raw: Its text in the venue's words; a client may write it in another encoding.
        due_ns: When it is due, on the tape's own time.
        number: Its place on the tape, from 1; 0 where nobody asks for it.
        batch: Messages with the same one share a frame, where the venue sends arrays.
        cut: It shall be sent cut short.
    """

    stream: str
    raw: bytes
    due_ns: int
    number: int = 0
    batch: int = 0
    cut: bool = False


class Tape(Protocol):
    """A source of messages."""

    def messages(self) -> Iterator[Message]:
        """Yield the messages."""
        ...
