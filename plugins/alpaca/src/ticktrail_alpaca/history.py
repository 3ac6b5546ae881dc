"""Fetch the past of a leg's instruments from Alpaca's archive: trades, quotes and bars, a request a page.

Trades are given as they stand today: one that was cancelled, or that a correction replaced, is left out and counted;
the corrected one is given. A live feed tells the same by `Correction` ticks after the trade.

Owns: what a row means as a tick, and what of a page is taken; that a series of pages comes to an end.
Never: retries, or keeps its place.

Sources: docs.alpaca.markets, "Market Data API" reference (``u``: ``canceled``, ``incorrect``, ``corrected``;
``next_page_token``; an unknown symbol is answered with nothing), read 2026-11.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.model import Bar, Channel, InstrumentId, Quote, Side, Tick, Trade
from ticktrail.plugin import HistoryPage, ProviderContext, Tell
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.rest.client import Declined, RestClient, check_key
from ticktrail_alpaca.rest.questions import (
    Page,
    ask_bars,
    ask_quotes,
    ask_snapshots,
    ask_trades,
    history_feed,
)
from ticktrail_alpaca.rest.rows import RestBar, RestQuote, RestTrade, number
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.spans import bar_end_ns
from ticktrail_alpaca.symbols import symbol_of

__all__ = ["AlpacaHistory", "check_history", "open_history"]

Row = TypeVar("Row", RestTrade, RestQuote, RestBar)
MOST_IDLE = 20
"""Pages in a row with nothing new of the period: the venue passes over what it filters, but not for ever."""
NO_LONGER = frozenset({"canceled", "incorrect"})
_SIDES: dict[str, Side] = {"B": "buy", "S": "sell"}


def check_history(settings: AlpacaSettings, context: ProviderContext) -> None:
    """Return if the leg has a history.

    Raises:
        ConfigError: It has no key and needs one, its feed has no past, or an instrument could not be the venue's; the
            message says what to write.
    """
    check_key(settings)
    history_feed(settings)
    for name in context.instruments:
        symbol_of(name, settings.venue_market)


@asynccontextmanager
async def open_history(
    settings: AlpacaSettings, context: ProviderContext, tell: Tell
) -> AsyncIterator[AlpacaHistory]:
    """Keep a leg's archive open.

    Raises:
        TransientError: It cannot be opened now.
        PermanentError: It cannot be opened with these settings.
    """
    try:
        check_history(settings, context)
    except ConfigError as exc:
        raise PermanentError(f"leg {context.name!r}: {exc}", provider=context.name) from exc
    async with RestClient(settings, context.name, context.clock, context.base_dir, tell) as client:
        yield AlpacaHistory(client, settings, context)


AnyRow: TypeAlias = RestTrade | RestQuote | RestBar


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins: how far the pages before it go, and the rows at the moment of the newest one in them.

    The venue may part what happened in one moment, so that the moment alone does not tell whether a row is new.
    """

    through_ns: int
    newest_ns: int
    newest: AbstractSet[AnyRow]


class _Series:
    """The pages of one series: none may come twice, and none may begin before the end of the one before it.

    Who asked may ask for a page again: what came after it is forgotten then.
    """

    def __init__(self, start_ns: int) -> None:
        self._start = _Place(start_ns, start_ns, frozenset())
        self._known: dict[str | None, _Place] = {None: self._start}
        """By the token of each page, in order."""
        self.idle = self.idle_rows = 0
        """Pages in a row with nothing new, and the rows in them."""

    def place(self, cursor: str | None) -> _Place:
        """Return where the page at `cursor` begins."""
        known = self._known
        if cursor not in known:  # from another run
            known[cursor] = self._start
        while next(reversed(known)) != cursor:
            known.popitem()
        return known[cursor]

    def leads_back(self, token: str) -> bool:
        """Tell whether a token is one of a page that was there already."""
        return token in self._known

    def goes_on(self, token: str, place: _Place) -> None:
        """Take in where the page after the last one begins."""
        self._known[token] = place


class AlpacaHistory:
    """One leg's archive; implements `ticktrail.plugin.History`.

    Args:
        client: Asks the venue.
        settings: Of the leg.
        context: Of the leg.

    Attributes:
        left_out: Trades that no longer stand, so far.
    """

    def __init__(self, client: RestClient, settings: AlpacaSettings, context: ProviderContext) -> None:
        self.left_out = 0
        self._client = client
        self._settings = settings
        self._context = context
        self._symbols = {name: symbol_of(name, settings.venue_market) for name in context.instruments}
        self._series: dict[tuple[InstrumentId, Channel, int, int], _Series] = {}

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        """Return a page: what one request gives, at most `page_rows`; of bars those that begin in the period.

        Raises:
            TransientError: The venue cannot be asked now, or gives one empty page after another.
            PermanentError: It will not answer, its answer cannot be read, its pages lead in a circle or nowhere, or
                there is nothing of the instrument at all.
        """
        key = (instrument, channel, start_ns, end_ns)
        if cursor is None or key not in self._series:
            self._series[key] = _Series(start_ns)
        series = self._series[key]
        place = series.place(cursor)
        try:
            page, ticks = await self._ask(instrument, channel, start_ns, end_ns, cursor)
            newest_ns, newest = _newest(place, page.rows, start_ns, end_ns)
        except (Declined, ValueError, RecursionError) as exc:
            raise self._refused(instrument, channel, f"Alpaca gives no history of it: {exc}") from exc
        through_ns = place.through_ns
        inside = [tick for tick in ticks if start_ns <= _at_ns(tick) < end_ns]
        inside.sort(key=_at_ns)
        if inside and _at_ns(inside[0]) < through_ns:
            raise self._refused(
                instrument, channel, "a page begins before the end of the one before it", cause="defect"
            )
        if page.token is None or (channel == "bars" and len(ticks) < len(page.rows)):
            # The bar that is not over yet is the last one there can be.
            self._series.pop(key, None)
            if cursor is None and not page.rows:
                await self._check_is_known(instrument, channel)
            return HistoryPage(ticks=inside, through_ns=end_ns, cursor=None)
        if series.leads_back(page.token):
            raise self._refused(instrument, channel, "its pages lead in a circle", cause="defect")
        if newest_ns > place.newest_ns or len(newest) > len(place.newest):
            series.idle = series.idle_rows = 0
        else:
            self._count_idle(series, instrument, channel, len(page.rows))
        through_ns = _at_ns(inside[-1]) if inside else through_ns
        series.goes_on(page.token, _Place(through_ns, newest_ns, newest))
        return HistoryPage(ticks=inside, through_ns=through_ns, cursor=page.token)

    async def _ask(
        self, instrument: InstrumentId, channel: Channel, start_ns: int, end_ns: int, cursor: str | None
    ) -> tuple[Page[RestTrade] | Page[RestQuote] | Page[RestBar], list[Tick]]:
        client, symbol = self._client, self._symbols[instrument]
        if channel == "trades":
            trades = await ask_trades(client, symbol, start_ns=start_ns, end_ns=end_ns, token=cursor)
            return trades, self._read(trades.rows, instrument, self._trade)
        if channel == "quotes":
            quotes = await ask_quotes(client, symbol, start_ns=start_ns, end_ns=end_ns, token=cursor)
            return quotes, self._read(quotes.rows, instrument, self._quote)
        bars = await ask_bars(
            client,
            symbol,
            timeframe=self._settings.bar_timeframe,
            start_ns=start_ns,
            end_ns=end_ns,
            token=cursor,
        )
        return bars, self._read(bars.rows, instrument, self._bar)

    def _read(
        self,
        rows: Sequence[Row],
        instrument: InstrumentId,
        read: Callable[[Row, InstrumentId, int], Tick | None],
    ) -> list[Tick]:
        now_ns = self._context.clock.now_ns()
        return [tick for row in rows if (tick := read(row, instrument, now_ns)) is not None]

    def _trade(self, row: RestTrade, instrument: InstrumentId, recv_ns: int) -> Trade | None:
        if row.u in NO_LONGER:
            self.left_out += 1
            return None
        return Trade(
            instrument=instrument,
            provider=self._context.name,
            event_ns=moment_ns(row.t),
            recv_ns=recv_ns,
            backfilled=True,
            id=f"{row.x}:{row.i}" if row.x else str(row.i),
            price=number(row.p),
            size=number(row.s),
            side=_SIDES.get(row.tks),
        )

    def _quote(self, row: RestQuote, instrument: InstrumentId, recv_ns: int) -> Quote:
        return Quote(
            instrument=instrument,
            provider=self._context.name,
            event_ns=moment_ns(row.t),
            recv_ns=recv_ns,
            backfilled=True,
            bid_price=number(row.bp),
            bid_size=number(row.bs),
            ask_price=number(row.ap),
            ask_size=number(row.asks),
        )

    def _bar(self, row: RestBar, instrument: InstrumentId, recv_ns: int) -> Bar | None:
        start_ns = moment_ns(row.t)
        end_ns = bar_end_ns(start_ns, self._settings.bar_timeframe, self._settings.market)
        if end_ns > recv_ns:
            return None
        return Bar(
            instrument=instrument,
            provider=self._context.name,
            event_ns=end_ns,
            recv_ns=recv_ns,
            backfilled=True,
            open=number(row.o),
            high=number(row.h),
            low=number(row.l),
            close=number(row.c),
            volume=number(row.v),
            start_ns=start_ns,
            end_ns=end_ns,
            final=True,
            trades=row.n,
        )

    def _count_idle(self, series: _Series, instrument: InstrumentId, channel: Channel, rows: int) -> None:
        """Take in a page with nothing new, and put an end to too many of them.

        The venue may pass over a long stretch with empty pages, and go on another time. Rows that are not asked for,
        or were there already, say that the next tokens will lead nowhere either.
        """
        series.idle += 1
        series.idle_rows += rows
        if series.idle <= MOST_IDLE:
            return
        name, idle_rows = self._context.name, series.idle_rows
        series.idle = series.idle_rows = 0
        if idle_rows:
            raise self._refused(
                instrument,
                channel,
                f"{MOST_IDLE} pages in a row bring nothing new of the period, only rows from beside it or once more",
                cause="defect",
            )
        raise TransientError(
            f"leg {name!r}: Alpaca gave {MOST_IDLE} pages in a row of {instrument} {channel} with nothing in them and "
            f"more to come",
            provider=name,
        )

    async def _check_is_known(self, instrument: InstrumentId, channel: Channel) -> None:
        """See that a series without a row is not of a symbol that there is not: the venue answers both alike."""
        symbol = self._symbols[instrument]
        try:
            found = await ask_snapshots(self._client, [symbol])
        except Declined as exc:
            raise self._refused(instrument, channel, f"Alpaca gives nothing of it: {exc}") from exc
        except PermanentError:
            return  # a plan may have the past of a feed and not its present: nothing is known then
        if found.missing:
            raise self._refused(
                instrument,
                channel,
                "Alpaca has nothing of it in the period, and nothing newer: check how it is written, and whether "
                f'feed = "{self._settings.feed_name}" has it',
            )

    def _refused(
        self, instrument: InstrumentId, channel: Channel, why: str, *, cause: str = "refused"
    ) -> PermanentError:
        name = self._context.name
        return PermanentError(f"leg {name!r}, {instrument} {channel}: {why}", provider=name, cause=cause)


def _newest(
    place: _Place, rows: Sequence[AnyRow], start_ns: int, end_ns: int
) -> tuple[int, AbstractSet[AnyRow]]:
    """Return the newest moment in the period after these rows, and the rows at it.

    Those that give no tick count as well: a page of cancelled trades brings the end of the period nearer.
    """
    timed = [(at_ns, row) for row in rows if start_ns <= (at_ns := moment_ns(row.t)) < end_ns]
    newest_ns = max((at_ns for at_ns, _ in timed), default=place.newest_ns)
    if newest_ns < place.newest_ns:
        return place.newest_ns, place.newest
    at_it = frozenset(row for at_ns, row in timed if at_ns == newest_ns)
    return newest_ns, at_it if newest_ns > place.newest_ns else place.newest | at_it


def _at_ns(tick: Tick) -> int:
    """Return what places a tick in a period: of a bar, where it begins."""
    return tick.start_ns if isinstance(tick, Bar) else tick.event_ns or 0
