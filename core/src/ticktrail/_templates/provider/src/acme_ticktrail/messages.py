"""Hold the venue's messages in the venue's own spelling, and how it spells instruments."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId

Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id, or nanoseconds since 1970: what fits into 64 bits, so that a hostile number is refused here."""
_PAIR = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")


class TradeMessage(msgspec.Struct, tag_field="ch", tag="trades", gc=False):
    """One trade."""

    symbol: str
    id: Count
    price: Decimal
    size: Decimal
    side: Literal["buy", "sell"]
    time: Count


class QuoteMessage(msgspec.Struct, tag_field="ch", tag="quotes", gc=False):
    """The best bid and offer."""

    symbol: str
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal
    time: Count


class Heartbeat(msgspec.Struct, tag_field="ch", tag="heartbeat", gc=False):
    """The connection is alive; whether the market is, it does not say."""


class Subscribed(msgspec.Struct, tag_field="ch", tag="subscribed", gc=False):
    """The answer to a subscription: all that this connection has."""

    streams: list[str]


class Refused(msgspec.Struct, tag_field="ch", tag="error", gc=False):
    """The answer to what the venue does not do."""

    reason: str


Message: TypeAlias = TradeMessage | QuoteMessage | Heartbeat | Subscribed | Refused
read = msgspec.json.Decoder(Message).decode
"""Reads one message; raises `ValueError` for what is none. Numbers in quotes keep their very digits."""


def stream_of(message: Message) -> str:
    """Return the stream that a message is of, such as ``trades:BTC-USDT``; empty where it is of none."""
    match message:
        case TradeMessage(symbol=symbol):
            return f"trades:{symbol}"
        case QuoteMessage(symbol=symbol):
            return f"quotes:{symbol}"
        case _:
            return ""


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's spelling: ``BTC-USDT`` for ``BTC/USDT``.

    Raises:
        ConfigError: It is no pair.
    """
    if _PAIR.fullmatch(instrument) is None:
        raise ConfigError(f'"{instrument}" is no pair that it knows; write one such as "BTC/USDT"')
    return instrument.replace("/", "-")


def instrument_of(symbol: str) -> InstrumentId:
    """Return the canonical name of the venue's spelling."""
    return InstrumentId(symbol.replace("-", "/"))
