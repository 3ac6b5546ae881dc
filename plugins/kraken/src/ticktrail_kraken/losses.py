"""Tell from a message that cannot be read what was in it, as far as its raw text still says so.

Owns: the marks by which a channel and a pair are known in a text that is no JSON any more.
Never: decides what becomes of it.

Source: docs.kraken.com, "Spot WebSocket v2", read 2026-11: the element of a book, ticker or candle message is of one
pair; trades of several may come in one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ticktrail.model import Channel
from ticktrail_kraken.wire import read_head

__all__ = ["CHANNELS_OF", "UNREADABLE", "Lost", "is_answer", "lost_with"]

CHANNELS_OF: Mapping[str, tuple[Channel, ...]] = {
    "trade": ("trades",),
    "ticker": ("quotes", "ticker"),
    "book": ("book",),
    "ohlc": ("bars",),
    "instrument": (),
    "status": (),
    "heartbeat": (),
}
"""What each of the venue's channels brings of market data, by its name."""
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading a message may raise."""
_EVERY: tuple[Channel, ...] = ("trades", "quotes", "ticker", "book", "bars")
_CHANNEL = re.compile(rb'"channel"\s*:\s*"(\w{1,20})"')
_SYMBOL = re.compile(rb'"symbol"\s*:\s*"([^"\\]{1,41})"')


@dataclass(frozen=True, slots=True)
class Lost:
    """Something of these channels; of these pairs, or of any where nobody knows."""

    channels: Sequence[Channel]
    symbols: frozenset[str] | None


def lost_with(payload: bytes) -> Lost:
    """Return what may have been in a message."""
    named = _CHANNEL.search(payload)
    channels = _EVERY if named is None else CHANNELS_OF.get(named[1].decode("ascii", "replace"), ())
    symbols = frozenset(found.decode("utf-8", "replace") for found in _SYMBOL.findall(payload))
    return Lost(channels, symbols if named is not None and symbols else None)


def is_answer(payload: bytes) -> bool:
    """Tell whether a message is an answer to a request, which is no market data."""
    try:
        return read_head(payload).is_answer
    except UNREADABLE:
        return False
