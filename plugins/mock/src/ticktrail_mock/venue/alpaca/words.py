"""Hold the venue's words: markets, feeds, channels and errors.

Owns: what a message's letter, a URL's end and an error's number mean.
Never: decides when an error is due.

Source: docs.alpaca.markets, "WebSocket Stream", "Real-time Stock Data" and "Real-time Crypto Data", read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

__all__ = [
    "ALL",
    "BY_THEMSELVES",
    "CHANNELS",
    "CHANNEL_OF",
    "ERRORS",
    "FEEDS",
    "LIMITED",
    "SYMBOLS",
    "Market",
    "stream_name",
]

Market: TypeAlias = Literal["stocks", "crypto"]

ALL = "*"
CHANNEL_OF: Mapping[str, str] = {
    "t": "trades",
    "q": "quotes",
    "b": "bars",
    "u": "updatedBars",
    "d": "dailyBars",
    "s": "statuses",
    "l": "lulds",
    "c": "corrections",
    "x": "cancelErrors",
    "i": "imbalances",
    "o": "orderbooks",
}
"""The channel of a message, by its `T`."""
CHANNELS: Mapping[Market, tuple[str, ...]] = {
    "stocks": tuple(CHANNEL_OF.values())[:-1],
    "crypto": ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"),
}
"""What can be subscribed to, in the order of an acknowledgement."""
BY_THEMSELVES = ("corrections", "cancelErrors")
"""Channels that come with trades of the same symbols."""
LIMITED = ("trades", "quotes", "orderbooks")
"""Channels whose symbols a subscription plan limits; bars are free."""
FEEDS: Mapping[Market, re.Pattern[str]] = {
    "stocks": re.compile(
        r"(?P<prefix>.*)/(?P<feed>v2/(?:sip|iex|delayed_sip|test)|v1beta1/(?:boats|overnight))/?"
    ),
    "crypto": re.compile(r"(?P<prefix>.*)/(?P<feed>v1beta3/crypto/(?:us|us-1|eu-1))/?"),
}
SYMBOLS: Mapping[Market, re.Pattern[str]] = {
    "stocks": re.compile(r"\*|[A-Z][A-Z0-9.\-]*"),
    "crypto": re.compile(r"\*|[A-Z0-9]+/[A-Z0-9]+"),
}
ERRORS: Mapping[int, str] = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    410: "invalid subscribe action for this feed",
}
"""What the venue says by itself; 407, 409, 411 and 500 come from a fault script."""


def stream_name(symbol: str, channel: str) -> str:
    """Return the name of a stream, such as ``AAPL@trades``, by which faults and subscriptions call it."""
    return f"{symbol}@{channel}"
