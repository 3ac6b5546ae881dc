"""Put the questions that a leg asks by REST, and read the answers.

Owns: paths, parameters and rows, in the venue's spelling.
Never: waits for a turn; the client does.

Sources: docs.kraken.com, REST API: "Get Recent Trades" (`since`, a moment in nanoseconds as text, of which `last` is
the next; at most 1,000 rows of price, volume, time, side, type, miscellaneous, id), "Get OHLC Data" (at most 720 of the
newest entries, whatever `since` says; the last is not over yet), "Get Order Book" (price, volume, time), read 2026-11.
The pages do not say whether a trade at the very moment `since` is in the answer: nothing here relies on either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

import msgspec

from ticktrail.model import Side
from ticktrail.moments import ns_of_seconds
from ticktrail_kraken.events import check_bar, check_trade
from ticktrail_kraken.rest.client import RestClient
from ticktrail_kraken.symbols import rest_pair

__all__ = ["MOST_BARS", "RestBar", "RestTrade", "ask_bars", "ask_best", "ask_newest_trade", "ask_trades"]

T = TypeVar("T")
MOST_BARS = 720
"""As many bars has the venue, whatever is asked for."""
SIDES: Mapping[str, Side] = {"b": "buy", "s": "sell"}


@dataclass(frozen=True, slots=True)
class RestTrade:
    """A trade of the archive."""

    price: Decimal
    size: Decimal
    time_ns: int
    side: Side | None
    number: int


@dataclass(frozen=True, slots=True)
class RestBar:
    """A bar of the archive."""

    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int


_results = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_trade_rows = msgspec.json.Decoder(list[tuple[Decimal, Decimal, Decimal, str, str, str, int]]).decode
_bar_rows = msgspec.json.Decoder(
    list[tuple[int, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, int]]
).decode


class _Depth(msgspec.Struct):
    asks: list[tuple[Decimal, Decimal, Decimal]]
    bids: list[tuple[Decimal, Decimal, Decimal]]


_depth = msgspec.json.Decoder(_Depth).decode


async def ask_trades(client: RestClient, symbol: str, *, since_ns: int, count: int) -> Sequence[RestTrade]:
    """Return trades from about a moment on, in the order of their ids; as `RestClient.get`."""
    params = {"pair": rest_pair(symbol), "since": str(since_ns), "count": str(count)}
    return await client.get("Trades", params, _read_trades)


async def ask_newest_trade(client: RestClient, symbol: str, *, patience_s: float) -> RestTrade | None:
    """Return a pair's newest trade, None where there is none; as `RestClient.get`."""
    params = {"pair": rest_pair(symbol), "count": "1"}
    trades = await client.get("Trades", params, _read_trades, patience_s=patience_s)
    return trades[-1] if trades else None


async def ask_bars(client: RestClient, symbol: str, *, minutes: int, since_s: int) -> Sequence[RestBar]:
    """Return a pair's bars, the last of them not over yet; as `RestClient.get`."""
    params = {"pair": rest_pair(symbol), "interval": str(minutes), "since": str(since_s)}
    return await client.get("OHLC", params, _read_bars)


async def ask_best(
    client: RestClient, symbol: str, *, patience_s: float
) -> tuple[Decimal | None, Decimal | None]:
    """Return a pair's best bid and offer, None for a side that is empty; as `RestClient.get`."""
    params = {"pair": rest_pair(symbol), "count": "1"}
    return await client.get("Depth", params, _read_best, patience_s=patience_s)


def _only(result: bytes) -> bytes:
    """Return the rows of the pair that was asked for, whatever it is called in the answer."""
    rows = [bytes(raw) for name, raw in _results(result).items() if name != "last"]
    if len(rows) != 1:
        raise ValueError(f"it is of {len(rows)} pairs")
    return rows[0]


def _read_trades(result: bytes) -> Sequence[RestTrade]:
    trades = []
    for price, size, time, side, _type, _misc, number in _trade_rows(_only(result)):
        check_trade(price, size, number)
        trades.append(RestTrade(price, size, ns_of_seconds(time), SIDES.get(side), number))
    return sorted(trades, key=lambda trade: trade.number)


def _read_bars(result: bytes) -> Sequence[RestBar]:
    bars = []
    for start_s, first, high, low, last, _vwap, volume, trades in _bar_rows(_only(result)):
        check_bar(first, high, low, last, volume)
        bars.append(RestBar(ns_of_seconds(Decimal(start_s)), first, high, low, last, volume, trades))
    return sorted(bars, key=lambda bar: bar.start_ns)


def _read_best(result: bytes) -> tuple[Decimal | None, Decimal | None]:
    depth = _depth(_only(result))
    return (
        max((price for price, _, _ in depth.bids), default=None),
        min((price for price, _, _ in depth.asks), default=None),
    )
