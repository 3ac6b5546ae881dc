"""Hold the venue's messages in the venue's own spelling; it stands nowhere else.

Owns: the fields that are read. Others are let pass, since the venue adds fields without notice.
Never: gives a field a meaning; the decoder does.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", payload examples, read 2026-11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "BookTicker",
    "Envelope",
    "Error",
    "Kline",
    "KlineEvent",
    "Ticker24h",
    "TradeEvent",
]


Time: TypeAlias = Annotated[int, Meta(ge=0, le=9_000_000_000_000_000)]
"""Milliseconds or microseconds since the epoch, up to the year 2255: what lies beyond is no time of a market."""

Id: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class TradeEvent(msgspec.Struct, gc=False):
    """``<symbol>@trade``: `T` is when the trade was made, `m` that the buyer was the maker."""

    s: str
    t: Id
    p: Decimal
    q: Decimal
    T: Time
    m: bool


class BookTicker(msgspec.Struct, gc=False):
    """``<symbol>@bookTicker``: no time; `u` is the update of the order book."""

    u: Id
    s: str
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal


class Ticker24h(msgspec.Struct, gc=False):
    """``<symbol>@ticker``: `c` is the last price, `v` the volume of 24 h in units of the base asset."""

    E: Time
    s: str
    c: Decimal
    b: Decimal
    B: Decimal
    a: Decimal
    A: Decimal
    v: Decimal


class Kline(msgspec.Struct, gc=False):
    """The bar within a `KlineEvent`: `t` is its first moment, `T` its last one, `x` that it is closed."""

    t: Time
    T: Time
    o: Decimal
    h: Decimal
    l: Decimal  # noqa: E741 - the venue's name
    c: Decimal
    v: Decimal
    x: bool


class KlineEvent(msgspec.Struct, gc=False):
    """``<symbol>@kline_<interval>``."""

    E: Time
    s: str
    k: Kline


class Error(msgspec.Struct):
    """Why a request was refused."""

    code: int
    msg: str


class Envelope(msgspec.Struct):
    """Any message, so far as to tell what it is: a stream's, or the answer to the request `id`, refused by `error`."""

    stream: str | None = None
    id: int | str | None = None
    error: Error | None = None
