"""Provide what the venue sends from a made-up market.

Owns: the market's moves in the venue's words: trades, quotes, bars, and in crypto an order book.
Never: waits; the venue keeps the pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from random import Random

from ticktrail.model import InstrumentId
from ticktrail.testing.venue import Message
from ticktrail_mock.market import MadeQuote, MadeTicker, MadeTrade, Move, SyntheticMarket
from ticktrail_mock.venue.alpaca.bars import Bars
from ticktrail_mock.venue.alpaca.books import Book
from ticktrail_mock.venue.alpaca.codec import json_of, text_of
from ticktrail_mock.venue.alpaca.words import CHANNEL_OF, Market, stream_name

__all__ = ["SyntheticAlpacaTape"]

EXCHANGES = ("V", "Q", "P", "D")
LEVELS = 10
"""Of each side of a book before the first change."""
MOST_LEVELS = 20
MOST_TOGETHER = 4
"""Moves of the market that share a frame."""


class SyntheticAlpacaTape:
    """A made-up market in the venue's words.

    Args:
        instruments: What is traded: ``AAPL``, or ``BTC/USD``.
        market: In whose words.
        seed: The same seed gives the same market.
        rate: Moves of the market a second.
        now_ns: The venue's clock, for the times of events; bars end with its minutes.
    """

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        *,
        market: Market,
        seed: int,
        rate: float,
        now_ns: Callable[[], int],
    ) -> None:
        self.market: Market = market
        self._symbols = sorted(instruments)
        self._moves = SyntheticMarket(instruments, seed=seed).moves()
        self._random = Random(f"ticktrail alpaca {seed}")  # noqa: S311 - repeatable on purpose
        self._step_ns = round(1e9 / rate)
        self._now_ns = now_ns
        self._time_ns = 0
        self._trade_ids: dict[tuple[str, str], int] = {}
        self._bars = {name: Bars(name, of_trades=market == "stocks") for name in instruments}
        self._opening = list(islice(self._moves, 2 * len(instruments)))
        self._books: dict[str, Book] = {}
        for move in self._opening:
            if market == "crypto" and isinstance(move, MadeQuote):
                self._books[move.instrument] = self._book(move)
        self._before = {symbol: book.copy() for symbol, book in self._books.items()}

    def symbols(self) -> Sequence[str]:
        """Return the instruments."""
        return self._symbols

    def books(self) -> Mapping[str, Book]:
        """Return the books with which the market opens; stocks have none."""
        return self._before

    def messages(self) -> Iterator[Message]:
        """Yield the messages, for ever and only once; each bears the time at which it was taken."""
        number = batch = due_ns = 0
        moves = self._all_moves()
        while True:
            batch += 1
            together = list(islice(moves, self._random.randint(1, MOST_TOGETHER)))
            due_ns += self._step_ns * len(together)
            for move in together:
                for event in self._events(move):
                    number += 1
                    stream = stream_name(str(event["S"]), CHANNEL_OF[str(event["T"])])
                    yield Message(stream, json_of(event), due_ns, number, batch)

    def _all_moves(self) -> Iterator[Move]:
        yield from self._opening
        yield from self._moves

    def _events(self, move: Move) -> Iterator[dict[str, object]]:
        """Yield what the venue says of a move; a bar that is over comes before it."""
        if isinstance(move, MadeTicker):
            return
        self._time_ns = max(self._time_ns + 1, self._now_ns())  # no two events have the same time
        bars = self._bars[move.instrument]
        yield from bars.over(self._time_ns)
        match move:
            case MadeTrade():
                trade = self._trade(move)
                bars.trade(self._price(move.cents), self._size(move.units))
                yield trade
            case MadeQuote():
                bars.quote(self._price(move.bid_cents), self._price(move.ask_cents))
                yield self._quote(move)
                if self.market == "crypto":
                    yield self._change(move)

    def _trade(self, move: MadeTrade) -> dict[str, object]:
        head = {"T": "t", "S": str(move.instrument)}
        rest = {"p": self._price(move.cents), "s": self._size(move.units), "t": text_of(self._time_ns)}
        if self.market == "crypto":
            return {**head, **rest, "i": move.id, "tks": "S" if move.by_seller else "B"}
        exchange = self._random.choice(EXCHANGES)
        key = (move.instrument, exchange)
        known = self._trade_ids.get(key)
        number = self._random.randrange(1, 100_000) if known is None else known + 1
        self._trade_ids[key] = number
        return {**head, "i": number, "x": exchange, **rest, "c": ["@"], "z": "C"}

    def _quote(self, move: MadeQuote) -> dict[str, object]:
        bid = {"bp": self._price(move.bid_cents), "bs": self._size(move.bid_units)}
        ask = {"ap": self._price(move.ask_cents), "as": self._size(move.ask_units)}
        head, time = {"T": "q", "S": str(move.instrument)}, {"t": text_of(self._time_ns)}
        if self.market == "crypto":
            return {**head, **bid, **ask, **time}
        return {**head, "bx": "V", **bid, "ax": "Q", **ask, "c": ["R"], "z": "C", **time}

    def _change(self, move: MadeQuote) -> dict[str, object]:
        """Return how the book changes so that the quote is its best, and change it."""
        book = self._books[move.instrument]
        bid, ask = self._price(move.bid_cents), self._price(move.ask_cents)
        bids = {price: Decimal(0) for price in book.bids if price > bid}
        asks = {price: Decimal(0) for price in book.asks if price < ask}
        bids |= dict.fromkeys(sorted(set(book.bids) - set(bids))[:-MOST_LEVELS], Decimal(0))
        asks |= dict.fromkeys(sorted(set(book.asks) - set(asks), reverse=True)[:-MOST_LEVELS], Decimal(0))
        bids[bid], asks[ask] = self._size(move.bid_units), self._size(move.ask_units)
        event: dict[str, object] = {
            "T": "o",
            "S": str(move.instrument),
            "t": text_of(self._time_ns),
            "b": [{"p": price, "s": size} for price, size in bids.items()],
            "a": [{"p": price, "s": size} for price, size in asks.items()],
        }
        book.apply(event)
        return event

    def _book(self, move: MadeQuote) -> Book:
        """Return a book around an opening quote."""
        sizes = [[self._size(self._random.randrange(1, 200_000)) for _ in range(LEVELS)] for _ in range(2)]
        return Book(
            {self._price(move.bid_cents - step): size for step, size in enumerate(sizes[0])},
            {self._price(move.ask_cents + step): size for step, size in enumerate(sizes[1])},
        )

    def _price(self, cents: int) -> Decimal:
        """Return a price; that of a stock is a hundredth of what the market's walk says."""
        return _plain(Decimal(cents).scaleb(-4 if self.market == "stocks" else -2))

    def _size(self, units: int) -> Decimal:
        """Return a size: whole shares, or parts of a coin."""
        return Decimal(1 + units // 1_000) if self.market == "stocks" else _plain(Decimal(units).scaleb(-5))


def _plain(number: Decimal) -> Decimal:
    """Return the number without zeros at its end, as the venue writes it."""
    return Decimal(f"{number.normalize():f}")
