"""Put the plugin's questions to the venue: each with its path, parameters and weight.

Owns: what is asked, and the form of the answer.
Never: waits for limits or retries; the client and its callers do.

Sources: developers.binance.com, Binance Spot API docs ("General endpoints", "Market data endpoints"), USDⓈ-M Futures
and COIN-M Futures ("Market data"), read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from ticktrail_binance.markets import Paging
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.wire import (
    Depth,
    ExchangeInfo,
    RestAggTrade,
    RestKline,
    RestQuote,
    RestTrade,
    ServerTime,
    SymbolInfo,
)

__all__ = [
    "ask_bars",
    "ask_book",
    "ask_first_trade",
    "ask_listing",
    "ask_newest_trade",
    "ask_quote",
    "ask_rows",
    "ask_time",
]

INVALID_SYMBOL = -1121
MOST_NAMED = 100
"""Symbols that are named in one question; for more, the whole listing weighs as much."""
QUOTE_WEIGHT = 2
LISTING_S = 30.0
"""How long a listing will do for a second asker."""

_info = msgspec.json.Decoder(ExchangeInfo).decode
_depth = msgspec.json.Decoder(Depth).decode
_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_klines = msgspec.json.Decoder(list[RestKline]).decode
_trades = msgspec.json.Decoder(list[RestTrade]).decode
_agg_trades = msgspec.json.Decoder(list[RestAggTrade]).decode
_quotes = msgspec.json.Decoder(RestQuote | list[RestQuote]).decode
_time = msgspec.json.Decoder(ServerTime).decode


async def ask_listing(
    client: RestClient, symbols: Sequence[str] | None, *, patience_s: float, keep_s: float = LISTING_S
) -> Sequence[SymbolInfo] | None:
    """Return the venue's entries for the symbols, or for all it lists; None if it does not know one of them.

    Raises:
        TransientError: As `RestClient.get`.
    """
    named = symbols is not None and not client.market.settles and len(symbols) <= MOST_NAMED
    params = {} if client.market.settles else {"showPermissionSets": "false"}
    if named:
        params["symbols"] = msgspec.json.encode(symbols).decode()
    try:
        info = await client.get(
            "/exchangeInfo",
            params,
            _info,
            weight=client.market.info_weight,
            patience_s=patience_s,
            keep_s=keep_s,
        )
    except Declined as exc:
        if named and exc.code == INVALID_SYMBOL:
            return None
        raise
    return info.symbols


async def ask_book(client: RestClient, symbol: str, limit: int, *, patience_s: float = math.inf) -> Depth:
    """Return a snapshot of a book.

    Raises:
        Declined: The venue does not list the symbol any more.
        TransientError: As `RestClient.get`.
    """
    params = {"symbol": symbol, "limit": str(limit)}
    return await client.get(
        "/depth", params, _depth, weight=client.market.depth_weight(limit), patience_s=patience_s
    )


async def ask_rows(
    client: RestClient, paging: Paging, symbol: str, *, from_id: int, count: int
) -> Sequence[msgspec.Raw]:
    """Return a page of trades or aggregate trades, from an id on.

    Raises:
        Declined: The venue does not list the symbol any more.
        TransientError: As `RestClient.get`.
    """
    params = {"symbol": symbol, "fromId": str(from_id), "limit": str(min(count, paging.rows))}
    return await client.get(paging.path, params, _rows, weight=paging.weight)


async def ask_newest_trade(
    client: RestClient, paging: Paging, symbol: str, *, patience_s: float = math.inf
) -> int | None:
    """Return the id of the newest trade or aggregate trade; None where there is none.

    Raises:
        Declined: The venue does not list the symbol any more.
        TransientError: As `RestClient.get`.
    """
    params = {"symbol": symbol, "limit": "1"}
    if paging.path == "/aggTrades":
        aggregates = await client.get(
            paging.path, params, _agg_trades, weight=paging.weight, patience_s=patience_s
        )
        return aggregates[-1].a if aggregates else None
    trades = await client.get(paging.path, params, _trades, weight=paging.weight, patience_s=patience_s)
    return trades[-1].id if trades else None


async def ask_first_trade(
    client: RestClient, symbol: str, *, start_ms: int, end_ms: int
) -> RestAggTrade | None:
    """Return the first aggregate trade in ``[start_ms, end_ms)``, less than an hour apart; None where there is none.

    Rows that stand for no trade (`f` of -1, as the venue's archive has some) are passed over.

    Raises:
        Declined: The venue does not list the symbol.
        TransientError: As `RestClient.get`.
    """
    paging = client.market.agg_trades
    params = {"symbol": symbol, "startTime": str(start_ms), "endTime": str(end_ms - 1), "limit": "100"}
    rows = await client.get(paging.path, params, _agg_trades, weight=paging.weight)
    return next((row for row in rows if row.f >= 0), None)


async def ask_quote(client: RestClient, symbol: str, *, patience_s: float = math.inf) -> RestQuote | None:
    """Return the best bid and offer; None where the venue gives none.

    Raises:
        Declined: The venue does not list the symbol any more.
        TransientError: As `RestClient.get`.
    """
    found = await client.get(
        "/ticker/bookTicker", {"symbol": symbol}, _quotes, weight=QUOTE_WEIGHT, patience_s=patience_s
    )
    if isinstance(found, RestQuote):
        return found
    return found[0] if found else None  # COIN-M gives a list of one


async def ask_bars(
    client: RestClient, symbol: str, interval: str, *, start_ms: int, end_ms: int, fewer: int = 0
) -> Sequence[RestKline]:
    """Return a page of bars that begin in ``[start_ms, end_ms)``, less by `fewer` than a page may have.

    Raises:
        Declined: The venue does not list the symbol.
        TransientError: As `RestClient.get`.
    """
    paging = client.market.bars
    params = {
        "symbol": symbol,
        "interval": interval,
        "startTime": str(start_ms),
        "endTime": str(end_ms - 1),
        "limit": str(paging.rows - fewer),
    }
    return await client.get(paging.path, params, _klines, weight=paging.weight)


async def ask_time(client: RestClient) -> int:
    """Return the venue's time in milliseconds.

    Raises:
        TransientError: As `RestClient.get`.
    """
    return (await client.get("/time", {}, _time, weight=1, patience_s=0.0)).serverTime
