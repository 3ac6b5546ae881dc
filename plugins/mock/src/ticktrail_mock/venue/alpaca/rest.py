"""Answer the venue's REST requests, faults included.

Owns: which request gets which body.
Never: reads or writes a socket; the door does.

Sources: docs.alpaca.markets, API reference of the Market Data API ("Stock", "Crypto"), read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

import trio

from ticktrail.testing.venue import Answer, hindrance
from ticktrail_mock.venue.alpaca.bars import longer
from ticktrail_mock.venue.alpaca.codec import decimals, json_of, ns_of
from ticktrail_mock.venue.alpaca.memory import Row
from ticktrail_mock.venue.alpaca.pages import Page, Position, page_of
from ticktrail_mock.venue.alpaca.path import AlpacaPath
from ticktrail_mock.venue.alpaca.words import Market

__all__ = ["Question", "answer_rest", "question_of"]

DEFAULT_LIMIT = 1_000
MOST_ROWS = 10_000
MINUTES = frozenset({"1Min", "1T"})
"""The timeframe of which the tape has the bars."""
_STOCKS = re.compile(r"(.*)/v2/stocks/(?:(trades|quotes|bars)(/latest)?|(snapshots))")
_CRYPTO = re.compile(
    r"(.*)/v1beta3/crypto/(?:us|us-1|eu-1)/(?:(latest/)?(trades|quotes|bars|orderbooks)|(snapshots))"
)
_SNAPSHOT = {"latestTrade": "trades", "latestQuote": "quotes", "minuteBar": "bars", "dailyBar": "dailyBars"}


@dataclass(frozen=True, slots=True)
class Question:
    """A request: what of which symbols.

    Attributes:
        prefix: The path's.
        channel: ``trades``, ``quotes``, ``bars``, ``orderbooks`` or ``snapshots``.
        latest: The newest alone.
        text: The request, for the record.
        query: Its parameters.
    """

    prefix: str
    channel: str
    latest: bool
    text: str
    query: Mapping[str, Sequence[str]]

    def first(self, name: str) -> str | None:
        """Return a parameter, None where it is not there."""
        return next(iter(self.query.get(name, ())), None)

    def symbols(self) -> list[str]:
        """Return what is asked for, in the order of the request.

        Raises:
            ValueError: Nothing is.
        """
        names = [name for text in self.query.get("symbols", ()) for name in text.split(",") if name]
        if not names:
            raise ValueError("symbols are required")
        return list(dict.fromkeys(names))


def question_of(market: Market, path: str, query: str) -> Question | None:
    """Return what a request asks, None where the venue has nothing."""
    parts = (_STOCKS if market == "stocks" else _CRYPTO).fullmatch(path)
    if parts is None:
        return None
    if market == "stocks":
        prefix, channel, latest, snapshots = parts.groups()
    else:
        prefix, latest, channel, snapshots = parts.groups()
        if channel == "orderbooks" and not latest:
            return None
    text = f"{path[len(prefix) + 1 :]}?{query}"
    return Question(prefix, snapshots or channel, bool(latest), text, parse_qs(query))


async def answer_rest(
    path: AlpacaPath,
    question: Question,
    market: Market,
    *,
    keys: tuple[str, str],
    is_known: Callable[[str, str], bool],
) -> Answer:
    """Return the answer to a request.

    Args:
        path: Where it was asked.
        question: What.
        market: Which market the venue is.
        keys: Key and secret of the request, empty where it has none.
        is_known: Tells whether these are right.
    """
    path.note_request()
    within = path.quota.count(question.text, trio.current_time())
    headers = path.quota.headers()
    if not within:
        return Answer(429, _message("too many requests."), headers=headers)
    hindered = await hindrance(path, _message("refused by the fault script"))
    if hindered is not None:
        return replace(hindered, headers=headers)
    if market == "stocks" and not is_known(*keys):
        return Answer(403 if any(keys) else 401, _message("forbidden."), headers=headers)
    try:
        return Answer(200, json_of(_body(path, question, market)), headers=headers)
    except ValueError as exc:
        return Answer(400, _message(str(exc)), headers=headers)


def _body(path: AlpacaPath, question: Question, market: Market) -> object:
    symbols = question.symbols()
    fault = path.take("drop_symbol")
    if fault is not None:
        symbols = [symbol for symbol in symbols if symbol != (fault.symbol or symbols[0])]
    if question.channel == "snapshots":
        snapshots = {symbol: _snapshot(path, symbol) for symbol in symbols}
        known = {symbol: one for symbol, one in snapshots.items() if one}
        return known if market == "stocks" else {"snapshots": known}
    if question.channel == "orderbooks":
        return {"orderbooks": {symbol: book for symbol in symbols if (book := _book(path, symbol))}}
    if question.latest:
        rows = {symbol: path.memory.rows(question.channel, symbol) for symbol in symbols}
        return {question.channel: {symbol: _row(of[-1].raw) for symbol, of in rows.items() if of}}
    return _pages(path, question, symbols)


def _pages(path: AlpacaPath, question: Question, symbols: Sequence[str]) -> object:
    limit = int(question.first("limit") or DEFAULT_LIMIT)
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"invalid limit: must be between 1 and {MOST_ROWS}")
    sort = question.first("sort") or "asc"
    if sort not in {"asc", "desc"}:
        raise ValueError("invalid sort: must be asc or desc")
    token = question.first("page_token")
    after = Position.of(token) if token else None
    rows = {symbol: _asked_rows(path, question, symbol) for symbol in symbols}
    page = page_of(rows, limit=limit, after=after, descending=sort == "desc")
    here = after or Position("", -1, -1)
    if path.take("empty_page") is not None:
        page = Page({}, here)
    elif path.take("loop_page") is not None:
        page = replace(page, end=here)
    return {
        question.channel: {symbol: [_row(row.raw) for row in of] for symbol, of in page.rows.items()},
        "next_page_token": None if page.end is None else page.end.token,
    }


def _asked_rows(path: AlpacaPath, question: Question, symbol: str) -> Sequence[Row]:
    start, end = question.first("start"), question.first("end")
    first_ns = ns_of(start) if start else 0
    last_ns = ns_of(end) if end else 2**63
    rows = path.memory.rows(question.channel, symbol)
    if question.channel == "bars":
        timeframe = question.first("timeframe") or ""
        if timeframe not in MINUTES:
            bars = longer([decimals(row.raw) for row in rows], timeframe)
            rows = [Row(ns_of(str(bar["t"])), 0, json_of(bar)) for bar in bars]
    return [row for row in rows if first_ns <= row.time_ns <= last_ns]


def _row(raw: bytes) -> dict[str, object]:
    """Return an event as REST writes it: whose and what it is stands around it."""
    event = decimals(raw)
    return {key: value for key, value in event.items() if key not in {"T", "S"}}


def _snapshot(path: AlpacaPath, symbol: str) -> dict[str, object]:
    rows = {name: path.memory.rows(channel, symbol) for name, channel in _SNAPSHOT.items()}
    snapshot: dict[str, object] = {name: _row(of[-1].raw) for name, of in rows.items() if of}
    if len(rows["dailyBar"]) > 1:
        snapshot["prevDailyBar"] = _row(rows["dailyBar"][-2].raw)
    return snapshot


def _book(path: AlpacaPath, symbol: str) -> dict[str, object] | None:
    book, time = path.memory.book(symbol)
    bids, asks = book.levels()
    return {"t": time, "b": bids, "a": asks} if time is not None else None


def _message(text: str) -> bytes:
    return json_of({"message": text})
