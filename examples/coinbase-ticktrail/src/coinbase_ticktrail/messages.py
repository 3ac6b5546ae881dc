"""Hold the venue's messages in the venue's own spelling, and how it writes instruments.

Sources, read 2026-11: docs.cdp.coinbase.com/exchange/websocket-feed, its pages overview, channels, errors and
rate-limits.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId

# [messages]
Id: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""What fits into 64 bits, so that a hostile number is refused here."""


class Match(msgspec.Struct, tag_field="type", tag="match", gc=False):
    """A trade. `side` is the maker's: a maker who sold met a taker who bought."""

    product_id: str
    trade_id: Id
    price: Decimal
    size: Decimal
    side: Literal["buy", "sell"]
    time: str


class LastMatch(Match, tag_field="type", tag="last_match", gc=False):
    """The last trade before the subscription: the first message of the channel, and of that alone."""


class Ticker(msgspec.Struct, tag_field="type", tag="ticker", gc=False):
    """The best bid and offer behind a trade; where one order meets several, the venue sends one for all."""

    product_id: str
    trade_id: Id
    best_bid: Decimal
    best_bid_size: Decimal
    best_ask: Decimal
    best_ask_size: Decimal
    time: str


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", gc=False):
    """Once a second and product, with the id of its last trade."""

    product_id: str
    last_trade_id: Id


class Channel(msgspec.Struct, gc=False):
    """A part of the answer to a subscription."""

    name: str
    product_ids: list[str] = []


class Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions", gc=False):
    """The answer to a subscription: all that this connection has."""

    channels: list[Channel]


class Error(msgspec.Struct, tag_field="type", tag="error", gc=False):
    """The venue refuses, or ends the connection."""

    message: str = ""
    reason: str = ""


Message: TypeAlias = Match | LastMatch | Ticker | Heartbeat | Subscriptions | Error
read = msgspec.json.Decoder(Message).decode
"""Reads one message; raises `ValueError` for what is none. Numbers in quotes keep their very digits."""

# [spelling]
_PAIR = re.compile(r"[A-Z0-9]+/[A-Z0-9]+")


def product_of(instrument: InstrumentId) -> str:
    """Return the venue's spelling: ``BTC-USD`` for ``BTC/USD``.

    Raises:
        ConfigError: It is no pair.
    """
    if _PAIR.fullmatch(instrument) is None:
        raise ConfigError(f'"{instrument}" is no pair that Coinbase could have; write one such as "BTC/USD"')
    return instrument.replace("/", "-")


def instrument_of(product: str) -> InstrumentId:
    """Return the canonical name of the venue's spelling."""
    return InstrumentId(product.replace("-", "/"))
