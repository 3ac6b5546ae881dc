"""Hold the keys of a Binance provider's table, each with the venue's own default.

Owns: hosts, limits and periods as settings, because venues change them.
Never: opens anything.

Source: developers.binance.com, Binance spot API, "WebSocket Streams" and "Market data only" pages, read 2026-11.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ticktrail.address import require_secure
from ticktrail.plugin import Settings

__all__ = ["BarInterval", "BinanceSettings"]

Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=3_600)]
BarInterval: TypeAlias = Literal[
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"
]


class BinanceSettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "binance"``.

    Attributes:
        market: Which of the venue's markets.
        ws_url: Where the streams are; the default needs no account and serves market data only.
        rest_url: Where the instruments are looked up before the first connection.
        time_unit: What the venue is asked to write its times in.
        bar_interval: Length of a bar.
        final_bars_only: Leave out bars that will still change; the venue sends one every second or two.
        max_streams: Streams that one connection may carry (the venue's limit).
        messages_per_s: Pace of subscription requests; the venue cuts above 5 a second, pongs included.
        streams_per_request: Streams asked for in one request.
        answer_s: How long an answer to a request may take.
        connect_s: How long name, connection, TLS and handshake may take together.
        silent_s: A connection that brings nothing at all for so long is lost; the venue pings every 20 s.
        max_message_bytes: A longer message ends the connection.
    """

    market: Literal["spot"] = "spot"
    ws_url: str = "wss://data-stream.binance.vision"
    rest_url: str = "https://data-api.binance.vision"
    time_unit: Literal["microsecond", "millisecond"] = "microsecond"
    bar_interval: BarInterval = "1m"
    final_bars_only: bool = True
    max_streams: Annotated[int, Meta(ge=1, le=1_024)] = 1_024
    messages_per_s: Annotated[float, Meta(gt=0, le=5)] = 4.0
    streams_per_request: Annotated[int, Meta(ge=1, le=1_024)] = 200
    answer_s: Seconds = 10.0
    connect_s: Seconds = 10.0
    silent_s: Seconds = 70.0
    max_message_bytes: Annotated[int, Meta(ge=1_024, le=256 * 2**20)] = 4 * 2**20

    def __post_init__(self) -> None:
        """Insist on encryption beyond this machine."""
        for key, url, kind in (("ws_url", self.ws_url, "ws"), ("rest_url", self.rest_url, "http")):
            try:
                require_secure(url, kind="ws" if kind == "ws" else "http")
            except ValueError as exc:
                raise ValueError(f"{exc}; mend {key}") from exc
