"""Hold the keys of a Kraken provider's table, each with the venue's own default.

Owns: hosts, limits and periods as settings, because venues change them.
Never: opens anything. There are no credentials: public market data needs none.

Sources: docs.kraken.com, "Spot WebSocket Introduction" (hosts), "Reconnection and resilience" (a heartbeat a second; a
deadline of some 5 s), "WebSockets v2" (some 150 connection attempts per address in a rolling 10 minutes, then a ban of
10 minutes), "Book (Level 2)" (depths), "Candles (OHLC)" (intervals), read 2026-11. The limit of public REST requests is
not published; support.kraken.com, "What are the API rate limits?", says one a second and pair, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from ticktrail.address import require_secure
from ticktrail.model import Channel
from ticktrail.plugin import Settings

__all__ = ["CHANNELS", "NS_PER_MINUTE", "BarMinutes", "BookDepth", "KrakenSettings"]

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=100_000)]
BookDepth: TypeAlias = Literal[10, 25, 100, 500, 1000]
BarMinutes: TypeAlias = Literal[1, 5, 15, 30, 60, 240, 1440, 10080, 21600]

CHANNELS: frozenset[Channel] = frozenset({"trades", "quotes", "ticker", "book", "bars", "status"})
"""What the venue can be asked for."""
NS_PER_MINUTE = 60_000_000_000


class KrakenSettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "kraken"``.

    Attributes:
        ws_url: Where the streams are.
        rest_url: Where REST requests go, without the path ``/0/public``.
        book_depth: Levels a side of an order book.
        bar_minutes: Length of the bars, live and by backfill.
        symbols_per_request: Pairs that are subscribed to in one message.
        messages_per_s: Requests over a connection in a second; the venue does not publish its limit.
        connections_per_minute: Connections that this process opens to the host in a minute; 14 keep within the 150
            in ten minutes beyond which the venue bans the address.
        limited_wait_s: Pause after the venue says that there is too much of something.
        answer_s: How long an answer to a subscription, or to a REST request, may take.
        connect_s: How long name, connection, TLS and handshake may take together.
        silent_s: A connection that brings nothing at all for so long, not even a heartbeat, is lost.
        quiet_after_s: By channel, how long all of its streams may bring nothing before the venue is asked whether it
            moved.
        max_message_bytes: A longer message ends the connection.
        requests_per_minute: REST requests of this process to the host.
        page_rows: Trades in one REST request.
    """

    ws_url: str = "wss://ws.kraken.com/v2"
    rest_url: str = "https://api.kraken.com"
    book_depth: BookDepth = 10
    bar_minutes: BarMinutes = 1
    symbols_per_request: Count = 100
    messages_per_s: Annotated[float, Meta(gt=0, le=1_000)] = 5.0
    connections_per_minute: Count = 14
    limited_wait_s: Seconds = 30.0
    answer_s: Seconds = 10.0
    connect_s: Seconds = 10.0
    silent_s: Seconds = 10.0
    quiet_after_s: Mapping[Channel, Seconds] = msgspec.field(
        default_factory=lambda: {"trades": 120.0, "quotes": 60.0, "book": 60.0, "bars": 300.0}
    )
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=256 * 2**20)] = 16 * 2**20
    requests_per_minute: Count = 60
    page_rows: Annotated[int, Meta(ge=1, le=1_000)] = 1_000

    def __post_init__(self) -> None:
        """Insist on encryption beyond this machine, and on channels that can be watched."""
        for key, url in (("ws_url", self.ws_url), ("rest_url", self.rest_url)):
            try:
                require_secure(url, kind="ws" if key == "ws_url" else "http")
            except ValueError as exc:
                raise ValueError(f"{exc}; mend {key}") from exc
        for channel in self.quiet_after_s:
            if channel not in CHANNELS - {"status"}:
                raise ValueError(
                    f"quiet_after_s: nothing can be said of the silence of {channel}; leave it out"
                )

    @property
    def bar_ns(self) -> int:
        """Length of a bar, in nanoseconds."""
        return self.bar_minutes * NS_PER_MINUTE
