"""Make up a market as Kraken would tell of it, for the loopback venue.

Owns: prices that walk, a book deeper than what is told of it, trades with consecutive ids, candles of them.
Never: reads a clock: times come as arguments. Shares no code with what it proves: digits and checksums are written here
from whole numbers of steps.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ticktrail.moments import rfc3339_of_ns
from ticktrail.testing.venue import Message

__all__ = ["PRICE_PLACES", "SIZE_PLACES", "KrakenTape", "Market", "digits"]

PRICE_PLACES, SIZE_PLACES = 1, 8
BEYOND = 6
"""Levels that the market has below those that are told of."""
NS_PER_S = 1_000_000_000
MINUTE_NS = 60 * NS_PER_S
Levels = Mapping[int, int]


def digits(steps: int, places: int) -> str:
    """Return a number of steps as the venue writes it, with all of its places."""
    text = str(steps).rjust(places + 1, "0")
    return f"{text[:-places]}.{text[-places:]}"


@dataclass(slots=True)
class _Candle:
    begin_ns: int
    first: int
    high: int
    low: int
    last: int
    volume: int = 0
    trades: int = 0


@dataclass(slots=True)
class Market:
    """One pair's market; prices and sizes are whole numbers of steps.

    Attributes:
        symbol: The pair.
        depth: Levels a side that are told of.
        dice: What happens.
        middle: Around which price.
        bids: Sizes by price, those below the depth among them.
        asks: The same.
        newest_id: The last trade's.
    """

    symbol: str
    depth: int
    dice: random.Random
    middle: int = 650_000
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    newest_id: int = 1_000
    _candle: _Candle | None = None

    def __post_init__(self) -> None:
        """Fill the book."""
        self._refill()

    def whole_book(self, at_ns: int) -> bytes:
        """Return the message of the whole book."""
        return self._book_message("snapshot", self._top(self.bids, 1), self._top(self.asks, 0), at_ns)

    def step(self, at_ns: int) -> Iterator[tuple[str, bytes]]:
        """Let something happen; yield the messages, each with its stream."""
        best = self._best()
        kind = self.dice.random()
        if kind < 0.3:
            yield from self._trade(at_ns)
        before = self._top(self.bids, 1), self._top(self.asks, 0)
        for _ in range(self.dice.randint(1, 3)):
            self._move()
        self._refill()
        changes = [
            self._changes(was, self._top(side, is_bid), side)
            for was, side, is_bid in zip(before, (self.bids, self.asks), (1, 0), strict=True)
        ]
        if any(changes):
            yield f"{self.symbol}@book", self._book_message("update", changes[0], changes[1], at_ns)
        if self._best() != best:
            yield f"{self.symbol}@ticker", self._ticker_message(at_ns)

    def ticker(self, at_ns: int) -> bytes:
        """Return the message of the top of the book."""
        return self._ticker_message(at_ns)

    def _best(self) -> tuple[int, int]:
        return max(self.bids), min(self.asks)

    def _move(self) -> None:
        is_bid = self.dice.random() < 0.5
        side = self.bids if is_bid else self.asks
        prices = sorted(side, reverse=is_bid)
        at = min(int(self.dice.expovariate(0.5)), len(prices) - 1)
        if self.dice.random() < 0.35:
            del side[prices[at]]
        else:
            side[prices[at]] = self.dice.randint(1, 300_000_000)

    def _refill(self) -> None:
        for side, sign, other in ((self.bids, -1, self.asks), (self.asks, 1, self.bids)):
            edge = (max(other) if sign > 0 else min(other)) if other else self.middle
            while len(side) < self.depth + BEYOND:
                price = edge + sign * self.dice.randint(1, 3 * (self.depth + BEYOND))
                side.setdefault(price, self.dice.randint(1, 300_000_000))

    def _top(self, side: Levels, is_bid: int) -> dict[int, int]:
        return {price: side[price] for price in sorted(side, reverse=bool(is_bid))[: self.depth]}

    def _changes(self, was: Levels, now: Levels, side: Levels) -> dict[int, int]:
        """Return what the venue tells: levels in its depth that are new or other, and those that are there no more."""
        gone = {price: 0 for price in was if price not in side}
        return gone | {price: size for price, size in now.items() if was.get(price) != size}

    def _trade(self, at_ns: int) -> Iterator[tuple[str, bytes]]:
        side = self.dice.choice(("buy", "sell"))
        price = min(self.asks) if side == "buy" else max(self.bids)
        size = self.dice.randint(1, 100_000_000)
        self.newest_id += 1
        yield (
            f"{self.symbol}@trade",
            (
                f'{{"channel":"trade","type":"update","data":[{{"symbol":"{self.symbol}","side":"{side}",'
                f'"price":{digits(price, PRICE_PLACES)},"qty":{digits(size, SIZE_PLACES)},"ord_type":"market",'
                f'"trade_id":{self.newest_id},"timestamp":"{rfc3339_of_ns(at_ns)}"}}]}}'
            ).encode(),
        )
        yield f"{self.symbol}@ohlc", self._candle_message(price, size, at_ns)

    def _candle_message(self, price: int, size: int, at_ns: int) -> bytes:
        begin_ns = at_ns // MINUTE_NS * MINUTE_NS
        candle = self._candle
        if candle is None or candle.begin_ns != begin_ns:
            candle = self._candle = _Candle(begin_ns, price, price, price, price)
        candle.high, candle.low, candle.last = max(candle.high, price), min(candle.low, price), price
        candle.volume += size
        candle.trades += 1
        told = ",".join(
            f'"{name}":{digits(value, PRICE_PLACES)}'
            for name, value in (
                ("open", candle.first), ("high", candle.high), ("low", candle.low), ("close", candle.last),
                ("vwap", candle.last),
            )
        )  # fmt: skip
        return (
            f'{{"channel":"ohlc","type":"update","timestamp":"{rfc3339_of_ns(at_ns)}","data":[{{"symbol":'
            f'"{self.symbol}",{told},"volume":{digits(candle.volume, SIZE_PLACES)},"trades":{candle.trades},'
            f'"interval_begin":"{rfc3339_of_ns(begin_ns)}","interval":1,'
            f'"timestamp":"{rfc3339_of_ns(begin_ns + MINUTE_NS)}"}}]}}'
        ).encode()

    def _ticker_message(self, at_ns: int) -> bytes:
        bid, ask = self._best()
        return (
            f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{self.symbol}",'
            f'"bid":{digits(bid, PRICE_PLACES)},"bid_qty":{digits(self.bids[bid], SIZE_PLACES)},'
            f'"ask":{digits(ask, PRICE_PLACES)},"ask_qty":{digits(self.asks[ask], SIZE_PLACES)},'
            f'"last":{digits(bid, PRICE_PLACES)},"volume":2600.11415018,"vwap":65000.0,"low":64000.0,"high":66000.0,'
            f'"change":-17.2,"change_pct":-0.17,"timestamp":"{rfc3339_of_ns(at_ns)}"}}]}}'
        ).encode()

    def _book_message(self, kind: str, bids: Levels, asks: Levels, at_ns: int) -> bytes:
        sides = ",".join(
            f'"{name}":[{",".join(_level(price, size) for price, size in side.items())}]'
            for name, side in (("bids", bids), ("asks", asks))
        )
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}",{sides},'
            f'"checksum":{self._checksum()},"timestamp":"{rfc3339_of_ns(at_ns)}"}}]}}'
        ).encode()

    def _checksum(self) -> int:
        asks = sorted(self.asks.items())[:10]
        bids = sorted(self.bids.items(), reverse=True)[:10]
        return zlib.crc32("".join(f"{price}{size}" for price, size in (*asks, *bids)).encode())


def _level(price: int, size: int) -> str:
    return f'{{"price":{digits(price, PRICE_PLACES)},"qty":{digits(size, SIZE_PLACES)}}}'


class KrakenTape:
    """A market of some pairs that goes on until `ends_after` steps, or for ever.

    Args:
        symbols: The pairs.
        depth: Levels a side of their books.
        rate: Steps in a second.
        seed: What happens.
        ends_after: Steps; None: no end.
        now_ns: Whose time.
    """

    def __init__(
        self,
        symbols: Sequence[str] = ("BTC/USD",),
        *,
        depth: int = 10,
        rate: float = 200.0,
        seed: int = 1,
        ends_after: int | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.depth = depth
        self.symbols = tuple(symbols)
        self._dice = random.Random(seed)  # noqa: S311 - no secret
        self.markets = [Market(symbol, depth, random.Random(self._dice.random())) for symbol in symbols]  # noqa: S311
        self._rate = rate
        self._ends_after = ends_after
        self._now_ns = now_ns

    def first(self) -> Sequence[tuple[str, bytes]]:
        """Return what is so before anything happens: a book and its top for each pair, each with its stream."""
        at_ns = self._now_ns()
        return [
            (f"{market.symbol}@{channel}", message)
            for market in self.markets
            for channel, message in (("book", market.whole_book(at_ns)), ("ticker", market.ticker(at_ns)))
        ]

    def messages(self) -> Iterator[Message]:
        """Yield what happens; each message has a number of its own."""
        number = step = 0
        while self._ends_after is None or step < self._ends_after:
            step += 1
            market = self._dice.choice(self.markets)
            for stream, raw in market.step(self._now_ns()):
                number += 1
                yield Message(stream, raw, round(step / self._rate * NS_PER_S), number)
