"""Fetch the past of a leg's instruments from Binance's archive: bars, trades and aggregate trades.

Owns: where a page begins and ends, and what a cursor means.
Never: retries, or keeps its place.

Sources: developers.binance.com, Binance Spot API docs, "Market data endpoints": ``klines``, ``historicalTrades``,
``aggTrades`` (with both times less than an hour apart); USD-M and COIN-M Futures, "Compressed/Aggregate Trades List"
(times or an id, not both), read 2026-11.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ticktrail.errors import PermanentError
from ticktrail.model import Bar, Channel, InstrumentId
from ticktrail.plugin import History, HistoryPage, ProviderContext
from ticktrail_binance.events import time_ns
from ticktrail_binance.holes import read_rows
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.listing import check_instruments
from ticktrail_binance.rest.questions import ask_bars, ask_first_trade, ask_rows
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import Stream, symbols_of
from ticktrail_binance.wire import RestKline

__all__ = ["BinanceHistory", "open_history"]

MS_NS = 1_000_000
WINDOW_MS = 3_600_000 - 1
"""The venue looks for trades by time in less than an hour at once."""
AT_ID, AT_MS = "id ", "ms "
"""Beginnings of a cursor: from this trade on, or from this moment on."""


@asynccontextmanager
async def open_history(settings: BinanceSettings, context: ProviderContext) -> AsyncIterator[History]:
    """Keep a leg's archive open.

    Raises:
        TransientError: The venue cannot be asked.
        PermanentError: It does not list an instrument.
    """
    async with RestClient(settings, context.name, context.clock) as client:
        symbols = symbols_of(settings, context)
        await check_instruments(client, settings, symbols)
        yield BinanceHistory(client, settings, context)


class BinanceHistory:
    """One leg's archive; implements `ticktrail.plugin.History`.

    Args:
        client: Asks the venue.
        settings: Of the leg.
        context: Of the leg.
    """

    def __init__(self, client: RestClient, settings: BinanceSettings, context: ProviderContext) -> None:
        self._client = client
        self._settings = settings
        self._context = context
        self._symbols = {name: symbol for symbol, name in symbols_of(settings, context).items()}

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        """Return a page: of bars those that begin in the period and are final, of trades a thousand.

        Raises:
            TransientError: The venue cannot be asked now.
            PermanentError: It will not answer, or its answer cannot be read.
        """
        start_ms, end_ms = -(-start_ns // MS_NS), -(-end_ns // MS_NS)
        try:
            if channel == "bars":
                return await self._bars(instrument, start_ms if cursor is None else int(cursor), end_ms)
            if cursor is None or cursor.startswith(AT_MS):
                from_ms = start_ms if cursor is None else int(cursor.removeprefix(AT_MS))
                return await self._first_trade(instrument, channel, from_ms, end_ms)
            from_id = int(cursor.removeprefix(AT_ID))
            return await self._trades(instrument, channel, from_id, start_ns=start_ns, end_ns=end_ns)
        except (Declined, ValueError, RecursionError) as exc:
            name = self._context.name
            raise PermanentError(
                f"leg {name!r}: Binance gives no history of {instrument} {channel}: {exc}", provider=name
            ) from exc

    async def _bars(self, instrument: InstrumentId, from_ms: int, end_ms: int) -> HistoryPage:
        rows = await ask_bars(
            self._client,
            self._symbols[instrument],
            self._settings.bar_interval,
            start_ms=from_ms,
            end_ms=end_ms,
        )
        now_ns = self._context.clock.now_ns()
        bars = [self._bar(row, instrument, now_ns) for row in rows]
        whole = [bar for bar in bars if bar.end_ns <= now_ns]
        # A page may be short for no reason that we know: only an empty one, or the period's end, is the end.
        is_last = not whole or len(whole) < len(bars) or whole[-1].end_ns >= end_ms * MS_NS
        return HistoryPage(
            ticks=whole,
            through_ns=end_ms * MS_NS if is_last else whole[-1].end_ns,
            cursor=None if is_last else str(whole[-1].start_ns // MS_NS + 1),
        )

    def _bar(self, row: RestKline, instrument: InstrumentId, recv_ns: int) -> Bar:
        numbers = (row.open, row.high, row.low, row.close, row.volume)
        if not all(number.is_finite() for number in numbers):
            raise ValueError("a price or volume is no finite number")
        end_ns = time_ns(row.close_time + 1)
        return Bar(
            instrument=instrument,
            provider=self._context.name,
            event_ns=end_ns,
            recv_ns=recv_ns,
            backfilled=True,
            open=row.open,
            high=row.high,
            low=row.low,
            close=row.close,
            volume=row.volume,
            start_ns=time_ns(row.open_time),
            end_ns=end_ns,
            final=True,
        )

    async def _first_trade(
        self, instrument: InstrumentId, channel: Channel, from_ms: int, end_ms: int
    ) -> HistoryPage:
        """Look for the first trade within the next hour.

        The page has no ticks: its cursor is where to look next, at the trade's id or in the hour after.
        """
        until_ms = min(from_ms + WINDOW_MS, end_ms)
        first = await ask_first_trade(
            self._client, self._symbols[instrument], start_ms=from_ms, end_ms=until_ms
        )
        if first is not None:
            by_aggregate = self._is_aggregate(channel)
            number = first.a if by_aggregate else first.f
            return HistoryPage(ticks=(), through_ns=first.T * MS_NS, cursor=f"{AT_ID}{number}")
        cursor = None if until_ms >= end_ms else f"{AT_MS}{until_ms}"
        return HistoryPage(ticks=(), through_ns=until_ms * MS_NS, cursor=cursor)

    async def _trades(
        self, instrument: InstrumentId, channel: Channel, from_id: int, *, start_ns: int, end_ns: int
    ) -> HistoryPage:
        client, symbol = self._client, self._symbols[instrument]
        market = client.market
        paging = market.agg_trades if channel == "agg_trades" else market.trades
        rows = await ask_rows(client, paging, symbol, from_id=from_id, count=paging.rows)
        stream = Stream("", instrument, symbol, channel)
        trades = read_rows(
            b"[" + b",".join(bytes(row) for row in rows) + b"]",
            stream,
            self._context.name,
            self._context.clock.now_ns(),
            aggregates=self._is_aggregate(channel),
        )
        times_ns = [trade.event_ns or 0 for trade in trades]
        inside = [trade for trade, at_ns in zip(trades, times_ns, strict=True) if start_ns <= at_ns < end_ns]
        if not trades or times_ns[-1] >= end_ns:
            return HistoryPage(ticks=inside, through_ns=end_ns, cursor=None)
        return HistoryPage(ticks=inside, through_ns=times_ns[-1], cursor=f"{AT_ID}{int(trades[-1].id) + 1}")

    def _is_aggregate(self, channel: Channel) -> bool:
        """Whether the channel's rows are aggregate trades; a future's trades are."""
        return channel == "agg_trades" or self._client.market.trades_are_aggregates
