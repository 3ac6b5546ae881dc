"""Make up a market that looks like one: trades, quotes and 24 h statistics that fit together.

Owns: the random walk. The same seed gives the same market, however fast it is taken.
Never: knows a venue or a clock. Prices are whole cents, sizes whole hundred-thousandths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import TypeAlias

from ticktrail.model import InstrumentId

__all__ = ["MadeQuote", "MadeTicker", "MadeTrade", "Move", "SyntheticMarket", "price_of", "size_of"]

TICKER_EVERY = 200
"""Moves of an instrument between two of its statistics."""


@dataclass(frozen=True, slots=True)
class MadeTrade:
    """A trade; `by_seller` if the seller took."""

    instrument: InstrumentId
    id: int
    cents: int
    units: int
    by_seller: bool


@dataclass(frozen=True, slots=True)
class MadeQuote:
    """Best bid and offer after a change of the book."""

    instrument: InstrumentId
    update_id: int
    bid_cents: int
    bid_units: int
    ask_cents: int
    ask_units: int


@dataclass(frozen=True, slots=True)
class MadeTicker:
    """Statistics of the last 24 hours."""

    quote: MadeQuote
    last_cents: int
    volume_units: int


Move: TypeAlias = MadeTrade | MadeQuote | MadeTicker


def price_of(cents: int) -> Decimal:
    """Return a price with two places."""
    return Decimal(cents).scaleb(-2)


def size_of(units: int) -> Decimal:
    """Return a size with five places."""
    return Decimal(units).scaleb(-5)


@dataclass(slots=True)
class _Book:
    instrument: InstrumentId
    bid_cents: int
    trade_id: int
    update_id: int
    volume_units: int
    moves: int = 0
    spread_cents: int = 1
    last: MadeQuote = field(init=False)


class SyntheticMarket:
    """Some instruments' endless market."""

    def __init__(self, instruments: Sequence[InstrumentId], *, seed: int) -> None:
        self._random = Random(f"ticktrail {seed}")  # noqa: S311 - repeatable on purpose
        self._books = [self._open(instrument) for instrument in instruments]

    def moves(self) -> Iterator[Move]:
        """Yield what happens next, for ever; each instrument begins with its statistics."""
        for book in self._books:
            yield self._requote(book)
            yield MadeTicker(quote=book.last, last_cents=book.bid_cents, volume_units=book.volume_units)
        while True:
            book = self._random.choice(self._books)
            book.moves += 1
            if book.moves % TICKER_EVERY == 0:
                yield MadeTicker(quote=book.last, last_cents=book.bid_cents, volume_units=book.volume_units)
            elif self._random.random() < 0.25:
                yield self._trade(book)
            else:
                yield self._requote(book)

    def _open(self, instrument: InstrumentId) -> _Book:
        return _Book(
            instrument=instrument,
            bid_cents=self._random.randrange(1_000_000, 7_000_000),
            trade_id=self._random.randrange(1_000_000, 9_000_000),
            update_id=self._random.randrange(10_000_000, 90_000_000),
            volume_units=self._random.randrange(1_000, 90_000) * 100_000,
        )

    def _trade(self, book: _Book) -> MadeTrade:
        by_seller = self._random.random() < 0.5
        units = 1 + int(self._random.expovariate(1 / 20_000))
        book.trade_id += 1
        book.volume_units += units
        cents = book.last.bid_cents if by_seller else book.last.ask_cents
        return MadeTrade(book.instrument, book.trade_id, cents, units, by_seller)

    def _requote(self, book: _Book) -> MadeQuote:
        step = max(1, book.bid_cents // 1_000_000)
        book.bid_cents = max(100, book.bid_cents + self._random.randint(-step, step))
        book.spread_cents = 1 + int(self._random.expovariate(0.5))
        book.update_id += self._random.randint(1, 9)
        book.last = MadeQuote(
            instrument=book.instrument,
            update_id=book.update_id,
            bid_cents=book.bid_cents,
            bid_units=1 + int(self._random.expovariate(1 / 100_000)),
            ask_cents=book.bid_cents + book.spread_cents,
            ask_units=1 + int(self._random.expovariate(1 / 100_000)),
        )
        return book.last
