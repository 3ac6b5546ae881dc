"""Provide what the venue sends from a recording.

Owns: the events of a recording in order, each as it was written, and which of them came together.
Never: waits; the venue keeps the pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from ticktrail.errors import ConfigError
from ticktrail.testing.venue import Message
from ticktrail.testing.venue import Tape as AnyTape
from ticktrail_mock.recording import read_recording
from ticktrail_mock.venue.alpaca.books import Book
from ticktrail_mock.venue.alpaca.codec import moved, ns_of
from ticktrail_mock.venue.alpaca.words import CHANNEL_OF, Market, stream_name

__all__ = ["AlpacaTape", "RecordingAlpacaTape"]

KINDS = frozenset({"ws", "doc-example"})
"""Kinds of lines that hold what the venue sends; examples of its documentation have no receive time."""


class AlpacaTape(AnyTape, Protocol):
    """A source of events; the ``raw`` of a message is one event as JSON, its stream ``AAPL@trades``."""

    @property
    def market(self) -> Market:
        """Whose events they are."""
        ...

    def symbols(self) -> Sequence[str]:
        """Return all symbols, in order."""
        ...

    def books(self) -> Mapping[str, Book]:
        """Return each symbol's order book before the first message, where it is known."""
        ...


class _Head(msgspec.Struct):
    T: str | None = None
    S: str | None = None
    t: str | None = None


class _Event(NamedTuple):
    raw: bytes
    symbol: str
    stream: str
    time_ns: int


class RecordingAlpacaTape:
    """What a recording holds of trades, quotes, bars and the like; answers and acknowledgements are left out.

    Args:
        path: The recording; the text of each line is an array of events, or one event.
        now_ns: Move every time in it by as much as brings the first message to the moment at which it is taken, by
            this clock; what the recorder's clock was behind the venue's is taken off, so that no time lies in the
            future. None leaves every character as it was recorded.

    Raises:
        ConfigError: It cannot be read, or holds no event.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] | None = None) -> None:
        self._path = path
        self._now_ns = now_ns
        self._ahead_ns = 0
        symbols: set[str] = set()
        for recv_ns, events in self._lines():
            for event in events:
                symbols.add(event.symbol)
                if recv_ns is not None:
                    self._ahead_ns = max(self._ahead_ns, event.time_ns - recv_ns)
        if not symbols:
            raise ConfigError(f"recording {path} holds no event of an Alpaca stream")
        self._symbols = sorted(symbols)

    @property
    def market(self) -> Market:
        """Crypto if a symbol is a pair."""
        return "crypto" if any("/" in symbol for symbol in self._symbols) else "stocks"

    def symbols(self) -> Sequence[str]:
        """Return the symbols of all events."""
        return self._symbols

    def books(self) -> Mapping[str, Book]:
        """Return nothing: a recording begins with its books, if it has any."""
        return {}

    def messages(self) -> Iterator[Message]:
        """Yield the events, once."""
        number = due_ns = 0
        shift_ns: int | None = None
        for batch, (recv_ns, events) in enumerate(self._lines(), 1):
            due_ns = recv_ns or due_ns
            if self._now_ns is not None and shift_ns is None:
                shift_ns = self._now_ns() - (due_ns or events[0].time_ns) - self._ahead_ns
            for event in events:
                number += 1
                raw = event.raw if shift_ns is None else moved(event.raw, shift_ns)
                yield Message(event.stream, raw, due_ns, number, batch)

    def _lines(self) -> Iterator[tuple[int | None, Sequence[_Event]]]:
        """Yield receive time and events of each line that has some."""
        raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
        for line in read_recording(self._path):
            if line.kind not in KINDS:
                continue
            try:
                found = [bytes(raw) for raw in raws(line.raw)] if line.raw[:1] == "[" else [line.raw.encode()]
                events = [event for raw in found if (event := _event(raw)) is not None]
            except ValueError as exc:  # msgspec's are as well
                raise ConfigError(
                    f"recording {self._path}: {line.raw[:60]!r} is no message of Alpaca: {exc}"
                ) from exc
            if events:
                yield line.recv_ns, events


_head = msgspec.json.Decoder(_Head).decode


def _event(raw: bytes) -> _Event | None:
    """Return an event, None for what is none."""
    head = _head(raw)
    channel = CHANNEL_OF.get(head.T or "")
    if channel is None or head.S is None or head.t is None:
        return None
    return _Event(raw, head.S, stream_name(head.S, channel), ns_of(head.t))
