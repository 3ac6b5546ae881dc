"""Turn each kind of message into its tick.

Owns: what the venue's fields mean, for every channel whose ticks stand for themselves, and which values cannot be.
Never: looks at anything but the message it is given. Books and missed trades need a memory: `decoder` has it.

Sources: as in `ticktrail_alpaca.wire`; "Real-time Stock Data" (trading status and LULD codes), read 2026-11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from msgspec.msgpack import Ext

from ticktrail.model import (
    Bar,
    Correction,
    Imbalance,
    InstrumentId,
    PriceBand,
    ProviderId,
    Quote,
    Side,
    Status,
    Tick,
    Trade,
)
from ticktrail_alpaca.codec import AnyMessage, check_numbers, moment_ns
from ticktrail_alpaca.markets import MarketName
from ticktrail_alpaca.spans import bar_end_ns
from ticktrail_alpaca.wire import (
    BarMessage,
    CancelMessage,
    CorrectionMessage,
    DailyBarMessage,
    ImbalanceMessage,
    LuldMessage,
    QuoteMessage,
    StatusMessage,
    TradeMessage,
    UpdatedBarMessage,
)

__all__ = [
    "SIDES",
    "check_bar",
    "check_quote",
    "check_trade",
    "read_other",
    "read_quote",
    "read_trade",
    "trade_name",
]

AnyTrade: TypeAlias = TradeMessage[str] | TradeMessage[Ext]
AnyQuote: TypeAlias = QuoteMessage[str] | QuoteMessage[Ext]
AnyBar: TypeAlias = (
    BarMessage[str]
    | BarMessage[Ext]
    | UpdatedBarMessage[str]
    | UpdatedBarMessage[Ext]
    | DailyBarMessage[str]
    | DailyBarMessage[Ext]
)
SIDES: dict[str, Side] = {"B": "buy", "S": "sell"}
"""By `tks`, the side of the taker; stocks have none."""


def trade_name(exchange: str, number: int) -> str:
    """Return a trade's id: each exchange counts for itself, so that a number alone names none."""
    return f"{exchange}:{number}" if exchange else str(number)


def check_trade(price: Decimal, size: Decimal) -> None:
    """Return if these can be a trade's.

    Raises:
        ValueError: They cannot.
    """
    check_numbers(price, size)
    if not (price > 0 and size >= 0):
        raise ValueError(f"{size} at {price} is no trade")


def check_quote(bid_price: Decimal, bid_size: Decimal, ask_price: Decimal, ask_size: Decimal) -> None:
    """Return if these can be a quote's; a price and size of 0 say that the side is empty.

    Raises:
        ValueError: They cannot.
    """
    numbers = (bid_price, bid_size, ask_price, ask_size)
    check_numbers(*numbers)
    if min(numbers) < 0:
        raise ValueError("a price or size of a quote is less than 0")


def check_bar(first: Decimal, highest: Decimal, lowest: Decimal, last: Decimal, volume: Decimal) -> None:
    """Return if these can be a bar's.

    Raises:
        ValueError: They cannot.
    """
    check_numbers(first, highest, lowest, last, volume)
    if not (0 < lowest <= min(first, last) and max(first, last) <= highest and volume >= 0):
        raise ValueError(
            f"a bar from {first} to {last} between {lowest} and {highest}, with a volume of {volume}"
        )


def read_trade(message: AnyTrade, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Trade:
    """Return a trade.

    Raises:
        ValueError: A field is not what it must be.
    """
    price, size = message.p, message.s
    check_trade(price, size)
    return Trade(
        instrument=instrument,
        provider=provider,
        event_ns=moment_ns(message.t),
        recv_ns=recv_ns,
        id=trade_name(message.x, message.i),
        price=price,
        size=size,
        side=SIDES.get(message.tks),
    )


def read_quote(message: AnyQuote, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Quote:
    """Return a quote; a price and size of 0 say that the side is empty.

    Raises:
        ValueError: A field is not what it must be.
    """
    check_quote(message.bp, message.bs, message.ap, message.asks)
    return Quote(
        instrument=instrument,
        provider=provider,
        event_ns=moment_ns(message.t),
        recv_ns=recv_ns,
        bid_price=message.bp,
        bid_size=message.bs,
        ask_price=message.ap,
        ask_size=message.asks,
    )


def read_other(message: AnyMessage, instrument: InstrumentId, provider: ProviderId, recv_ns: int) -> Tick:
    """Return the tick of a message that comes less often.

    Raises:
        ValueError: A field is not what it must be, or it is no message of the market.
    """
    tick: Tick
    match message:
        case BarMessage() | UpdatedBarMessage():
            tick = _bar(message, instrument, provider, recv_ns, final=True)
        case DailyBarMessage():
            tick = _bar(message, instrument, provider, recv_ns, final=False)
        case StatusMessage():
            tick = Status(
                instrument=instrument,
                provider=provider,
                event_ns=moment_ns(message.t),
                recv_ns=recv_ns,
                state=_words(message.sc, message.sm),
                reason=_words(message.rc, message.rm) or None,
            )
        case LuldMessage():
            check_numbers(message.d, message.u)
            tick = PriceBand(
                instrument=instrument,
                provider=provider,
                event_ns=moment_ns(message.t),
                recv_ns=recv_ns,
                lower=message.d,
                upper=message.u,
                indicator=message.i or None,
            )
        case ImbalanceMessage():
            check_numbers(message.p)
            tick = Imbalance(
                instrument=instrument,
                provider=provider,
                event_ns=moment_ns(message.t),
                recv_ns=recv_ns,
                price=message.p,
            )
        case CorrectionMessage():
            check_trade(message.cp, message.cs)
            tick = Correction(
                instrument=instrument,
                provider=provider,
                event_ns=moment_ns(message.t),
                recv_ns=recv_ns,
                original_id=trade_name(message.x, message.oi),
                id=trade_name(message.x, message.ci),
                price=message.cp,
                size=message.cs,
            )
        case CancelMessage():
            tick = Correction(
                instrument=instrument,
                provider=provider,
                event_ns=moment_ns(message.t),
                recv_ns=recv_ns,
                original_id=trade_name(message.x, message.i),
                id=None,
                price=None,
                size=None,
            )
        case _:
            raise ValueError(f"a {type(message).__name__} is no message of the market")
    return tick


def _bar(
    message: AnyBar,
    instrument: InstrumentId,
    provider: ProviderId,
    recv_ns: int,
    *,
    final: bool,
) -> Bar:
    """Return the bar of a minute, which is final, or of the day so far, which is not."""
    check_bar(message.o, message.h, message.l, message.c, message.v)
    start_ns = moment_ns(message.t)
    # A day may have 23 or 25 hours; only the pairs of crypto are written with a slash.
    market: MarketName = "crypto" if "/" in message.S else "stocks"
    end_ns = bar_end_ns(start_ns, "1Min" if final else "1Day", market)
    return Bar(
        instrument=instrument,
        provider=provider,
        event_ns=end_ns if final else None,
        recv_ns=recv_ns,
        open=message.o,
        high=message.h,
        low=message.l,
        close=message.c,
        volume=message.v,
        start_ns=start_ns,
        end_ns=end_ns,
        final=final,
        trades=message.n,
    )


def _words(code: str, text: str) -> str:
    return ": ".join(part for part in (code, text) if part)
