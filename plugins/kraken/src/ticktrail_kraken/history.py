"""Fetch the past of a leg's pairs from Kraken: trades since ever, bars of the last 720.

Owns: where a page begins and ends, what a cursor means, and what the venue no longer has.
Never: retries, or keeps its place.

A page of trades begins a nanosecond before the last trade of the page before, and leaves out the ids that came by then:
trades of one moment may stand on both sides of a page's end.

Sources: as in `ticktrail_kraken.rest.questions`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ticktrail.errors import PermanentError
from ticktrail.model import Bar, Channel, InstrumentId, Trade
from ticktrail.plugin import History, HistoryPage, ProviderContext, Tell
from ticktrail_kraken.rest.client import Declined, RestClient
from ticktrail_kraken.rest.questions import MOST_BARS, RestBar, RestTrade, ask_bars, ask_trades
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.subscriptions import symbols_of

__all__ = ["KrakenHistory", "open_history"]

NS_PER_S = 1_000_000_000


@asynccontextmanager
async def open_history(
    settings: KrakenSettings, context: ProviderContext, tell: Tell
) -> AsyncIterator[History]:
    """Keep a leg's archive open; nothing is asked before the first page."""
    async with RestClient(settings, context.name, context.clock, tell) as client:
        yield KrakenHistory(client, settings, context)


class KrakenHistory:
    """One leg's archive; implements `ticktrail.plugin.History`."""

    def __init__(self, client: RestClient, settings: KrakenSettings, context: ProviderContext) -> None:
        self._client = client
        self._settings = settings
        self._context = context
        self._symbols = {name: symbol for symbol, name in symbols_of(context).items()}

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        """Return a page: of trades a thousand, of bars all that begin in the period and are over.

        Raises:
            TransientError: The venue cannot be asked now, or its answer makes no sense (`cause` is ``garbled``).
            PermanentError: It will not answer, or has the bars of that time no more.
        """
        try:
            if channel == "bars":
                return await self._bars(instrument, start_ns, end_ns)
            return await self._trades(instrument, start_ns, end_ns, cursor)
        except Declined as exc:
            name = self._context.name
            raise PermanentError(
                f"leg {name!r}: Kraken gives no history of {instrument} {channel}: {exc}", provider=name
            ) from exc

    async def _trades(
        self, instrument: InstrumentId, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        since_ns, known = (start_ns - 1, -1) if cursor is None else self._place(cursor)
        symbol, count = self._symbols[instrument], self._settings.page_rows
        rows = [
            row
            for row in await ask_trades(self._client, symbol, since_ns=since_ns, count=count)
            if row.number > known
        ]
        if not rows and known >= 0:  # a whole page of one moment leads on by nothing else than a later one
            since_ns += 1
            rows = [
                row
                for row in await ask_trades(self._client, symbol, since_ns=since_ns, count=count)
                if row.number > known
            ]
        recv_ns = self._context.clock.now_ns()
        last_ns = rows[-1].time_ns if rows else end_ns
        if not rows or last_ns >= end_ns:
            through_ns, cursor = end_ns, None
        else:
            through_ns, cursor = max(start_ns, last_ns), f"{last_ns - 1} {rows[-1].number}"
        ticks = [self._trade(row, instrument, recv_ns) for row in rows if start_ns <= row.time_ns < end_ns]
        return HistoryPage(ticks=ticks, through_ns=through_ns, cursor=cursor)

    async def _bars(self, instrument: InstrumentId, start_ns: int, end_ns: int) -> HistoryPage:
        minutes = self._settings.bar_minutes
        rows = await ask_bars(
            self._client, self._symbols[instrument], minutes=minutes, since_s=start_ns // NS_PER_S - 1
        )
        recv_ns = self._context.clock.now_ns()
        first_ns = -(-start_ns // self._settings.bar_ns) * self._settings.bar_ns
        if len(rows) >= MOST_BARS and rows[0].start_ns > first_ns and first_ns < end_ns:
            name = self._context.name
            raise PermanentError(
                f"leg {name!r}: Kraken has only the newest {MOST_BARS} bars of {minutes} min of {instrument}, and "
                f"those asked for begin earlier: ask for a later period, set bar_minutes higher, or fetch the trades",
                provider=name,
            )
        over = [row for row in rows[:-1] if row.start_ns + self._settings.bar_ns <= recv_ns]
        ticks = [self._bar(row, instrument, recv_ns) for row in over if start_ns <= row.start_ns < end_ns]
        return HistoryPage(ticks=ticks, through_ns=end_ns, cursor=None)

    def _place(self, cursor: str) -> tuple[int, int]:
        since, _, known = cursor.partition(" ")
        try:
            return int(since), int(known)
        except ValueError as exc:
            name = self._context.name
            raise PermanentError(
                f"leg {name!r}: {cursor[:60]!r} is no cursor of Kraken's", provider=name
            ) from exc

    def _trade(self, row: RestTrade, instrument: InstrumentId, recv_ns: int) -> Trade:
        return Trade(
            instrument=instrument,
            provider=self._context.name,
            event_ns=row.time_ns,
            recv_ns=recv_ns,
            backfilled=True,
            id=row.number,
            price=row.price,
            size=row.size,
            side=row.side,
        )

    def _bar(self, row: RestBar, instrument: InstrumentId, recv_ns: int) -> Bar:
        end_ns = row.start_ns + self._settings.bar_ns
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
            start_ns=row.start_ns,
            end_ns=end_ns,
            final=True,
            trades=row.trades,
        )
