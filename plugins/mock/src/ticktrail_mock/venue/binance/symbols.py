"""List what a loopback venue trades.

Owns: the answer to ``exchangeInfo``, by a recording's own or by the names of its streams.
Never: is complete: only what the plugin for the venue asks for is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from ticktrail.model import InstrumentId

__all__ = ["Listed", "Listing", "exchange_info", "listing_of", "symbol_of"]


NO_STEP = "0.00000000"
"""How the venue writes that there is no rule."""


class Listed(NamedTuple):
    """What stands behind a symbol: base and quote asset, what a future settles in, steps of prices and sizes."""

    base: str
    quote: str
    margin: str
    tick_size: str = NO_STEP
    lot_size: str = NO_STEP


Listing: TypeAlias = Mapping[str, Listed]

QUOTE_ASSETS = (
    "USDT",
    "USDC",
    "FDUSD",
    "BUSD",
    "TUSD",
    "USD",
    "EUR",
    "TRY",
    "BRL",
    "GBP",
    "BTC",
    "ETH",
    "BNB",
)
"""How a symbol ends, where the recording does not say what its parts are."""
_EXPIRY = re.compile(r"_(PERP|\d{6})$")


class _Filter(msgspec.Struct):
    filterType: str  # noqa: N815 - the venue's name
    tickSize: str = NO_STEP  # noqa: N815 - the venue's name
    stepSize: str = NO_STEP  # noqa: N815 - the venue's name


class _Symbol(msgspec.Struct):
    symbol: str
    baseAsset: str  # noqa: N815 - the venue's name
    quoteAsset: str  # noqa: N815 - the venue's name
    marginAsset: str | None = None  # noqa: N815 - the venue's name
    filters: list[_Filter] = []


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's symbol of a pair."""
    return instrument.replace("/", "")


def listing_of(infos: Sequence[str], streams: Iterable[str]) -> Listing:
    """Return what recorded answers list and streams were recorded of."""
    listing: dict[str, Listed] = {}
    for stream in streams:
        symbol = stream.partition("@")[0].upper()
        pair = _EXPIRY.sub("", symbol)
        quote = next((asset for asset in QUOTE_ASSETS if pair.endswith(asset) and pair != asset), "")
        if quote:
            base = pair.removesuffix(quote)
            listing[symbol] = Listed(base, quote, base if quote == "USD" else quote)
    for info in infos:
        for entry in msgspec.json.decode(info, type=_ExchangeInfo).symbols:
            filters = {one.filterType: one for one in entry.filters}
            prices, sizes = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
            listing[entry.symbol] = Listed(
                entry.baseAsset,
                entry.quoteAsset,
                entry.marginAsset or entry.quoteAsset,
                NO_STEP if prices is None else prices.tickSize,
                NO_STEP if sizes is None else sizes.stepSize,
            )
    return listing


def exchange_info(
    listing: Listing, wanted: Sequence[str] | None, now_ms: int, *, api: str, states: Mapping[str, str]
) -> bytes | None:
    """Return the body of ``GET …/exchangeInfo``; None if a wanted symbol is not listed.

    Args:
        listing: What is traded.
        wanted: Symbols; None for all.
        now_ms: The venue's clock.
        api: The prefix of the request, which tells the market.
        states: What is not simply trading: by symbol its state, empty where it is not listed any more.
    """
    listed = [symbol for symbol in listing if states.get(symbol) != ""]
    if wanted is not None and not set(wanted) <= set(listed):
        return None
    status = "contractStatus" if api.startswith("/dapi") else "status"
    symbols: list[dict[str, object]] = []
    for symbol in listed if wanted is None else wanted:
        base, quote, margin, tick_size, lot_size = listing[symbol]
        entry: dict[str, object] = {
            "symbol": symbol,
            status: states.get(symbol, "TRADING"),
            "baseAsset": base,
            "quoteAsset": quote,
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": tick_size, "tickSize": tick_size},
                {"filterType": "LOT_SIZE", "minQty": lot_size, "stepSize": lot_size},
            ],
        }
        if not api.startswith("/api"):
            dated = symbol.rpartition("_")[2].isdigit()
            entry |= {"marginAsset": margin, "contractType": "CURRENT_QUARTER" if dated else "PERPETUAL"}
        symbols.append(entry)
    return msgspec.json.encode(
        {
            "timezone": "UTC",
            "serverTime": now_ms,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": symbols,
        }
    )
