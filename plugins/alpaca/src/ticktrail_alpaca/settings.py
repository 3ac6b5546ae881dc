"""Hold the keys of an Alpaca provider's table, each with the venue's own default.

Owns: hosts, limits and periods as settings, because venues change them; what of them fits together.
Never: opens anything, or holds a secret: credentials are references, resolved when a connection is opened.

Sources: as in `ticktrail_alpaca.markets`; "About Market Data API" (plans and their limits), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from ticktrail.address import require_secure
from ticktrail.model import Channel
from ticktrail.plugin import Secret, Settings
from ticktrail_alpaca.markets import (
    MARKETS,
    REST_HOSTS,
    WS_HOSTS,
    BarKind,
    Environment,
    FeedName,
    Market,
    MarketName,
)

__all__ = ["DEFAULT_CALENDAR", "HISTORY_FEEDS", "LATEST_FEEDS", "AlpacaSettings"]

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]

HISTORY_FEEDS: Mapping[FeedName, str] = {
    "iex": "iex",
    "sip": "sip",
    "delayed_sip": "sip",  # the same trades, once they are 15 minutes old
    "boats": "boats",
}
"""Feeds of stocks that have a past, each with what REST calls it; of crypto every feed has one."""
LATEST_FEEDS: Mapping[FeedName, str] = {
    "iex": "iex",
    "sip": "sip",
    "delayed_sip": "delayed_sip",
    "boats": "boats",
    "overnight": "overnight",
}
"""Feeds of stocks whose newest trade and quote REST knows; of crypto it knows every feed's."""


DEFAULT_CALENDAR = "XNYS"
_FEEDS = [name for market in MARKETS.values() for name in market.feeds]
_TIMEFRAME = r"([1-9]|[1-5][0-9])Min|([1-9]|1[0-9]|2[0-3])Hour|1Day|1Week|([12346]|12)Month"
"""Neither is checked by its type, which would offer the other market's feeds, and show this as it is."""


class AlpacaSettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "alpaca"``.

    Attributes:
        market: ``stocks`` or ``crypto``.
        feed: Which of the market's feeds; None: ``iex`` for stocks, ``us`` for crypto.
        environment: ``live`` or ``sandbox``.
        key_id: Where the API key's id stands; required for streams and for the history of stocks.
        secret_key: Where its secret stands.
        auth: Say who one is in a message after the connection stands, or in the headers that open it.
        ws_url: Where the streams are, in place of the environment's; without the feed's path.
        rest_url: Where REST requests go, in place of the environment's.
        codec: What the venue is asked to write its messages in.
        bars: Which bars the channel `bars` brings: the minute's, its revisions, the day's so far.
        bar_timeframe: Length of the bars that a backfill fetches, as the venue spells it.
        symbols_per_request: Symbols that are subscribed to in one message.
        auth_s: How long the venue may take to greet and to let in; it takes 10 s itself.
        answer_s: How long an answer to a subscription, or to a REST request, may take.
        connect_s: How long name, connection, TLS and handshake may take together.
        silent_s: A connection that brings nothing at all for so long is lost.
        connection_limit_wait_s: Pause after the venue says that there are too many connections.
        quiet_after_s: By channel, how long all of its streams may bring nothing, while the market is open, before the
            venue is asked whether it moved.
        hours: When silence is a sign: in ``regular`` hours, ``extended`` ones, ``overnight`` too. Crypto never closes.
        calendar: Whose sessions and holidays, by the name that exchange_calendars has for the exchange.
        max_message_bytes: A longer message ends the connection.
        requests_per_minute: REST requests of this process to the host.
        page_rows: Rows in one REST request.
        repair_trades: Fetch the trades that were missed between two connections, or in a frame that could not be read.
        repair_most: More missed trades than this are left as a gap.
        repair_s: How long newer trades wait for the missed ones.
    """

    market: MarketName = "stocks"
    feed: Annotated[str, Meta(extra_json_schema={"enum": _FEEDS})] | None = None
    environment: Environment = "live"
    key_id: Secret | None = None
    secret_key: Secret | None = None
    auth: Literal["message", "headers"] = "message"
    ws_url: str | None = None
    rest_url: str | None = None
    codec: Literal["msgpack", "json"] = "msgpack"
    bars: tuple[BarKind, ...] = ("minute",)
    bar_timeframe: Annotated[str, Meta(extra_json_schema={"pattern": f"^({_TIMEFRAME})$"})] = "1Min"
    symbols_per_request: Count = 400
    auth_s: Seconds = 10.0
    answer_s: Seconds = 10.0
    connect_s: Seconds = 10.0
    silent_s: Seconds = 70.0
    connection_limit_wait_s: Seconds = 60.0
    quiet_after_s: Mapping[Channel, Seconds] = msgspec.field(
        default_factory=lambda: {"trades": 120.0, "quotes": 60.0, "bars": 180.0, "book": 60.0}
    )
    hours: Literal["regular", "extended", "overnight"] = "regular"
    calendar: str = DEFAULT_CALENDAR
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=256 * 2**20)] = 4 * 2**20
    requests_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 200
    page_rows: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    repair_trades: bool = True
    repair_most: Annotated[int, Meta(ge=0, le=1_000_000)] = 20_000
    repair_s: Seconds = 20.0

    def __post_init__(self) -> None:
        """Insist on encryption beyond this machine, on both halves of the credentials, and on what the market has."""
        for key, url in (("ws_url", self.ws_url), ("rest_url", self.rest_url)):
            if url is not None:
                try:
                    require_secure(url, kind="ws" if key == "ws_url" else "http")
                except ValueError as exc:
                    raise ValueError(f"{exc}; mend {key}") from exc
        if (self.key_id is None) != (self.secret_key is None):
            lacking = "key_id" if self.key_id is None else "secret_key"
            raise ValueError(
                f'{lacking} is missing: the two belong together; write {lacking} = {{ env = "…" }}'
            )
        if self.feed is not None and self.feed not in self.venue_market.feeds:
            known = ", ".join(f'"{name}"' for name in self.venue_market.feeds)
            raise ValueError(f'feed: market "{self.market}" has no such feed; write one of {known}')
        if re.fullmatch(_TIMEFRAME, self.bar_timeframe, re.ASCII) is None:
            raise ValueError(
                'bar_timeframe: is no length of a bar; write "1Min" to "59Min", "1Hour" to "23Hour", "1Day", "1Week", '
                '"1Month", "2Month", "3Month", "4Month", "6Month" or "12Month"'
            )
        if not self.bars or len(set(self.bars)) < len(self.bars):
            raise ValueError('bars: name some of "minute", "updated", "daily", each once')

    @property
    def venue_market(self) -> Market:
        """The facts of the market."""
        return MARKETS[self.market]

    @property
    def feed_name(self) -> FeedName:
        """The feed that is meant."""
        feeds = self.venue_market.feeds
        return next((name for name in feeds if name == self.feed), self.venue_market.default_feed)

    @property
    def stream_url(self) -> str:
        """Where the feed's stream is."""
        return (self.ws_url or WS_HOSTS[self.environment]) + self.venue_market.feeds[self.feed_name]

    @property
    def rest_base(self) -> str:
        """Where REST requests go."""
        return self.rest_url or REST_HOSTS[self.environment]

    @property
    def can_ask(self) -> bool:
        """Whether there are the credentials that REST requires, if it requires any."""
        return self.key_id is not None or not self.venue_market.needs_key

    @property
    def has_hours(self) -> bool:
        """Whether the feed keeps an exchange's hours: crypto, and the test feed, never close."""
        return self.market == "stocks" and self.feed_name != "test"

    @property
    def has_history(self) -> bool:
        """Whether the past can be asked for: the keys are there where they are needed, and the feed has a past."""
        return self.can_ask and (self.market == "crypto" or self.feed_name in HISTORY_FEEDS)

    @property
    def has_latest(self) -> bool:
        """Whether the newest trade and quote can be asked for: as `has_history`, of the present."""
        return self.can_ask and (self.market == "crypto" or self.feed_name in LATEST_FEEDS)
