"""Put the plugin's questions to the venue: each with its path, parameters, and the form of its answer.

Owns: what is asked, for either market; where a period ends; symbols that an answer leaves out.
Never: waits for limits or retries; the client and its callers do.

Sources: docs.alpaca.markets, "Market Data API" reference: ``/v2/stocks/{trades,quotes,bars}`` (``end`` is inclusive,
times are RFC 3339 with nanoseconds; feeds ``sip``, ``iex``, ``otc``, ``boats``), ``/v2/stocks/{trades,quotes}/latest``,
``/v2/stocks/snapshots`` (also ``delayed_sip``, ``overnight``), ``/v1beta3/crypto/{loc}/…``, read 2026-11.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

import msgspec

from ticktrail.errors import ConfigError
from ticktrail.moments import rfc3339_of_ns
from ticktrail_alpaca.markets import FeedName
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.rest.rows import RestBar, RestQuote, RestSnapshot, RestTrade
from ticktrail_alpaca.settings import HISTORY_FEEDS, LATEST_FEEDS, AlpacaSettings

__all__ = [
    "Found",
    "GroupPage",
    "Page",
    "ask_bars",
    "ask_latest_quotes",
    "ask_latest_trades",
    "ask_quotes",
    "ask_snapshots",
    "ask_trades",
    "ask_trades_of",
    "history_feed",
    "latest_feed",
]

Row = TypeVar("Row")
Kind: TypeAlias = Literal["trades", "quotes", "bars"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Part of a period: its rows in order, and the token of the next page; None: this was the last one."""

    rows: Sequence[Row]
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage(Generic[Row]):
    """As `Page`, of several symbols: one symbol's rows after another's, by the order of their names."""

    rows: Mapping[str, Sequence[Row]]
    token: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[Row]):
    """Something of each of several symbols; `missing` are those that the venue left out without a word."""

    rows: Mapping[str, Row]
    missing: Sequence[str]


def history_feed(settings: AlpacaSettings) -> str | None:
    """Return the `feed` of questions about a period; None for crypto, whose path names it.

    Raises:
        ConfigError: The feed has no history; the message names what has.
    """
    return _feed(settings, HISTORY_FEEDS, "history")


def latest_feed(settings: AlpacaSettings) -> str | None:
    """Return the `feed` of questions about the newest; None for crypto, whose path names it.

    Raises:
        ConfigError: REST does not know the feed; the message names those it does.
    """
    return _feed(settings, LATEST_FEEDS, "latest trade or quote by REST")


async def ask_trades(
    client: RestClient, symbol: str, *, start_ns: int, end_ns: int, token: str | None = None
) -> Page[RestTrade]:
    """Return a page of the trades in ``[start_ns, end_ns)``.

    Raises:
        Declined: The venue will not answer.
        TransientError: As `RestClient.get`.
        PermanentError: The same.
    """
    return _of_one(
        symbol, await ask_trades_of(client, [symbol], start_ns=start_ns, end_ns=end_ns, token=token)
    )


async def ask_trades_of(
    client: RestClient, symbols: Sequence[str], *, start_ns: int, end_ns: int, token: str | None = None
) -> GroupPage[RestTrade]:
    """Return a page of the trades of several symbols in ``[start_ns, end_ns)``; raises as `ask_trades`."""
    return await _ask_period(client, "trades", RestTrade, symbols, start_ns, end_ns, token)


async def ask_quotes(
    client: RestClient, symbol: str, *, start_ns: int, end_ns: int, token: str | None = None
) -> Page[RestQuote]:
    """Return a page of the quotes in ``[start_ns, end_ns)``; raises as `ask_trades`."""
    return _of_one(symbol, await _ask_period(client, "quotes", RestQuote, [symbol], start_ns, end_ns, token))


async def ask_bars(
    client: RestClient, symbol: str, *, timeframe: str, start_ns: int, end_ns: int, token: str | None = None
) -> Page[RestBar]:
    """Return a page of the bars that begin in ``[start_ns, end_ns)``, as they were traded; raises as `ask_trades`."""
    more = {"timeframe": timeframe}
    if client.settings.market == "stocks":
        more["adjustment"] = "raw"
    return _of_one(
        symbol, await _ask_period(client, "bars", RestBar, [symbol], start_ns, end_ns, token, more)
    )


async def ask_latest_trades(
    client: RestClient, symbols: Sequence[str], *, patience_s: float = math.inf
) -> Found[RestTrade]:
    """Return the newest trade of each symbol; raises as `ask_trades`."""
    return await _ask_newest(client, "trades", RestTrade, symbols, patience_s)


async def ask_latest_quotes(
    client: RestClient, symbols: Sequence[str], *, patience_s: float = math.inf
) -> Found[RestQuote]:
    """Return the newest quote of each symbol; raises as `ask_trades`."""
    return await _ask_newest(client, "quotes", RestQuote, symbols, patience_s)


async def ask_snapshots(
    client: RestClient, symbols: Sequence[str], *, patience_s: float = math.inf
) -> Found[RestSnapshot]:
    """Return the newest of everything of each symbol; raises as `ask_trades`."""
    # The stocks' answer has the symbols at its top, where crypto has a field for them.
    field = None if client.settings.market == "stocks" else "snapshots"
    return await client.get(
        _path(client, "snapshots"),
        _newest_params(client, symbols),
        lambda document: _found(document, field, RestSnapshot, symbols),
        patience_s=patience_s,
    )


async def _ask_period(
    client: RestClient,
    kind: Kind,
    row: type[Row],
    symbols: Sequence[str],
    start_ns: int,
    end_ns: int,
    token: str | None,
    more: Mapping[str, str] | None = None,
) -> GroupPage[Row]:
    # The venue's end is inclusive, and no time of it is finer than a nanosecond.
    params = {
        "symbols": ",".join(symbols),
        "start": rfc3339_of_ns(start_ns),
        "end": rfc3339_of_ns(end_ns - 1),
        "limit": str(client.settings.page_rows),
        "sort": "asc",
        **(more or {}),
    }
    feed = history_feed(client.settings)
    if feed is not None:
        params["feed"] = feed
    if token is not None:
        params["page_token"] = token
    return await client.get(_path(client, kind), params, lambda document: _page(document, kind, row, symbols))


async def _ask_newest(
    client: RestClient, kind: Kind, row: type[Row], symbols: Sequence[str], patience_s: float
) -> Found[Row]:
    tail = f"{kind}/latest" if client.settings.market == "stocks" else f"latest/{kind}"
    return await client.get(
        _path(client, tail),
        _newest_params(client, symbols),
        lambda document: _found(document, kind, row, symbols),
        patience_s=patience_s,
    )


def _path(client: RestClient, tail: str) -> str:
    """Return the path behind the version, which alpaca-py's client puts before it."""
    _, _, path = client.settings.venue_market.rest.partition("/")
    return f"/{path.format(feed=client.settings.feed_name)}/{tail}"


def _newest_params(client: RestClient, symbols: Sequence[str]) -> Mapping[str, str]:
    params = {"symbols": ",".join(symbols)}
    feed = latest_feed(client.settings)
    return params if feed is None else {**params, "feed": feed}


def _feed(settings: AlpacaSettings, feeds: Mapping[FeedName, str], what: str) -> str | None:
    if settings.market == "crypto":
        return None
    if settings.feed_name not in feeds:
        able = ", ".join(f'"{name}"' for name in feeds)
        raise ConfigError(f'feed = "{settings.feed_name}" has no {what}; these have: {able}')
    return feeds[settings.feed_name]


def _of_one(symbol: str, page: GroupPage[Row]) -> Page[Row]:
    return Page(rows=page.rows.get(symbol, ()), token=page.token)


def _page(document: object, kind: Kind, row: type[Row], symbols: Sequence[str]) -> GroupPage[Row]:
    rows: Mapping[str, list[Row] | None] = msgspec.convert(
        _field(document, kind),
        dict[str, list[row] | None],  # type: ignore[valid-type]
    )
    others = ", ".join(sorted(rows.keys() - set(symbols)))
    if others:
        raise ValueError(f"it is about {others[:80]}, asked for was {', '.join(symbols)[:80]}")
    token = msgspec.convert(_field(document, "next_page_token"), str | None)
    return GroupPage(rows={symbol: found for symbol, found in rows.items() if found}, token=token or None)


def _found(document: object, field: str | None, row: type[Row], symbols: Sequence[str]) -> Found[Row]:
    rows: Mapping[str, Row | None] = msgspec.convert(
        document if field is None else _field(document, field),
        dict[str, row | None],  # type: ignore[valid-type]
    )
    found = {symbol: value for symbol in symbols if (value := rows.get(symbol)) is not None}
    return Found(rows=found, missing=[symbol for symbol in symbols if symbol not in found])


def _field(document: object, name: str) -> object:
    """Return a field that every answer has: without it, nothing of the document says that nothing happened."""
    fields = msgspec.convert(document, dict[str, object])
    if name not in fields:
        raise ValueError(f"it has no {name!r}")
    value = fields[name]
    return {} if value is None and name != "next_page_token" else value
