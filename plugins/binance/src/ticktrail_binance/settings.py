"""Hold the keys of a Binance provider's table, each with the venue's own default.

Owns: hosts, limits and periods as settings, because venues change them; what of them fits together.
Never: opens anything.

Sources: as in `ticktrail_binance.markets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ticktrail.address import is_loopback, require_secure
from ticktrail.model import Channel
from ticktrail.plugin import Settings
from ticktrail_binance.markets import MARKETS, BarInterval, Environment, Market, MarketName

__all__ = ["BinanceSettings"]

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]


class BinanceSettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "binance"``.

    Attributes:
        market: Which of the venue's markets.
        environment: Which of the market's hosts; None: market data only for spot, live for futures.
        ws_url: Where the streams are, in place of the environment's.
        rest_url: Where REST requests go, in place of the environment's.
        time_unit: What the venue is asked to write its times in; futures know milliseconds only.
        bar_interval: Length of a bar.
        final_bars_only: Leave out bars that will still change; the venue sends one every second or two.
        book: ``diff``: the whole book, kept by differences. ``partial``: its best levels, whole each time.
        book_interval_ms: How often the book may come; the market's fastest documented pace is the default.
        book_depth: Levels a side of the snapshot that a book by differences begins with.
        partial_levels: Levels a side of a partial book.
        book_buffer: Differences kept an instrument while its snapshot is on the way.
        status_every_s: How often the status of the instruments is asked for.
        max_streams: Streams that one connection may carry (the venue's limit); more are divided over several.
        messages_per_s: Pace of what is sent on a connection; None: one less than the venue takes, free for a pong.
        streams_per_request: Streams asked for in one request.
        rotate_after_s: Age at which a connection is replaced; the venue cuts it at 24 h.
        overlap_s: How long the old and the new connection run side by side at most.
        answer_s: How long an answer to a request may take.
        connect_s: How long name, connection, TLS and handshake may take together.
        silent_s: A connection that brings nothing at all for so long is lost; None: what the market's pings allow.
        quiet_after_s: By channel, how long all of its streams on a connection may bring nothing before the venue is
            asked whether the market moved; what a stream has shown of itself makes it longer, never shorter.
        max_message_bytes: A longer message ends the connection.
        weight_per_minute: What this process may ask of the REST host in a minute; None: 80 % of the venue's limit.
        repair_trades: Fetch trades that are missing after a reconnect.
        repair_most: More missing trades than this are left as a gap.
        repair_s: How long newer trades wait for the missing ones.
        time_every_s: How often the venue's clock is compared with this machine's; 0: never.
    """

    market: MarketName = "spot"
    environment: Environment | None = None
    ws_url: str | None = None
    rest_url: str | None = None
    time_unit: Literal["microsecond", "millisecond"] = "microsecond"
    bar_interval: BarInterval = "1m"
    final_bars_only: bool = True
    book: Literal["diff", "partial"] = "diff"
    book_interval_ms: Annotated[int, Meta(ge=0)] = 100
    book_depth: Annotated[int, Meta(ge=5, le=5_000)] = 1_000
    partial_levels: Literal[5, 10, 20] = 20
    book_buffer: Count = 10_000
    status_every_s: Seconds = 60.0
    max_streams: Annotated[int, Meta(ge=1, le=1_024)] = 1_024
    messages_per_s: Annotated[float, Meta(gt=0, le=10)] | None = None
    streams_per_request: Annotated[int, Meta(ge=1, le=1_024)] = 200
    rotate_after_s: Annotated[float, Meta(gt=0, le=86_000)] = 82_800.0
    overlap_s: Seconds = 10.0
    answer_s: Seconds = 10.0
    connect_s: Seconds = 10.0
    silent_s: Seconds | None = None
    quiet_after_s: Mapping[Channel, Seconds] = msgspec.field(
        default_factory=lambda: {
            "trades": 120.0,
            "agg_trades": 120.0,
            "quotes": 60.0,
            "ticker": 30.0,
            "bars": 120.0,
            "book": 60.0,
            "mark_price": 15.0,
        }
    )
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=256 * 2**20)] = 4 * 2**20
    weight_per_minute: Annotated[int, Meta(ge=100)] | None = None
    repair_trades: bool = True
    repair_most: Annotated[int, Meta(ge=0, le=1_000_000)] = 20_000
    repair_s: Seconds = 20.0
    time_every_s: Annotated[float, Meta(ge=0, le=86_400)] = 300.0

    def __post_init__(self) -> None:
        """Insist on encryption beyond this machine, and on what the market has."""
        for key, url in (("ws_url", self.ws_url), ("rest_url", self.rest_url)):
            if url is not None:
                try:
                    require_secure(url, kind="ws" if key == "ws_url" else "http")
                except ValueError as exc:
                    raise ValueError(f"{exc}; mend {key}") from exc
        market = self.venue_market
        if (
            self.rest_url is None
            and self.ws_url is not None
            and is_loopback(urlsplit(self.ws_url).hostname or "")
        ):
            raise ValueError("rest_url: is missing, and ws_url is on this machine; give both, or neither")
        if self.environment is not None and self.environment not in market.environments:
            known = ", ".join(f'"{name}"' for name in market.environments)
            raise ValueError(f'environment: market "{self.market}" has {known}; write one of them')
        if self.book_interval_ms not in market.book_intervals_ms:
            known = ", ".join(map(str, market.book_intervals_ms))
            raise ValueError(f'book_interval_ms: market "{self.market}" has {known}; write one of them')
        if market.depth_choices and self.book_depth not in market.depth_choices:
            known = ", ".join(map(str, market.depth_choices))
            raise ValueError(f'book_depth: market "{self.market}" has {known}; write one of them')
        if self.messages_per_s is not None and self.messages_per_s > market.messages_per_s - 1:
            raise ValueError(
                f'messages_per_s: market "{self.market}" takes {market.messages_per_s} a second, one of which is left '
                f"for a pong; write {market.messages_per_s - 1} at most"
            )
        if self.bar_interval == "1s" and market.settles:
            raise ValueError(
                f'bar_interval: market "{self.market}" has no bars of one second; write "1m" or longer'
            )

    @property
    def venue_market(self) -> Market:
        """The facts of the market."""
        return MARKETS[self.market]

    @property
    def ws_base(self) -> str:
        """Where the streams are."""
        market = self.venue_market
        return self.ws_url or market.ws_urls[self.environment or market.environments[0]]

    @property
    def rest_base(self) -> str:
        """Where REST requests go."""
        market = self.venue_market
        return self.rest_url or market.rest_urls[self.environment or market.environments[0]]

    @property
    def pace(self) -> float:
        """Messages that are sent on a connection in a second."""
        return self.messages_per_s or self.venue_market.messages_per_s - 1.0

    @property
    def dead_after_s(self) -> float:
        """Seconds without a byte after which a connection is lost: three pings and a bit."""
        return self.silent_s or 3 * self.venue_market.ping_every_s + 10.0

    @property
    def weight(self) -> int:
        """REST weight that may be used in a minute."""
        return self.weight_per_minute or self.venue_market.weight_per_minute * 8 // 10
