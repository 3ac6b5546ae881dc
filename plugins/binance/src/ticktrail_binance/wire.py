"""Hold the venue's messages in the venue's own spelling; it stands nowhere else.

Owns: the fields that are read. Others are let pass, since the venue adds fields without notice.
Never: gives a field a meaning; `events` and the machines of `book` and `holes` do.

Sources: developers.binance.com, "Binance Spot API docs" (WebSocket Streams; Market data endpoints; General endpoints),
"USDⓈ-M Futures" and "COIN-M Futures" (WebSocket Market Streams; Market data), payload examples, read 2026-11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "AggTradeEvent",
    "BookTicker",
    "Depth",
    "DepthUpdate",
    "Envelope",
    "Error",
    "ExchangeInfo",
    "ForceOrder",
    "ForceOrderEvent",
    "FuturesTicker",
    "Kline",
    "KlineEvent",
    "MarkPriceUpdate",
    "PartialDepth",
    "RestAggTrade",
    "RestKline",
    "RestQuote",
    "RestTrade",
    "ServerTime",
    "SymbolFilter",
    "SymbolInfo",
    "Ticker24h",
    "TradeEvent",
]


Time: TypeAlias = Annotated[int, Meta(ge=0, le=9_000_000_000_000_000)]
"""Milliseconds or microseconds since the epoch, up to the year 2255: what lies beyond is no time of a market."""

Id: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
IdOrNone: TypeAlias = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
WireLevels: TypeAlias = tuple[tuple[Decimal, Decimal], ...]


class TradeEvent(msgspec.Struct, gc=False):
    """``<symbol>@trade``: `T` is when the trade was made, `m` that the buyer was the maker."""

    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Time
    m: bool


class AggTradeEvent(msgspec.Struct, gc=False):
    """``<symbol>@aggTrade``: the trades `f` to `l` of one taker's order at one price, under the id `a`."""

    s: str
    a: Id
    p: Decimal
    q: Decimal
    f: Id
    l: Id  # noqa: E741 - the venue's name
    T: Time
    m: bool


class BookTicker(msgspec.Struct, gc=False):
    """``<symbol>@bookTicker``: `u` is the update of the order book; only futures give a time, `T`."""

    u: Id
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    T: Time | None = None


class Ticker24h(msgspec.Struct, gc=False):
    """``<symbol>@ticker`` of spot: `c` is the last price, `v` the volume of 24 h in units of the base asset."""

    E: Time
    s: str
    c: Decimal
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    v: Decimal


class FuturesTicker(msgspec.Struct, gc=False):
    """``<symbol>@ticker`` of futures: without the best bid and offer."""

    E: Time
    s: str
    c: Decimal
    v: Decimal


class Kline(msgspec.Struct, gc=False):
    """The bar within a `KlineEvent`: `t` is its first moment, `T` its last, `n` its trades, `x` that it is closed."""

    t: Time
    T: Time
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the venue's name
    c: Decimal
    v: Decimal
    x: bool
    n: Id | None = None


class KlineEvent(msgspec.Struct, gc=False):
    """``<symbol>@kline_<interval>``."""

    E: Time
    s: str
    k: Kline


class DepthUpdate(msgspec.Struct, gc=False):
    """``<symbol>@depth``: updates `U` to `u`; of futures `pu` is the `u` of the event before."""

    E: Time
    s: str
    U: Id
    u: Id
    b: WireLevels
    a: WireLevels
    pu: Id | None = None


class PartialDepth(msgspec.Struct, gc=False):
    """``<symbol>@depth<levels>`` of spot; it names no symbol."""

    lastUpdateId: Id  # noqa: N815 - the venue's name
    bids: WireLevels
    asks: WireLevels


class MarkPriceUpdate(msgspec.Struct, gc=False):
    """``<symbol>@markPrice``: mark `p`, index `i`, funding rate `r` at `T`; ``""`` and 0 where there is no funding."""

    E: Time
    s: str
    p: Decimal
    i: Decimal | None = None
    r: str = ""
    T: Time = 0


class ForceOrder(msgspec.Struct, gc=False):
    """The order within a `ForceOrderEvent`: side `S`, limit `p`, average price `ap`, filled in all `z`, time `T`."""

    s: str
    S: str
    p: Decimal
    ap: Decimal
    z: Decimal
    T: Time


class ForceOrderEvent(msgspec.Struct, gc=False):
    """``<symbol>@forceOrder``."""

    E: Time
    o: ForceOrder


class Error(msgspec.Struct):
    """Why a request was refused."""

    code: int
    msg: str


class Envelope(msgspec.Struct):
    """Any message, so far as to tell what it is: a stream's, or the answer to the request `id`, refused by `error`."""

    stream: str | None = None
    id: int | str | None = None
    error: Error | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")


class Depth(msgspec.Struct, gc=False):
    """``GET /depth``: the book as of `lastUpdateId`; futures add the time `T` of its last change."""

    lastUpdateId: Id  # noqa: N815 - the venue's name
    bids: WireLevels
    asks: WireLevels
    T: Time | None = None


class RestTrade(msgspec.Struct, gc=False):
    """A row of ``GET /historicalTrades`` and ``GET /trades``."""

    id: Id
    price: Decimal
    qty: Decimal
    time: Time
    isBuyerMaker: bool  # noqa: N815 - the venue's name


class RestAggTrade(msgspec.Struct, gc=False):
    """A row of ``GET /aggTrades``; fields as in `AggTradeEvent`. One with `f` and `l` of -1 stands for no trade."""

    a: Id
    p: Decimal
    q: Decimal
    f: IdOrNone
    l: IdOrNone  # noqa: E741 - the venue's name
    T: Time
    m: bool


class RestKline(msgspec.Struct, array_like=True, gc=False):
    """A row of ``GET /klines``, as far as it is read: an array of 12."""

    open_time: Time
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time: Time
    quote_volume: Decimal | None = None
    trades: Id | None = None


class RestQuote(msgspec.Struct, gc=False):
    """``GET /ticker/bookTicker``."""

    bidPrice: Decimal  # noqa: N815 - the venue's name
    bidQty: Decimal  # noqa: N815 - the venue's name
    askPrice: Decimal  # noqa: N815 - the venue's name
    askQty: Decimal  # noqa: N815 - the venue's name


class SymbolFilter(msgspec.Struct):
    """One of a symbol's filters: steps and least values of ``PRICE_FILTER`` and ``LOT_SIZE``; 0 for none."""

    filterType: str  # noqa: N815 - the venue's name
    tickSize: Decimal = Decimal(0)  # noqa: N815 - the venue's name
    minPrice: Decimal = Decimal(0)  # noqa: N815 - the venue's name
    stepSize: Decimal = Decimal(0)  # noqa: N815 - the venue's name
    minQty: Decimal = Decimal(0)  # noqa: N815 - the venue's name


class SymbolInfo(msgspec.Struct):
    """An entry of ``GET /exchangeInfo``; COIN-M calls its status `contractStatus`.

    Its `filters` are left as they came, since a list of every symbol has thousands that nobody asks for:
    `SymbolFilter`.
    """

    symbol: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815 - the venue's name
    status: str = ""
    contractStatus: str = ""  # noqa: N815 - the venue's name
    marginAsset: str = ""  # noqa: N815 - the venue's name
    filters: msgspec.Raw = msgspec.Raw(b"[]")

    @property
    def state(self) -> str:
        """Its status under whichever name."""
        return self.status or self.contractStatus


class ExchangeInfo(msgspec.Struct):
    """``GET /exchangeInfo``."""

    symbols: list[SymbolInfo]


class ServerTime(msgspec.Struct):
    """``GET /time``, in milliseconds."""

    serverTime: Time  # noqa: N815 - the venue's name
