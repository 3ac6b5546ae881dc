"""Cut what a path remembers into pages.

Owns: the order of rows over several symbols, and the tokens that lead from page to page.
Never: knows a request's text; the REST side does.

Source: docs.alpaca.markets, "Historical Stock Data", read 2026-11: a page has rows of one symbol after the other, in
alphabetical order, until its limit is reached; the next one goes on where it ended.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticktrail_mock.venue.alpaca.memory import Row

__all__ = ["Page", "Position", "page_of"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The place after a row."""

    symbol: str
    time_ns: int
    number: int

    @property
    def token(self) -> str:
        """The token that leads there."""
        return base64.b64encode(f"{self.symbol}|{self.time_ns}|{self.number}".encode()).decode()

    @classmethod
    def of(cls, token: str) -> Position:
        """Return where a token leads.

        Raises:
            ValueError: It is none.
        """
        try:
            symbol, time_ns, number = base64.b64decode(token, validate=True).decode().split("|")
            return cls(symbol, int(time_ns), int(number))
        except (ValueError, binascii.Error) as exc:
            raise ValueError(f"{token[:40]!r} is no page token") from exc


@dataclass(frozen=True, slots=True)
class Page:
    """Rows by symbol, and the place after the last one if there are more."""

    rows: Mapping[str, Sequence[Row]]
    end: Position | None


def page_of(
    rows: Mapping[str, Sequence[Row]], *, limit: int, after: Position | None, descending: bool
) -> Page:
    """Return a page.

    Args:
        rows: By symbol, all that was asked for, oldest first.
        limit: Most rows.
        after: Where the page before ended; None for the first page.
        descending: The newest of a symbol comes first.
    """
    page: dict[str, list[Row]] = {}
    left = limit
    end: Position | None = None
    for symbol in sorted(rows):
        if after is not None and symbol < after.symbol:
            continue
        of_symbol = list(reversed(rows[symbol])) if descending else rows[symbol]
        if after is not None and symbol == after.symbol:
            place = (after.time_ns, after.number)
            of_symbol = [row for row in of_symbol if ((row[:2] < place) if descending else (row[:2] > place))]
        if of_symbol and not left:
            return Page(page, end)
        if of_symbol:
            page[symbol] = list(of_symbol[:left])
            end = Position(symbol, *page[symbol][-1][:2])
            if len(of_symbol) > left:
                return Page(page, end)
            left -= len(of_symbol)
    return Page(page, None)
