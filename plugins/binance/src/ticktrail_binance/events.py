"""Turn each kind of event into its tick.

Owns: what the venue's fields mean.
Never: looks at anything but the message it is given.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

import msgspec

from ticktrail.model import Bar, InstrumentId, ProviderId, Quote, Tick, Ticker, Trade
from ticktrail_binance.wire import BookTicker, KlineEvent, Ticker24h, TradeEvent

__all__ = ["Read", "read_bar", "read_final_bar", "read_quote", "read_ticker", "read_trade"]

Read: TypeAlias = Callable[[bytes, str, InstrumentId, ProviderId, int], Tick | None]
"""Payload, the symbol that it must name, instrument, leg, receive time. Raises ValueError for what is not right."""

MICROSECONDS_FROM = 100_000_000_000_000
"""A time below this is in milliseconds (in microseconds it would lie in 1973), one above in microseconds."""

Event = TypeVar("Event")


class _Combined(msgspec.Struct, Generic[Event], gc=False):
    data: Event


_trade = msgspec.json.Decoder(_Combined[TradeEvent]).decode
_quote = msgspec.json.Decoder(_Combined[BookTicker]).decode
_ticker = msgspec.json.Decoder(_Combined[Ticker24h]).decode
_kline = msgspec.json.Decoder(_Combined[KlineEvent]).decode


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


def read_quote(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick:
    """Return a quote; the venue gives it no time."""
    event = _quote(payload).data
    bid, bid_size, ask, ask_size = event.b, event.B, event.a, event.A
    if event.s != symbol or not (
        bid.is_finite() and bid_size.is_finite() and ask.is_finite() and ask_size.is_finite()
    ):
        raise _wrong(event.s, symbol)
    return Quote(
        instrument=instrument,
        provider=provider,
        event_ns=None,
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
        event_ns=_ns(event.E),
        recv_ns=recv_ns,
        last=event.c,
        bid_price=event.b,
        bid_size=event.B,
        ask_price=event.a,
        ask_size=event.A,
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
        event_ns=_ns(event.E),
        recv_ns=recv_ns,
        open=bar.o,
        high=bar.h,
        low=bar.l,
        close=bar.c,
        volume=bar.v,
        start_ns=_ns(bar.t),
        end_ns=_ns(bar.T + 1),
        final=bar.x,
    )


def read_final_bar(
    payload: bytes, symbol: str, instrument: InstrumentId, provider: ProviderId, recv_ns: int
) -> Tick | None:
    """Return a bar that will not change any more, or None."""
    if not _kline(payload).data.k.x:
        return None
    return read_bar(payload, symbol, instrument, provider, recv_ns)


def _ns(time: int) -> int:
    return time * (1_000_000 if time < MICROSECONDS_FROM else 1_000)


def _wrong(found: str, symbol: str) -> ValueError:
    if found != symbol:
        return ValueError(f"the stream is {symbol}'s, and the event says {found[:40]!r}")
    return ValueError("a price or size is no finite number")
