"""Hold the venue's messages in its own spelling.

Owns: every field name of the web socket's, version 2, that this plugin reads. Unknown fields are passed over, since
venues add them freely.
Never: says what a field means; `events` does.

Sources: docs.kraken.com, API reference, "Spot WebSocket v2": trade, ticker, book, ohlc, instrument, status, heartbeat,
ping; the schema of a refused request is the subscriptions' (`success`, `error`), read 2026-11. Prices and sizes are
JSON numbers with full precision ("Book checksum (WebSocket v2)"), which msgspec reads into a `Decimal` digit by digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "BookMessage",
    "BookRow",
    "DataMessage",
    "Head",
    "InstrumentMessage",
    "Level",
    "OhlcMessage",
    "OhlcRow",
    "Pair",
    "StatusMessage",
    "TickerMessage",
    "TickerRow",
    "TradeMessage",
    "TradeRow",
    "read_data",
    "read_head",
]

Kind: TypeAlias = Literal["snapshot", "update"]


class TradeRow(msgspec.Struct, gc=False):
    """One trade: `side` is the taker's; `trade_id` is a sequence number, unique per book."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Decimal
    qty: Decimal
    trade_id: int
    timestamp: str


class TickerRow(msgspec.Struct, gc=False):
    """Best bid and offer, and the last 24 hours; null where there is nobody, or no time."""

    symbol: str
    bid: Decimal | None = None
    bid_qty: Decimal | None = None
    ask: Decimal | None = None
    ask_qty: Decimal | None = None
    last: Decimal | None = None
    volume: Decimal | None = None
    timestamp: str | None = None


class Level(msgspec.Struct, gc=False):
    """A price and all that is offered or wanted at it; 0: nothing any more."""

    price: Decimal
    qty: Decimal


class BookRow(msgspec.Struct):
    """Levels of a book and the CRC32 of its ten best a side once they are applied."""

    symbol: str
    checksum: int
    bids: Sequence[Level] = ()
    asks: Sequence[Level] = ()
    timestamp: str | None = None


class OhlcRow(msgspec.Struct, gc=False):
    """The candle of an interval so far, of `interval` minutes from `interval_begin` on."""

    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int
    interval_begin: str
    interval: int


class Pair(msgspec.Struct, gc=False):
    """What the venue lists: its state, and in what steps its prices and sizes come."""

    symbol: str
    status: str
    price_precision: int | None = None
    qty_precision: int | None = None
    price_increment: Decimal | None = None
    qty_increment: Decimal | None = None


class _Instruments(msgspec.Struct):
    pairs: Sequence[Pair] = ()


class _System(msgspec.Struct):
    system: str | None = None


class TradeMessage(msgspec.Struct, tag_field="channel", tag="trade"):
    """Trades; the snapshot is the last 50 of a pair."""

    type: Kind
    data: Sequence[TradeRow]


class TickerMessage(msgspec.Struct, tag_field="channel", tag="ticker"):
    """The top of the book."""

    type: Kind
    data: Sequence[TickerRow]


class BookMessage(msgspec.Struct, tag_field="channel", tag="book"):
    """A book, or its changes."""

    type: Kind
    data: Sequence[BookRow]


class OhlcMessage(msgspec.Struct, tag_field="channel", tag="ohlc"):
    """Candles, and when the message was made."""

    type: Kind
    data: Sequence[OhlcRow]
    timestamp: str | None = None


class InstrumentMessage(msgspec.Struct, tag_field="channel", tag="instrument"):
    """Reference data: all of them, or those that changed."""

    type: Kind
    data: _Instruments


class StatusMessage(msgspec.Struct, tag_field="channel", tag="status"):
    """The state of the trading engine; sent on connecting and on every change, unasked for."""

    data: Sequence[_System]
    type: Kind = "update"


class _HeartbeatMessage(msgspec.Struct, tag_field="channel", tag="heartbeat"):
    """Nothing else has come for a second."""


DataMessage: TypeAlias = (
    TradeMessage
    | TickerMessage
    | BookMessage
    | OhlcMessage
    | InstrumentMessage
    | StatusMessage
    | _HeartbeatMessage
)


class _Result(msgspec.Struct):
    channel: str | None = None
    symbol: str | None = None
    warnings: Sequence[str] | None = None


class Head(msgspec.Struct):
    """What any message may say of itself; an answer to a request has a `method`, or nothing but an error."""

    method: str | None = None
    channel: str | None = None
    success: bool | None = None
    error: str | None = None
    Error: str | None = None
    symbol: str | None = None
    req_id: int | None = None
    result: _Result | None = None

    @property
    def is_answer(self) -> bool:
        """Whether it answers a request, and is of no channel."""
        return self.method is not None or (self.channel is None and self.refusal is not None)

    @property
    def refusal(self) -> str | None:
        """What the venue says on refusing; None where it does not refuse."""
        said = self.error or self.Error
        return said or ("no reason given" if self.success is False else None)


_data = msgspec.json.Decoder(DataMessage)
_head = msgspec.json.Decoder(Head)


def read_data(payload: bytes) -> DataMessage:
    """Return a message of a channel.

    Raises:
        ValueError: It is none, or cannot be read; so does `RecursionError`, for what is nested too deep.
    """
    return _data.decode(payload)


def read_head(payload: bytes) -> Head:
    """Return what a message says of itself.

    Raises:
        ValueError: It is no object of the venue's; so does `RecursionError`.
    """
    return _head.decode(payload)
