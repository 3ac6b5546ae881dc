"""Turn each kind of event into its tick.

Owns: what the venue's fields mean, for every channel whose ticks stand for themselves.
Never: looks at anything but the message it is given. Books by differences and holes in trades need a memory, and have
their own modules.

Sources: as in `ticktrail_binance.wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Generic, TypeAlias, TypeVar

import msgspec

from ticktrail.model import (
    AggTrade,
    Bar,
    BookSnapshot,
    Channel,
    InstrumentId,
    Liquidation,
    MarkPrice,
    ProviderId,
    Quote,
    Tick,
    Ticker,
    Trade,
)
from ticktrail_binance.markets import Market
from ticktrail_binance.wire import (
    AggTradeEvent,
    BookTicker,
    DepthUpdate,
    ForceOrderEvent,
    FuturesTicker,
    KlineEvent,
    MarkPriceUpdate,
    PartialDepth,
    Ticker24h,
    TradeEvent,
    WireLevels,
)

__all__ = ["Read", "check_levels", "check_snapshot", "reader_of", "time_ns"]

Read: TypeAlias = Callable[[bytes, str, InstrumentId, ProviderId, int], Tick | None]
"""Payload, the symbol that it must name, instrument, leg, receive time. Raises ValueError for what is not right."""

MICROSECONDS_FROM = 100_000_000_000_000
"""A time below this is in milliseconds (in microseconds it would lie in 1973), one above in microseconds."""

Event = TypeVar("Event")
_NOTHING = Decimal(0)


class _Combined(msgspec.Struct, Generic[Event], gc=False):
    data: Event


_trade = msgspec.json.Decoder(_Combined[TradeEvent]).decode
_agg_trade = msgspec.json.Decoder(_Combined[AggTradeEvent]).decode
_quote = msgspec.json.Decoder(_Combined[BookTicker]).decode
_ticker = msgspec.json.Decoder(_Combined[Ticker24h]).decode
_futures_ticker = msgspec.json.Decoder(_Combined[FuturesTicker]).decode
_kline = msgspec.json.Decoder(_Combined[KlineEvent]).decode
_depth_update = msgspec.json.Decoder(_Combined[DepthUpdate]).decode
_partial = msgspec.json.Decoder(_Combined[PartialDepth]).decode
_mark_price = msgspec.json.Decoder(_Combined[MarkPriceUpdate]).decode
_force_order = msgspec.json.Decoder(_Combined[ForceOrderEvent]).decode


def time_ns(time: int) -> int:
    """Return nanoseconds for the venue's milliseconds or microseconds."""
    return time * (1_000_000 if time < MICROSECONDS_FROM else 1_000)


def check_levels(*sides: WireLevels) -> None:
    """See that levels are prices and sizes.

    Raises:
        ValueError: One is not.
    """
    for side in sides:
        for price, size in side:
            if not (price.is_finite() and size.is_finite() and price > 0 and size >= 0):
                raise ValueError(f"a level of the book, {price} with {size}, is no price and size")


def check_snapshot(bids: WireLevels, asks: WireLevels) -> None:
    """See that a snapshot's levels are prices and sizes, each price once, best first.

    Raises:
        ValueError: They are not: which of them are the best is then not to be known.
    """
    check_levels(bids, asks)
    falls = all(one[0] > other[0] for one, other in pairwise(bids))
    rises = all(one[0] < other[0] for one, other in pairwise(asks))
    if not (falls and rises):
        raise ValueError("the levels of a snapshot do not stand in order, each price once")


def read_trade(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return a trade; its time is when the trade was made, its side the taker's."""
    event = _trade(payload).data
    price, size, made = event.p, event.q, event.T
    if event.s != symbol or not (price.is_finite() and size.is_finite()):
        raise _wrong(event.s, symbol)
    return Trade(
        instrument=instrument,
        provider=provider,
        event_ns=made * (1_000_000 if made < MICROSECONDS_FROM else 1_000),
        recv_ns=recv_ns,
        id=event.t,
        price=price,
        size=size,
        side="sell" if event.m else "buy",
    )


def read_agg_trade(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return an aggregate trade."""
    event = _agg_trade(payload).data
    if event.s != symbol or not (event.p.is_finite() and event.q.is_finite()):
        raise _wrong(event.s, symbol)
    return AggTrade(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.T),
        recv_ns=recv_ns,
        id=event.a,
        price=event.p,
        size=event.q,
        side="sell" if event.m else "buy",
        first_id=event.f,
        last_id=event.l,
    )


def read_agg_trade_as_trade(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return an aggregate trade as a trade: what futures have instead."""
    event = _agg_trade(payload).data
    if event.s != symbol or not (event.p.is_finite() and event.q.is_finite()):
        raise _wrong(event.s, symbol)
    return Trade(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.T),
        recv_ns=recv_ns,
        id=event.a,
        price=event.p,
        size=event.q,
        side="sell" if event.m else "buy",
    )


def read_quote(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return a quote; spot gives it no time."""
    event = _quote(payload).data
    bid, bid_size, ask, ask_size = event.b, event.B, event.a, event.A
    if event.s != symbol or not (
        bid.is_finite() and bid_size.is_finite() and ask.is_finite() and ask_size.is_finite()
    ):
        raise _wrong(event.s, symbol)
    return Quote(
        instrument=instrument,
        provider=provider,
        event_ns=None if event.T is None else time_ns(event.T),
        recv_ns=recv_ns,
        bid_price=bid,
        bid_size=bid_size,
        ask_price=ask,
        ask_size=ask_size,
        update_id=event.u,
    )


def read_ticker(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return the statistics of the last 24 hours."""
    event = _ticker(payload).data
    numbers = (event.c, event.b, event.B, event.a, event.A, event.v)
    if event.s != symbol or not all(number.is_finite() for number in numbers):
        raise _wrong(event.s, symbol)
    return Ticker(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.E),
        recv_ns=recv_ns,
        last=event.c,
        bid_price=event.b,
        bid_size=event.B,
        ask_price=event.a,
        ask_size=event.A,
        volume_24h=event.v,
    )


def read_futures_ticker(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return the statistics of the last 24 hours; the best bid and offer are not in them, and stand as absent."""
    event = _futures_ticker(payload).data
    if event.s != symbol or not (event.c.is_finite() and event.v.is_finite()):
        raise _wrong(event.s, symbol)
    return Ticker(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.E),
        recv_ns=recv_ns,
        last=event.c,
        bid_price=_NOTHING,
        bid_size=_NOTHING,
        ask_price=_NOTHING,
        ask_size=_NOTHING,
        volume_24h=event.v,
    )


def read_bar(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return a bar; `T` is the last moment in it, so that the next unit of time is where it ends."""
    event = _kline(payload).data
    bar = event.k
    numbers = (bar.o, bar.h, bar.l, bar.c, bar.v)
    if event.s != symbol or not all(number.is_finite() for number in numbers):
        raise _wrong(event.s, symbol)
    return Bar(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.E),
        recv_ns=recv_ns,
        open=bar.o,
        high=bar.h,
        low=bar.l,
        close=bar.c,
        volume=bar.v,
        start_ns=time_ns(bar.t),
        end_ns=time_ns(bar.T + 1),
        final=bar.x,
        trades=bar.n,
    )


def read_final_bar(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick | None:
    """Return a bar that will not change any more, or None."""
    if not _kline(payload).data.k.x:
        return None
    return read_bar(payload, symbol, instrument, provider, recv_ns)


def read_partial_book(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return the best levels of a book; the message names no symbol and no time, the stream's name says whose it is."""
    del symbol
    event = _partial(payload).data
    check_snapshot(event.bids, event.asks)
    return BookSnapshot(
        instrument=instrument,
        provider=provider,
        event_ns=None,
        recv_ns=recv_ns,
        bids=event.bids,
        asks=event.asks,
        update_id=event.lastUpdateId,
        depth=max(len(event.bids), len(event.asks), 1),
    )


def read_futures_partial_book(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return the best levels of a future's book, which come in the form of a difference."""
    event = _depth_update(payload).data
    if event.s != symbol:
        raise _wrong(event.s, symbol)
    check_snapshot(event.b, event.a)
    return BookSnapshot(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.E),
        recv_ns=recv_ns,
        bids=event.b,
        asks=event.a,
        update_id=event.u,
        depth=max(len(event.b), len(event.a), 1),
    )


def read_mark_price(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return the mark price; dated futures have no funding."""
    event = _mark_price(payload).data
    rate = _rate(event.r)
    numbers = [number for number in (event.p, event.i, rate) if number is not None]
    if event.s != symbol or not all(number.is_finite() for number in numbers):
        raise _wrong(event.s, symbol)
    return MarkPrice(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(event.E),
        recv_ns=recv_ns,
        mark=event.p,
        index=event.i,
        funding_rate=rate,
        next_funding_ns=time_ns(event.T) if event.T else None,
    )


def _rate(text: str) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(f"a funding rate of {text[:40]!r}") from None


def read_liquidation(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return a liquidation: the venue sends the largest of each second, not all."""
    order = _force_order(payload).data.o
    if order.s != symbol or not all(number.is_finite() for number in (order.p, order.ap, order.z)):
        raise _wrong(order.s, symbol)
    if order.S not in {"BUY", "SELL"}:
        raise ValueError(f"a liquidation on the side {order.S[:40]!r}")
    return Liquidation(
        instrument=instrument,
        provider=provider,
        event_ns=time_ns(order.T),
        recv_ns=recv_ns,
        side="buy" if order.S == "BUY" else "sell",
        price=order.p,
        average_price=order.ap,
        size=order.z,
    )


def _wrong(found: str, symbol: str) -> ValueError:
    if found != symbol:
        return ValueError(f"the stream is {symbol}'s, and the event says {found[:40]!r}")
    return ValueError("a price or size is no finite number")


def reader_of(channel: Channel, market: Market, *, final_bars_only: bool) -> Read:
    """Return how to read a channel's messages; of a book, those of its best levels."""
    futures = market.settles
    readers: Mapping[Channel, Read] = {
        "trades": read_agg_trade_as_trade if market.trades_are_aggregates else read_trade,
        "agg_trades": read_agg_trade,
        "quotes": read_quote,
        "ticker": read_futures_ticker if futures else read_ticker,
        "bars": read_final_bar if final_bars_only else read_bar,
        "book": read_futures_partial_book if futures else read_partial_book,
        "mark_price": read_mark_price,
        "liquidations": read_liquidation,
    }
    return readers[channel]
