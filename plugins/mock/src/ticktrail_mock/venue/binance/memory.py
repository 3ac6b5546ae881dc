"""Remember what a venue has sent, so that it can be asked for: books as they are now, trades by their ids.

Owns: the true state of the market at the place that one path has come to, whatever its faults have left out.
Never: parses before somebody asks: a path that nobody asks costs a list's append a message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from ticktrail.testing.venue import Message
from ticktrail_mock.venue.binance.tape import Depth, in_ms

__all__ = ["Memory"]

MOST_TRADES = 200_000
MOST_PENDING = 20_000
_decode = msgspec.json.Decoder().decode


class _Book:
    """The levels of one symbol, as texts by price: the simplest book there is, for others to be compared with."""

    def __init__(self, depth: Depth) -> None:
        self.first = depth
        self.last_id = depth.lastUpdateId
        self.bids: dict[Decimal, tuple[str, str]] = {Decimal(p): (p, q) for p, q in depth.bids}
        self.asks: dict[Decimal, tuple[str, str]] = {Decimal(p): (p, q) for p, q in depth.asks}

    def apply(self, event: Mapping[str, object]) -> None:
        last = event["u"]
        assert isinstance(last, int)  # noqa: S101 - a recording's own
        if last < self.last_id:
            return
        self.last_id = last
        for side, key in ((self.bids, "b"), (self.asks, "a")):
            levels = event[key]
            assert isinstance(levels, list)  # noqa: S101 - a recording's own
            for price, size in levels:
                if Decimal(size):
                    side[Decimal(price)] = (price, size)
                else:
                    side.pop(Decimal(price), None)

    def depth(self, limit: int) -> Depth:
        return Depth(
            self.last_id,
            [self.bids[price] for price in sorted(self.bids, reverse=True)[:limit]],
            [self.asks[price] for price in sorted(self.asks)[:limit]],
        )


class Memory:
    """What one path of a venue has sent so far.

    Args:
        snapshots: The books at some moment of the tape, by symbol: earlier differences are in them already.
        archive: Messages whose trades have happened already, whoever was there to see them; None: what is sent
            becomes known as it is sent.

    Attributes:
        is_archive: Whether there was one.
    """

    def __init__(self, snapshots: Mapping[str, Depth], archive: Iterable[Message] | None = None) -> None:
        self._books = {symbol: _Book(depth) for symbol, depth in snapshots.items()}
        self._asked: set[str] = set()
        self._pending: list[Message] = []
        self._trades: dict[str, deque[bytes]] = {}
        self._read: dict[str, tuple[bytes, Sequence[Mapping[str, Any]]]] = {}
        for message in archive or ():
            self._keep_trade(message)
        self.is_archive = archive is not None

    def see(self, messages: Iterable[Message]) -> None:
        """Remember what the path sends now."""
        for message in messages:
            _, _, kind = message.stream.partition("@")
            if kind.startswith("depth"):
                self._pending.append(message)
            elif not self.is_archive:
                self._keep_trade(message)
        if len(self._pending) > MOST_PENDING:
            self._catch_up()

    def book(self, symbol: str, limit: int, *, old: bool = False) -> Depth | None:
        """Return a symbol's book; None if it is not known.

        The first answer is the snapshot that the tape brought, as it was given to whoever recorded it; later ones are
        the book as it is now, or the first one again where `old` is wanted.
        """
        self._catch_up()
        book = self._books.get(symbol)
        if book is None:
            return None
        if old or symbol not in self._asked:
            self._asked.add(symbol)
            first = book.first
            return Depth(first.lastUpdateId, first.bids[:limit], first.asks[:limit])
        return book.depth(limit)

    def trades(
        self,
        symbol: str,
        *,
        aggregates: bool,
        from_id: int | None,
        limit: int,
        between_ms: tuple[int, int] | None = None,
    ) -> list[dict[str, object]]:
        """Return trades from an id on, or of a period with both ends, oldest first; without either the newest."""
        key = "a" if aggregates else "t"
        stream = f"{symbol.lower()}@{'aggTrade' if aggregates else 'trade'}"
        events = self._events(stream, key)
        if aggregates and not events:  # a tape of trades alone: each is an aggregate of one
            single = self._events(f"{symbol.lower()}@trade", "t")
            events = [{**event, "a": event["t"], "f": event["t"], "l": event["t"]} for event in single]
        if from_id is not None:
            events = [event for event in events if event[key] >= from_id][:limit]
        elif between_ms is not None:
            first, last = between_ms
            events = [event for event in events if first <= in_ms(event["T"]) <= last][:limit]
        else:
            events = events[-limit:]
        if aggregates:
            return [{name: event[name] for name in ("a", "p", "q", "f", "l", "T", "m")} for event in events]
        return [
            {
                "id": event["t"],
                "price": event["p"],
                "qty": event["q"],
                "time": event["T"],
                "isBuyerMaker": event["m"],
            }
            for event in events
        ]

    def first_price(self, symbol: str) -> Decimal | None:
        """Return the price of the first trade of a symbol that is known; None where there is none."""
        for kind in ("trade", "aggTrade"):
            kept = self._trades.get(f"{symbol.lower()}@{kind}")
            if kept:
                return Decimal(_decode(kept[0])["data"]["p"])
        return None

    def _keep_trade(self, message: Message) -> None:
        if message.stream.endswith(("@trade", "@aggTrade")):
            self._trades.setdefault(message.stream, deque(maxlen=MOST_TRADES)).append(message.raw)

    def _events(self, stream: str, key: str) -> Sequence[Mapping[str, Any]]:
        """Return a stream's trades by their ids; read anew only where there are more than at the last question."""
        kept = self._trades.get(stream, ())
        newest = kept[-1] if kept else b""
        known = self._read.get(stream)
        if known is None or known[0] is not newest:
            events = sorted((_decode(raw)["data"] for raw in kept), key=lambda event: int(event[key]))
            known = self._read[stream] = (newest, events)
        return known[1]

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, []
        for message in pending:
            event = _decode(message.raw)["data"]
            book = self._books.get(event.get("s", ""))
            if book is not None and "U" in event:
                book.apply(event)
