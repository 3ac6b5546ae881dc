"""Check that a provider's history keeps the contract of `ticktrail.plugin.History`.

Owns: the checks, and what a case must bring.
Never: speaks to a venue. The case's `live` brings a history together with a loopback server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeVar

import anyio

from ticktrail.model import CHANNEL_OF, Bar, Channel, InstrumentId, ProviderId, Tick
from ticktrail.plugin import History, HistoryPage
from ticktrail.testing._expect import expect, expect_exact
from ticktrail.testing._laws import law
from ticktrail.testing._sessions import run_check

__all__ = ["HistoryCase", "HistoryConformance"]

T = TypeVar("T")
_MOST_PAGES = 10_000
_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCase:
    """One provider's archive, and a period that has something in it.

    Attributes:
        name: The provider's, for messages.
        leg: What every tick must name as its `provider`.
        instruments: Of the leg.
        channels: The provider's `Capabilities.history`.
        start_ns: Where the period begins, UTC nanoseconds.
        end_ns: Where it ends, exclusive.
        live: Enters a history that can be asked, with whatever loopback venue it speaks to; asked for twice, it
            gives the same past.
    """

    name: str
    leg: ProviderId
    instruments: Sequence[InstrumentId]
    channels: Sequence[Channel]
    start_ns: int
    end_ns: int
    live: Callable[[], AbstractAsyncContextManager[History]]


class HistoryConformance:
    """Subclass, give a `case` fixture that returns a `HistoryCase`, and inherit the laws H01 to H05.

    `backend` is the event loop that the checks run on. That the past agrees with what was live is the law P25 of
    `ProviderConformance`, which has both.
    """

    backend = "trio"

    @law("H01")
    def test_h01_pages_are_of_the_question(self, case: HistoryCase) -> None:
        """Ticks are of the instrument, the channel and the period, marked as backfilled, in order, and some.

        Provoked: the whole period is fetched, page by page, for each instrument and channel.
        """

        async def look() -> int:
            found = 0
            async with case.live() as history:
                for instrument, channel in _series(case):
                    ticks = [
                        tick
                        for page in await _pages(case, history, instrument, channel)
                        for tick in page.ticks
                    ]
                    _expect_ticks(case, ticks, instrument, channel)
                    found += len(ticks)
            return found

        expect(
            self._run(look), f"{case.name}: there is nothing in the case's period, and nothing was checked"
        )

    @law("H02")
    def test_h02_pages_lead_to_the_end(self, case: HistoryCase) -> None:
        """Each page says how far the period is complete, never back, never beyond; the last has no cursor.

        Provoked: the whole period is fetched, and each page's `through_ns` and `cursor` are looked at.
        """

        async def look() -> None:
            async with case.live() as history:
                for instrument, channel in _series(case):
                    through_ns = case.start_ns
                    for page in await _pages(case, history, instrument, channel):
                        expect(
                            through_ns <= page.through_ns <= case.end_ns,
                            f"{case.name}: a page of {instrument} {channel} is complete to {page.through_ns}, "
                            f"between {through_ns} and the period's end {case.end_ns} was due",
                        )
                        through_ns = page.through_ns

        self._run(look)

    @law("H03")
    def test_h03_a_cursor_goes_on_in_another_run(self, case: HistoryCase) -> None:
        """What one run has not fetched, another one fetches from the same cursor: the same ticks, none twice.

        Provoked: after each of the first three pages, another history is opened and given the cursor.
        """

        async def look() -> None:
            for instrument, channel in _series(case):
                async with case.live() as history:
                    whole = await _pages(case, history, instrument, channel)
                for kept in range(1, min(len(whole), 4)):
                    async with case.live() as history:
                        rest = await _pages(case, history, instrument, channel, whole[kept - 1].cursor)
                    expect(
                        _said(whole[kept:]) == _said(rest),
                        f"{case.name}: {instrument} {channel} goes on otherwise from page {kept} in another run",
                    )

        self._run(look)

    @law("H04")
    def test_h04_two_halves_are_the_whole(self, case: HistoryCase) -> None:
        """A period that is fetched in two parts gives what it gives in one: no loss, no double at the seam.

        Provoked: the period is fetched whole, and up to and from its middle.
        """
        middle_ns = (case.start_ns + case.end_ns) // 2

        async def look() -> None:
            async with case.live() as history:
                for instrument, channel in _series(case):
                    whole = await _pages(case, history, instrument, channel)
                    first = await _pages(case, history, instrument, channel, end_ns=middle_ns)
                    second = await _pages(case, history, instrument, channel, start_ns=middle_ns)
                    expect(
                        _said(whole) == _said(first) + _said(second),
                        f"{case.name}: {instrument} {channel} is not the same in two halves",
                    )

        self._run(look)

    @law("H05")
    def test_h05_ticks_are_whole(self, case: HistoryCase) -> None:
        """Ticks have finite decimals and no floats, and come back from their wire form.

        Provoked: every tick of the period is looked at, written to its wire form, and read again.
        """

        async def look() -> None:
            async with case.live() as history:
                for instrument, channel in _series(case):
                    for page in await _pages(case, history, instrument, channel):
                        for tick in page.ticks:
                            expect_exact(case.name, tick)

        self._run(look)

    def _run(self, look: Callable[[], Awaitable[T]]) -> T:
        async def within() -> T:
            with anyio.fail_after(_WITHIN_S):
                return await look()

        return run_check(within, self.backend)


def _series(case: HistoryCase) -> Sequence[tuple[InstrumentId, Channel]]:
    return [(instrument, channel) for instrument in case.instruments for channel in case.channels]


async def _pages(
    case: HistoryCase,
    history: History,
    instrument: InstrumentId,
    channel: Channel,
    cursor: str | None = None,
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
) -> Sequence[HistoryPage]:
    pages: list[HistoryPage] = []
    while len(pages) < _MOST_PAGES:
        page = await history.page(
            instrument,
            channel,
            start_ns=case.start_ns if start_ns is None else start_ns,
            end_ns=case.end_ns if end_ns is None else end_ns,
            cursor=cursor,
        )
        pages.append(page)
        if page.cursor is None:
            return pages
        expect(page.cursor != cursor, f"{case.name}: {instrument} {channel} stands still at {cursor!r}")
        cursor = page.cursor
    raise AssertionError(f"{case.name}: {instrument} {channel} has no end in {_MOST_PAGES} pages")


def _expect_ticks(
    case: HistoryCase, ticks: Sequence[Tick], instrument: InstrumentId, channel: Channel
) -> None:
    last_ns, last_id = case.start_ns, -1
    for tick in ticks:
        told = f"{case.name}, {instrument} {channel}: {tick}"
        expect(
            tick.instrument == instrument and CHANNEL_OF.get(type(tick)) == channel, f"not asked for: {told}"
        )
        expect(tick.provider == case.leg, f"its provider is not the leg's name: {told}")
        expect(tick.backfilled, f"it is not marked as backfilled: {told}")
        at_ns = tick.start_ns if isinstance(tick, Bar) else tick.event_ns
        expect(
            at_ns is not None and last_ns <= at_ns < case.end_ns, f"out of the period, or of order: {told}"
        )
        last_ns = at_ns or last_ns
        number = getattr(tick, "id", None)
        if isinstance(number, int):
            expect(number > last_id, f"its id is not above the one before it: {told}")
            last_id = number


def _said(pages: Sequence[HistoryPage]) -> list[tuple[object, ...]]:
    """Return what the ticks say, less the time at which they were fetched."""
    return [
        tuple(getattr(tick, field) for field in tick.__struct_fields__ if field != "recv_ns")
        for page in pages
        for tick in page.ticks
    ]
