"""Answer a venue's REST requests, faults included.

Owns: which request gets which body.
Never: reads or writes a socket; the door does.

Sources: developers.binance.com, Binance Spot API docs ("Market data endpoints", "General endpoints"), USDⓈ-M Futures
and COIN-M Futures ("Market data"), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from urllib.parse import parse_qs

import msgspec
import trio

from ticktrail.testing.venue import Answer, hindrance
from ticktrail_mock.venue.binance.path import BinancePath
from ticktrail_mock.venue.binance.quota import weight_of
from ticktrail_mock.venue.binance.symbols import Listing, exchange_info
from ticktrail_mock.venue.binance.tape import Depth

__all__ = ["PREFIXES", "answer_rest"]

PREFIXES = ("/api/v3/", "/fapi/v1/", "/dapi/v1/")
INVALID_SYMBOL = -1121
NO_BOOK = Depth(0, (), ())
HOUR_MS = 3_600_000
INTERVALS_MS = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 2_592_000_000,
}


async def answer_rest(
    path: BinancePath, api: str, name: str, query_text: str, listing: Listing, now_ms: Callable[[], int]
) -> Answer:
    """Return the answer to ``GET {api}{name}?{query_text}``."""
    path.note_request()
    query = parse_qs(query_text)
    now = trio.current_time()
    weight = weight_of(name, query, spot=api == PREFIXES[0])
    refused = path.quota.count(f"{name}?{query_text}", weight, now)
    headers = (("X-MBX-USED-WEIGHT-1M", str(path.quota.used(now))),)
    if refused is not None:
        return Answer(
            refused[0], _refused(-1003, "Too much request weight used."), refused[1], headers=headers
        )
    hindered = await hindrance(path, _refused(-1003, "Refused by the fault script."))
    if hindered is not None:
        if hindered.retry_after_s:
            path.quota.ban(now + hindered.retry_after_s)
        return replace(hindered, headers=headers)
    try:
        status, body = _answer(path, api, name, query, listing, now_ms())
    except (ValueError, msgspec.MsgspecError) as exc:
        status, body = 400, _refused(-1100, f"Illegal characters found in a parameter. {exc}")
    return Answer(status, body, headers=headers)


def _answer(
    path: BinancePath, api: str, name: str, query: dict[str, list[str]], listing: Listing, now_ms: int
) -> tuple[int, bytes]:
    match name:
        case "ping":
            return 200, b"{}"
        case "time":
            return 200, msgspec.json.encode({"serverTime": now_ms + path.clock_ahead_ms})
        case "exchangeInfo":
            wanted = msgspec.json.decode(query["symbols"][0], type=list[str]) if "symbols" in query else None
            body = exchange_info(listing, wanted, now_ms, api=api, states=path.states)
            return (400, _refused(INVALID_SYMBOL, "Invalid symbol.")) if body is None else (200, body)
        case "depth" | "trades" | "historicalTrades" | "aggTrades" | "ticker/bookTicker" | "klines":
            symbol = query.get("symbol", [""])[0]
            if symbol not in listing or path.states.get(symbol) == "":
                return 400, _refused(INVALID_SYMBOL, "Invalid symbol.")
            return 200, msgspec.json.encode(_of_symbol(path, name, symbol, query))
        case _:
            return 404, _refused(-1000, f"This loopback venue has no {api}{name[:80]}.")


def _of_symbol(path: BinancePath, name: str, symbol: str, query: dict[str, list[str]]) -> object:
    limit = int(query.get("limit", ["100"])[0])
    if name == "klines":
        return _klines(symbol, query, limit, path.memory.first_price(symbol) or Decimal(100))
    if name == "depth":
        return path.memory.book(symbol, limit, old=path.take("old_book") is not None) or NO_BOOK
    if name == "ticker/bookTicker":
        depth = path.memory.book(symbol, 1) or NO_BOOK
        (bid, bid_size), (ask, ask_size) = [*depth.bids, ("0", "0")][0], [*depth.asks, ("0", "0")][0]
        return {"symbol": symbol, "bidPrice": bid, "bidQty": bid_size, "askPrice": ask, "askQty": ask_size}
    from_id = int(query["fromId"][0]) if "fromId" in query else None
    between_ms = None
    if "startTime" in query and "endTime" in query:
        between_ms = int(query["startTime"][0]), int(query["endTime"][0])
        if between_ms[1] - between_ms[0] > HOUR_MS:
            raise ValueError("more than 1 hour between startTime and endTime")
    return path.memory.trades(
        symbol,
        aggregates=name == "aggTrades",
        from_id=from_id,
        limit=min(limit, 1_000),
        between_ms=between_ms,
    )


def _klines(symbol: str, query: dict[str, list[str]], limit: int, about: Decimal) -> list[list[object]]:
    """Return made-up bars within half a percent about a price, the same for the same minute whoever asks."""
    interval = query["interval"][0]
    step = int(interval[:-1]) * INTERVALS_MS[interval[-1]]
    start = -(-int(query["startTime"][0]) // step) * step
    end = int(query["endTime"][0])
    rows: list[list[object]] = []
    for open_ms in range(start, end + 1, step):
        if len(rows) >= min(limit, 1_000):
            break
        random = Random(f"{symbol} {interval} {open_ms}")  # noqa: S311 - repeatable on purpose
        prices = [about + (about * random.randrange(-50, 51)).scaleb(-4) for _ in range(4)]
        volume = str(Decimal(random.randrange(1, 10**6)).scaleb(-3))
        texts = [str(price) for price in (prices[0], max(prices), min(prices), prices[3])]
        rows.append([open_ms, *texts, volume, open_ms + step - 1, "0", 1, "0", "0", "0"])
    return rows


def _refused(code: int, message: str) -> bytes:
    return msgspec.json.encode({"code": code, "msg": message})
