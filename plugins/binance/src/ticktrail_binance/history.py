"""Fetch the past of a leg's instruments from Binance's archive: bars, trades and aggregate trades.

Owns: where a page begins and ends, what a cursor means, and whether an answer can be believed.
Never: retries, or keeps its place.

An answer that makes no sense (ids or times out of order, outside of what was asked for, a page that is empty although
the archive goes on) is no page: it is asked for again, rather than passed over.

Sources: developers.binance.com, Binance Spot API docs, "Market data endpoints": ``klines``, ``historicalTrades``,
``aggTrades`` (with both times less than an hour apart); USD-M and COIN-M Futures, "Compressed/Aggregate Trades List"
(times or an id, not both), read 2026-11.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail.model import Bar, Channel, Gap, InstrumentId, Tick
from ticktrail.plugin import History, HistoryPage, ProviderContext, Tell
from ticktrail_binance.events import time_ns
from ticktrail_binance.holes import read_row
from ticktrail_binance.markets import BarInterval
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.listing import check_instruments
from ticktrail_binance.rest.questions import (
    ask_bars,
    ask_first_trade,
    ask_newest_trade,
    ask_rows,
    ask_time,
)
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import Stream, symbols_of
from ticktrail_binance.wire import RestKline

__all__ = ["BinanceHistory", "open_history"]

MS_NS = 1_000_000
WINDOW_MS = 3_600_000 - 1
"""The venue looks for trades by time in less than an hour at once."""
AT_ID, AT_MS = "id ", "ms "
"""Beginnings of a cursor: from this trade on, or from this moment on."""
MOST_STEP = 1_000_000
"""Ids of an archive run on by one; a step beyond this is garbage."""
SLACK_NS = 60_000_000_000
"""How far in the future a trade's time may lie by this machine's clock."""
UNITS_MS: Mapping[str, int] = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}


class _RowId(msgspec.Struct):
    """The id of a row, of trades or of aggregate trades."""

    id: int = -1
    a: int = -1


_read_id = msgspec.json.Decoder(_RowId).decode


@asynccontextmanager
async def open_history(
    settings: BinanceSettings, context: ProviderContext, tell: Tell
) -> AsyncIterator[History]:
    """Keep a leg's archive open.

    Raises:
        TransientError: The venue cannot be asked.
        PermanentError: It does not list an instrument.
    """
    async with RestClient(settings, context.name, context.clock, tell) as client:
        symbols = symbols_of(settings, context)
        await check_instruments(client, settings, symbols)
        behind_ns = max(0, context.clock.now_ns() - (await ask_time(client)) * MS_NS)
        yield BinanceHistory(client, settings, context, clock_ahead_ns=behind_ns)


class BinanceHistory:
    """One leg's archive; implements `ticktrail.plugin.History`.

    Args:
        client: Asks the venue.
        settings: Of the leg.
        context: Of the leg.
        clock_ahead_ns: How far this machine's clock may be ahead of the venue's: a bar is over by the venue's.
    """

    def __init__(
        self,
        client: RestClient,
        settings: BinanceSettings,
        context: ProviderContext,
        *,
        clock_ahead_ns: int,
    ) -> None:
        self._client = client
        self._settings = settings
        self._context = context
        self._clock_ahead_ns = clock_ahead_ns
        self._symbols = {name: symbol for symbol, name in symbols_of(settings, context).items()}
        self._begun: set[tuple[InstrumentId, Channel]] = set()

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        """Return a page: of bars those that begin in the period and are final, of trades a thousand.

        Raises:
            TransientError: The venue cannot be asked now, or its answer makes no sense (`cause` is ``garbled``).
            PermanentError: It will not answer.
        """
        start_ms = -(-start_ns // MS_NS)
        try:
            if channel == "bars":
                return await self._bars(instrument, start_ms if cursor is None else int(cursor), end_ns)
            if cursor is None or cursor.startswith(AT_MS):
                from_ms = start_ms if cursor is None else int(cursor.removeprefix(AT_MS))
                return await self._first_trade(instrument, channel, from_ms, end_ns)
            from_id = int(cursor.removeprefix(AT_ID))
            return await self._trades(instrument, channel, from_id, start_ns=start_ns, end_ns=end_ns)
        except Declined as exc:
            name = self._context.name
            raise PermanentError(
                f"leg {name!r}: Binance gives no history of {instrument} {channel}: {exc}", provider=name
            ) from exc
        except (ValueError, RecursionError) as exc:
            raise self._garbled(f"history of {instrument} {channel}: {str(exc)[:200]}") from exc

    async def _bars(self, instrument: InstrumentId, from_ms: int, end_ns: int) -> HistoryPage:
        end_ms = -(-end_ns // MS_NS)
        rows = await self._ask_bars(instrument, from_ms, end_ms, fewer=0)
        if not rows:  # asked once more, in other words: only an archive that says so twice is at its end
            rows = await self._ask_bars(instrument, from_ms, end_ms, fewer=1)
        now_ns = self._context.clock.now_ns()
        bars = [self._bar(row, instrument, now_ns) for row in rows]
        self._check_order([row.open_time for row in rows], from_ms, end_ms)
        whole = [bar for bar in bars if bar.end_ns <= now_ns - self._clock_ahead_ns]
        if bars[: len(whole)] != whole or len(bars) - len(whole) > 1:
            raise ValueError("a bar that is not over yet stands before one that is")
        is_last = not whole or len(whole) < len(bars) or whole[-1].end_ns >= end_ns
        return HistoryPage(
            ticks=whole,
            through_ns=end_ns if is_last else whole[-1].end_ns,
            cursor=None if is_last else str(whole[-1].start_ns // MS_NS + 1),
        )

    async def _ask_bars(
        self, instrument: InstrumentId, from_ms: int, end_ms: int, *, fewer: int
    ) -> Sequence[RestKline]:
        return await ask_bars(
            self._client,
            self._symbols[instrument],
            self._settings.bar_interval,
            start_ms=from_ms,
            end_ms=end_ms,
            fewer=fewer,
        )

    def _bar(self, row: RestKline, instrument: InstrumentId, recv_ns: int) -> Bar:
        numbers = (row.open, row.high, row.low, row.close, row.volume)
        if not all(number.is_finite() for number in numbers):
            raise ValueError("a price or volume is no finite number")
        length_ms = _length_ms(self._settings.bar_interval)
        if row.close_time <= row.open_time or length_ms not in {None, row.close_time + 1 - row.open_time}:
            raise ValueError(f"a bar from {row.open_time} to {row.close_time} is of another length")
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
            trades=row.trades,
        )

    async def _first_trade(
        self, instrument: InstrumentId, channel: Channel, from_ms: int, end_ns: int
    ) -> HistoryPage:
        """Look for the first trade within the next hour.

        The page has no ticks: its cursor is where to look next, at the trade's id or in the hour after.
        """
        end_ms = -(-end_ns // MS_NS)
        until_ms = min(from_ms + WINDOW_MS, end_ms)
        first = await ask_first_trade(
            self._client, self._symbols[instrument], start_ms=from_ms, end_ms=until_ms
        )
        if first is not None:
            self._check_order([first.T], from_ms, until_ms)
            number = first.a if self._is_aggregate(channel) else first.f
            return HistoryPage(ticks=(), through_ns=min(first.T * MS_NS, end_ns), cursor=f"{AT_ID}{number}")
        cursor = None if until_ms >= end_ms else f"{AT_MS}{until_ms}"
        return HistoryPage(ticks=(), through_ns=min(until_ms * MS_NS, end_ns), cursor=cursor)

    async def _trades(
        self, instrument: InstrumentId, channel: Channel, from_id: int, *, start_ns: int, end_ns: int
    ) -> HistoryPage:
        client, symbol = self._client, self._symbols[instrument]
        market = client.market
        paging = market.agg_trades if channel == "agg_trades" else market.trades
        rows = [
            bytes(row) for row in await ask_rows(client, paging, symbol, from_id=from_id, count=paging.rows)
        ]
        if not rows:
            newest = await ask_newest_trade(client, paging, symbol)
            if newest is not None and newest >= from_id:
                raise ValueError(f"an empty page from {from_id} on, and the newest trade is {newest}")
            return HistoryPage(ticks=(), through_ns=end_ns, cursor=None)
        by_id = self._is_aggregate(channel)
        numbers = [row.a if by_id else row.id for row in map(_read_id, rows)]
        if numbers[0] < from_id or any(not 0 < b - a < MOST_STEP for a, b in pairwise(numbers)):
            raise ValueError(f"ids that do not run on from {from_id}")
        recv_ns = self._context.clock.now_ns()
        stream = Stream("", instrument, symbol, channel)
        read = [read_row(row, stream, self._context.name, recv_ns, aggregates=by_id) for row in rows]
        trades = [trade for trade in read if trade is not None]
        times_ns = [trade.event_ns or 0 for trade in trades]
        if any(at_ns > recv_ns + SLACK_NS for at_ns in times_ns):
            raise ValueError("a trade in the future")
        ticks: list[Tick] = [
            trade for trade, at_ns in zip(trades, times_ns, strict=True) if start_ns <= at_ns < end_ns
        ]
        if numbers[0] > from_id and (instrument, channel) not in self._begun:
            # Within a run the route sees a jump in the ids; before its first trade nobody else could.
            ticks.insert(0, self._gap(instrument, channel, from_id, numbers[0] - 1, recv_ns))
        self._begun.add((instrument, channel))
        if times_ns and times_ns[-1] >= end_ns:
            return HistoryPage(ticks=ticks, through_ns=end_ns, cursor=None)
        through_ns = times_ns[-1] if times_ns else start_ns
        return HistoryPage(
            ticks=ticks, through_ns=max(through_ns, start_ns), cursor=f"{AT_ID}{numbers[-1] + 1}"
        )

    def _gap(self, instrument: InstrumentId, channel: Channel, from_id: int, to_id: int, recv_ns: int) -> Gap:
        return Gap(
            instrument=instrument,
            provider=self._context.name,
            event_ns=None,
            recv_ns=recv_ns,
            backfilled=True,
            channel=channel,
            from_id=from_id,
            to_id=to_id,
            from_ns=None,
            to_ns=recv_ns,
            cause="missing",
        )

    def _is_aggregate(self, channel: Channel) -> bool:
        """Whether the channel's rows are aggregate trades; a future's trades are."""
        return channel == "agg_trades" or self._client.market.trades_are_aggregates

    @staticmethod
    def _check_order(times_ms: Sequence[int], from_ms: int, end_ms: int) -> None:
        """See that times rise, within what was asked for."""
        if any(b <= a for a, b in pairwise(times_ms)) or any(not from_ms <= at < end_ms for at in times_ms):
            raise ValueError(f"times out of order, or not between {from_ms} and {end_ms}")

    def _garbled(self, what: str) -> TransientError:
        name = self._context.name
        return TransientError(
            f"leg {name!r}: Binance's answer makes no sense, {what}; it is asked for again",
            provider=name,
            cause="garbled",
        )


def _length_ms(interval: BarInterval) -> int | None:
    """Return how long a bar is; None for a month, whose length differs."""
    unit_ms = UNITS_MS.get(interval[-1])
    return None if unit_ms is None else int(interval[:-1]) * unit_ms
