"""Remember what the loopback venue has sent, as whole answers to whoever comes later.

Owns: each pair's last trades, book, top and candles, with the digits in which they were sent.
Never: speaks; the venue does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from ticktrail.testing.venue import Message

__all__ = ["Memory", "text"]

LAST_TRADES = 50
MOST_BARS = 720
Row = dict[str, msgspec.Raw]


class _Message(msgspec.Struct):
    channel: str
    type: str
    data: list[Row]


_read = msgspec.json.Decoder(_Message).decode
_levels = msgspec.json.Decoder(list[Row]).decode
_text = msgspec.json.Decoder(str).decode
_write = msgspec.json.encode


def text(raw: msgspec.Raw) -> str:
    """Return what stands in a text."""
    return _text(raw)


class _Pair:
    def __init__(self) -> None:
        self.trades: list[Row] = []
        self.ticker: Row | None = None
        self.bars: dict[str, Row] = {}
        self.sides: dict[str, dict[Decimal, Row]] = {"bids": {}, "asks": {}}
        self.checksum = msgspec.Raw(b"0")


class Memory:
    """What was sent of each pair.

    Args:
        symbols: The pairs.
        depth: Levels a side of a book.

    Attributes:
        number: Of the last message that is in it.
    """

    def __init__(self, symbols: Iterable[str], *, depth: int) -> None:
        self.number = 0
        self._depth = depth
        self._pairs = {symbol: _Pair() for symbol in symbols}

    def see(self, messages: Iterable[Message]) -> None:
        """Remember messages."""
        for message in messages:
            self.number = max(self.number, message.number)
            self.take(message.stream, message.raw)

    def take(self, stream: str, raw: bytes) -> None:
        """Remember one message of a stream."""
        symbol, _, channel = stream.rpartition("@")
        pair = self._pairs[symbol]
        for row in _read(raw).data:
            if channel == "trade":
                pair.trades.append(row)
            elif channel == "ticker":
                pair.ticker = row
            elif channel == "ohlc":
                pair.bars[text(row["interval_begin"])] = row
            else:
                pair.checksum = row["checksum"]
                for name, side in pair.sides.items():
                    self._change(side, _levels(row[name]), best_is_high=name == "bids")

    def trades(self, symbol: str) -> Sequence[Row]:
        """Return all trades of a pair."""
        return self._pairs[symbol].trades

    def bars(self, symbol: str) -> Sequence[Row]:
        """Return a pair's candles, the oldest first."""
        bars = self._pairs[symbol].bars
        return [bars[begin] for begin in sorted(bars)][-MOST_BARS:]

    def levels(self, symbol: str, side: str) -> Sequence[Row]:
        """Return the levels of a side, the best first."""
        levels = self._pairs[symbol].sides[side]
        return [levels[price] for price in sorted(levels, reverse=side == "bids")]

    def snapshot(self, symbol: str, channel: str) -> bytes | None:
        """Return the message with which a subscription begins, None where there is nothing to say yet."""
        pair = self._pairs[symbol]
        rows: Sequence[object]
        if channel == "trade":
            rows = pair.trades[-LAST_TRADES:]
        elif channel == "ticker":
            rows = [] if pair.ticker is None else [pair.ticker]
        elif channel == "ohlc":
            rows = self.bars(symbol)
        else:
            sides = {side: self.levels(symbol, side) for side in pair.sides}
            rows = [{"symbol": symbol, **sides, "checksum": pair.checksum}]
        return _write({"channel": channel, "type": "snapshot", "data": rows}) if rows else None

    def _change(self, side: dict[Decimal, Row], levels: Iterable[Row], *, best_is_high: bool) -> None:
        for level in levels:
            price = Decimal(bytes(level["price"]).decode())
            if Decimal(bytes(level["qty"]).decode()):
                side[price] = level
            else:
                side.pop(price, None)
        for price in sorted(side, reverse=best_is_high)[self._depth :]:
            del side[price]
