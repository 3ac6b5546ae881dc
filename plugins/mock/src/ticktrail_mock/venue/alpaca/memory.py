"""Remember what a path has sent, so that it can be asked for: rows of a period, and books as they are now.

Owns: the true state of the market at the place that one path has come to, whatever its faults have left out.
Never: parses before somebody asks: a path that nobody asks costs a list's append a message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ticktrail.testing.venue import Message
from ticktrail_mock.venue.alpaca.books import Book
from ticktrail_mock.venue.alpaca.codec import decimals, ns_of

__all__ = ["Memory", "Row"]

MOST_ROWS = 200_000
"""Of a symbol and channel; the oldest go first."""
MOST_PENDING = 20_000
ROWS_OF = {
    "trades": "trades",
    "quotes": "quotes",
    "bars": "bars",
    "updatedBars": "bars",
    "dailyBars": "dailyBars",
}


class Row(NamedTuple):
    """One event that can be asked for; rows are in order of time, then of the tape."""

    time_ns: int
    number: int
    raw: bytes


class _Time(msgspec.Struct):
    t: str


class Memory:
    """What one path of a venue has sent so far.

    Args:
        books: The books before the tape's first message.
        archive: Messages that have happened already, whoever was there to see them; None: what is sent becomes
            known as it is sent.

    Attributes:
        is_archive: Whether there was one.
        number: The place on the tape up to which the path has come.
    """

    def __init__(self, books: Mapping[str, Book], archive: Iterable[Message] | None = None) -> None:
        self._books = {symbol: book.copy() for symbol, book in books.items()}
        self._book_times: dict[str, str] = {}
        self._rows: dict[tuple[str, str], deque[Row]] = {}
        self._unsorted: set[tuple[str, str]] = set()
        self._pending: list[Message] = []
        self.is_archive = archive is not None
        self.number = self._in_books = 0
        for message in archive or ():
            self._keep_row(message)

    def see(self, messages: Iterable[Message]) -> None:
        """Remember what the path sends now."""
        self._pending += messages
        if self._pending:
            self.number = self._pending[-1].number
        if len(self._pending) > MOST_PENDING:
            self.catch_up()

    def catch_up(self) -> None:
        """Read what was seen."""
        pending, self._pending = self._pending, []
        for message in pending:
            symbol, _, channel = message.stream.rpartition("@")
            if channel == "orderbooks":
                if message.number > self._in_books:
                    event = decimals(message.raw)
                    self._books.setdefault(symbol, Book()).apply(event)
                    self._book_times[symbol] = str(event["t"])
            elif not self.is_archive:
                self._keep_row(message)

    def take_books(self, other: Memory) -> None:
        """Know the books that another memory knows; what was in them is not applied again."""
        other.catch_up()
        self._books = {symbol: book.copy() for symbol, book in other._books.items()}
        self._book_times = dict(other._book_times)
        self._in_books = self.number = other.number

    def book(self, symbol: str) -> tuple[Book, str | None]:
        """Return a symbol's book as it is now, empty where nothing is known, and the time of its last change."""
        self.catch_up()
        return self._books.get(symbol) or Book(), self._book_times.get(symbol)

    def rows(self, channel: str, symbol: str) -> Sequence[Row]:
        """Return a symbol's rows in order; of a bar that was revised, the revised one."""
        self.catch_up()
        key = (channel, symbol)
        if key in self._unsorted:
            self._unsorted.discard(key)
            self._rows[key] = deque(sorted(self._rows[key]), maxlen=MOST_ROWS)
        rows = self._rows.get(key, ())
        if channel in {"bars", "dailyBars"}:
            return list({row.time_ns: row for row in rows}.values())
        return list(rows)

    def _keep_row(self, message: Message) -> None:
        symbol, _, channel = message.stream.rpartition("@")
        if channel not in ROWS_OF:
            return
        key = (ROWS_OF[channel], symbol)
        row = Row(ns_of(msgspec.json.decode(message.raw, type=_Time).t), message.number, message.raw)
        rows = self._rows.setdefault(key, deque(maxlen=MOST_ROWS))
        if rows and row < rows[-1]:
            self._unsorted.add(key)
        rows.append(row)
