"""List what a loopback venue trades.

Owns: the answer to ``exchangeInfo``, by a recording's own or by the names of its streams.
Never: is complete: only what the plugin for the venue asks for is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from ticktrail.model import InstrumentId

__all__ = ["Listing", "exchange_info", "listing_of", "symbol_of"]

Listing: TypeAlias = Mapping[str, tuple[str, ...]]
"""Base and quote asset by symbol."""

QUOTE_ASSETS = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "EUR", "TRY", "BRL", "GBP", "BTC", "ETH", "BNB")
"""How a symbol ends, where the recording does not say what its parts are."""


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815 - the venue's name


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's symbol."""
    return instrument.replace("/", "")


def listing_of(infos: Sequence[str], streams: Iterable[str]) -> Listing:
    """Return what recorded answers list and streams were recorded of."""
    listing: dict[str, tuple[str, ...]] = {}
    for stream in streams:
        symbol = stream.partition("@")[0].upper()
        quote = next((asset for asset in QUOTE_ASSETS if symbol.endswith(asset) and symbol != asset), "")
        if quote:
            listing[symbol] = (symbol.removesuffix(quote), quote)
    for info in infos:
        for entry in msgspec.json.decode(info, type=_ExchangeInfo).symbols:
            listing[entry.symbol] = (entry.baseAsset, entry.quoteAsset)
    return listing


def exchange_info(listing: Listing, wanted: Sequence[str] | None, now_ms: int) -> bytes | None:
    """Return the body of ``GET /api/v3/exchangeInfo``; None if a wanted symbol is not listed."""
    if wanted is not None and any(symbol not in listing for symbol in wanted):
        return None
    return msgspec.json.encode(
        {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": [
                {
                    "symbol": symbol,
                    "status": "TRADING",
                    "baseAsset": listing[symbol][0],
                    "quoteAsset": listing[symbol][1],
                }
                for symbol in (listing if wanted is None else wanted)
            ],
        }
    )
