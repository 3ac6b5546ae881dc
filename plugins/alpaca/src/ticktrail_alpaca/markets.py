"""Hold what differs between the venue's feeds: hosts, paths, names of subscriptions.

Owns: every such fact, in one table a market. The rest of the plugin asks and does not compare names.
Never: holds a setting: a value that a user may change stands in the settings and defaults to what is here.

Sources: docs.alpaca.markets, "WebSocket Stream", "Real-time Stock Data", "Real-time Crypto Data", "Historical API",
read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ticktrail.model import Channel

__all__ = [
    "BAR_LISTS",
    "MARKETS",
    "TEST_SYMBOL",
    "BarKind",
    "Environment",
    "FeedName",
    "Market",
    "MarketName",
]

MarketName: TypeAlias = Literal["stocks", "crypto"]
FeedName: TypeAlias = Literal["iex", "sip", "delayed_sip", "boats", "overnight", "test", "us", "us-1", "eu-1"]
Environment: TypeAlias = Literal["live", "sandbox"]
BarKind: TypeAlias = Literal["minute", "updated", "daily"]

WS_HOSTS: Mapping[Environment, str] = {
    "live": "wss://stream.data.alpaca.markets",
    "sandbox": "wss://stream.data.sandbox.alpaca.markets",
}
REST_HOSTS: Mapping[Environment, str] = {
    "live": "https://data.alpaca.markets",
    "sandbox": "https://data.sandbox.alpaca.markets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One of the venue's markets.

    Attributes:
        name: What ``market = "…"`` says.
        feeds: Its feeds, the default first, each with its path on the web-socket host.
        lists: By channel, the names of the subscriptions that bring it; bars have one a kind.
        rest: What every REST path of it begins with; ``{feed}`` stands for the feed of crypto.
        needs_key: Whether history needs credentials, as the streams always do.
        history: Channels that it keeps.
    """

    name: MarketName
    feeds: Mapping[FeedName, str]
    lists: Mapping[Channel, str]
    rest: str
    needs_key: bool
    history: frozenset[Channel] = frozenset({"trades", "quotes", "bars"})

    @property
    def channels(self) -> frozenset[Channel]:
        """What a leg may subscribe to."""
        return frozenset({*self.lists, "bars"})

    @property
    def default_feed(self) -> FeedName:
        """The feed where the settings name none."""
        return next(iter(self.feeds))


TEST_SYMBOL = "FAKEPACA"
"""The one stock of the feed ``test``."""
BAR_LISTS: Mapping[BarKind, str] = {"minute": "bars", "updated": "updatedBars", "daily": "dailyBars"}

MARKETS: Mapping[MarketName, Market] = {
    "stocks": Market(
        name="stocks",
        feeds={
            "iex": "/v2/iex",
            "sip": "/v2/sip",
            "delayed_sip": "/v2/delayed_sip",
            "boats": "/v1beta1/boats",
            "overnight": "/v1beta1/overnight",
            "test": "/v2/test",
        },
        lists={
            "trades": "trades",
            "quotes": "quotes",
            "status": "statuses",
            "price_bands": "lulds",
            "imbalances": "imbalances",
        },
        rest="v2/stocks",
        needs_key=True,
    ),
    "crypto": Market(
        name="crypto",
        feeds={"us": "/v1beta3/crypto/us", "us-1": "/v1beta3/crypto/us-1", "eu-1": "/v1beta3/crypto/eu-1"},
        lists={"trades": "trades", "quotes": "quotes", "book": "orderbooks"},
        rest="v1beta3/crypto/{feed}",
        needs_key=False,
    ),
}
