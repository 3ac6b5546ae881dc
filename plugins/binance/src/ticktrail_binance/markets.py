"""Hold what differs between the venue's markets: hosts, paths, names of streams, limits and weights.

Owns: every such fact, in one table a market. The rest of the plugin asks and does not compare names.
Never: holds a setting: a value that a user may change stands in the settings and defaults to what is here.

Sources, read 2026-11: developers.binance.com, "Binance Spot API docs" (WebSocket Streams; Market data endpoints;
Limits; Market data only), "USDⓈ-M Futures" and "COIN-M Futures" (WebSocket Market Streams; Market data; Connect), and
"Market Data Streams" for the paths /public and /market of fstream.binance.com.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ticktrail.model import Channel

__all__ = ["MARKETS", "BarInterval", "Environment", "Market", "MarketName", "Paging"]

MarketName: TypeAlias = Literal["spot", "usdm", "coinm"]
Environment: TypeAlias = Literal["live", "data_only", "testnet"]
BarInterval: TypeAlias = Literal[
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]


@dataclass(frozen=True, slots=True)
class Paging:
    """A REST request that gives rows by the page: its path, how many rows a page, and what a page weighs."""

    path: str
    rows: int
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One of the venue's markets.

    Attributes:
        name: What ``market = "…"`` says.
        ws_urls: Where its streams are, by environment.
        rest_urls: Where its REST requests go.
        rest_prefix: What every REST path begins with.
        paths: The part of the web-socket address before ``/stream``, by channel, where it is not empty.
        streams: The name of each channel's stream, behind the symbol and an at sign.
        book_intervals_ms: How often the diff stream may come, and its name at that pace.
        partial_levels: Levels that the partial book may have.
        depth_weights: Weight of a snapshot of up to so many levels a side, in rising order.
        depth_choices: The only limits that a snapshot may have; empty where any will do.
        info_weight: Weight of ``exchangeInfo``.
        bars: Pages of ``klines``.
        trades: Pages of what fills holes in the channel `trades`.
        agg_trades: Pages of ``aggTrades``.
        messages_per_s: What the venue takes from a connection, pings and pongs counted.
        weight_per_minute: What the venue takes from an address.
        ping_every_s: How often the venue pings.
        update_ids_have_holes: Whether a diff names the one before it (``pu``), its own ids being no guide.
        settles: Whether its instruments name what they settle in.
        times_in_us: Whether it can be asked for microseconds.
    """

    name: MarketName
    ws_urls: Mapping[Environment, str]
    rest_urls: Mapping[Environment, str]
    rest_prefix: str
    paths: Mapping[Channel, str] = field(default_factory=dict)
    streams: Mapping[Channel, str]
    book_intervals_ms: Mapping[int, str]
    partial_levels: tuple[int, ...] = (5, 10, 20)
    depth_weights: Mapping[int, int]
    depth_choices: tuple[int, ...] = ()
    info_weight: int
    bars: Paging
    trades: Paging
    agg_trades: Paging
    messages_per_s: int
    weight_per_minute: int
    ping_every_s: float
    update_ids_have_holes: bool
    settles: bool
    times_in_us: bool

    @property
    def channels(self) -> frozenset[Channel]:
        """What a leg may subscribe to; the status of instruments is asked for, not subscribed to."""
        return frozenset({*self.streams, "book", "status"})

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Where the market can be had; the first is the default."""
        return tuple(self.ws_urls)

    @property
    def trades_are_aggregates(self) -> bool:
        """Whether the channel `trades` brings aggregate trades, since there is no other public stream of them."""
        return self.trades.path == self.agg_trades.path

    def depth_weight(self, limit: int) -> int:
        """Return what a snapshot of `limit` levels a side weighs."""
        return next(weight for most, weight in self.depth_weights.items() if limit <= most)


_SPOT_STREAMS: Mapping[Channel, str] = {
    "trades": "trade",
    "agg_trades": "aggTrade",
    "quotes": "bookTicker",
    "ticker": "ticker",
    "bars": "kline_{interval}",
}
_FUTURES_STREAMS: Mapping[Channel, str] = {
    "trades": "aggTrade",
    "agg_trades": "aggTrade",
    "quotes": "bookTicker",
    "ticker": "ticker",
    "bars": "kline_{interval}",
    "mark_price": "markPrice@1s",
    "liquidations": "forceOrder",
}
_FUTURES_INTERVALS = {0: "@0ms", 100: "@100ms", 250: "", 500: "@500ms"}
_FUTURES_DEPTH = {50: 2, 100: 5, 500: 10, 1_000: 20}
_FUTURES_CHOICES = (5, 10, 20, 50, 100, 500, 1_000)

_SPOT = Market(
    name="spot",
    ws_urls={
        "data_only": "wss://data-stream.binance.vision",
        "live": "wss://stream.binance.com:9443",
        "testnet": "wss://stream.testnet.binance.vision",
    },
    rest_urls={
        "data_only": "https://data-api.binance.vision",
        "live": "https://api.binance.com",
        "testnet": "https://testnet.binance.vision",
    },
    rest_prefix="/api/v3",
    streams=_SPOT_STREAMS,
    book_intervals_ms={100: "@100ms", 1_000: ""},
    depth_weights={100: 5, 500: 25, 1_000: 50, 5_000: 250},
    info_weight=20,
    bars=Paging("/klines", rows=1_000, weight=2),
    trades=Paging("/historicalTrades", rows=1_000, weight=25),
    agg_trades=Paging("/aggTrades", rows=1_000, weight=4),
    messages_per_s=5,
    weight_per_minute=6_000,
    ping_every_s=20.0,
    update_ids_have_holes=False,
    settles=False,
    times_in_us=True,
)

_USDM = Market(
    name="usdm",
    ws_urls={"live": "wss://fstream.binance.com", "testnet": "wss://fstream.binancefuture.com"},
    rest_urls={"live": "https://fapi.binance.com", "testnet": "https://testnet.binancefuture.com"},
    rest_prefix="/fapi/v1",
    paths={
        "quotes": "/public",
        "book": "/public",
        "trades": "/market",
        "agg_trades": "/market",
        "ticker": "/market",
        "bars": "/market",
        "mark_price": "/market",
        "liquidations": "/market",
    },
    streams=_FUTURES_STREAMS,
    book_intervals_ms=_FUTURES_INTERVALS,
    depth_weights=_FUTURES_DEPTH,
    depth_choices=_FUTURES_CHOICES,
    info_weight=1,
    bars=Paging("/klines", rows=1_000, weight=5),
    trades=Paging("/aggTrades", rows=1_000, weight=20),
    agg_trades=Paging("/aggTrades", rows=1_000, weight=20),
    messages_per_s=10,
    weight_per_minute=2_400,
    ping_every_s=180.0,
    update_ids_have_holes=True,
    settles=True,
    times_in_us=False,
)

_COINM = replace(
    _USDM,
    name="coinm",
    ws_urls={"live": "wss://dstream.binance.com", "testnet": "wss://dstream.binancefuture.com"},
    rest_urls={"live": "https://dapi.binance.com", "testnet": "https://testnet.binancefuture.com"},
    rest_prefix="/dapi/v1",
    paths={},
)

MARKETS: Mapping[MarketName, Market] = {"spot": _SPOT, "usdm": _USDM, "coinm": _COINM}
