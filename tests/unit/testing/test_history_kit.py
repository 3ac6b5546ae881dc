"""Each check of the history kit can fail: one deliberately broken history a check."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio.lowlevel
import msgspec
import pytest

from ticktrail.model import Channel, InstrumentId, ProviderId, Tick
from ticktrail.plugin import History, HistoryPage
from ticktrail.testing import HistoryCase, HistoryConformance, make_quote, make_trade
from ticktrail.testing import _histories as kit

BTC = InstrumentId("BTC/USDT")
LEG = ProviderId("leg")


class Sound:
    """Trade N happened at nanosecond N; pages of four."""

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        await anyio.lowlevel.checkpoint()
        first = start_ns if cursor is None else int(cursor)
        last = min(first + 4, end_ns)
        return HistoryPage(
            ticks=self.ticks([self.trade(number) for number in range(first, last)]),
            through_ns=self.through(last, end_ns),
            cursor=self.cursor(last, end_ns),
        )

    def trade(self, number: int) -> Tick:
        return make_trade(id=number, event_ns=number, provider=LEG, backfilled=True)

    def ticks(self, ticks: list[Tick]) -> list[Tick]:
        return ticks

    def through(self, last: int, end_ns: int) -> int:
        return min(last, end_ns)

    def cursor(self, last: int, end_ns: int) -> str | None:
        return str(last) if last < end_ns else None


class OfAnother(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), instrument="ETH/USDT")


class Quotes(Sound):
    def trade(self, number: int) -> Tick:
        return make_quote(instrument=BTC)


class Anonymous(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), provider="somebody")


class Unmarked(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), backfilled=False)


class Timeless(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), event_ns=None)


class TooEarly(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), event_ns=number - 1)


class Backwards(Sound):
    def ticks(self, ticks: list[Tick]) -> list[Tick]:
        return ticks[::-1]


class Twice(Sound):
    def ticks(self, ticks: list[Tick]) -> list[Tick]:
        return [tick for tick in ticks for _ in range(2)]


class Nothing(Sound):
    def ticks(self, ticks: list[Tick]) -> list[Tick]:
        return []


class Beyond(Sound):
    def through(self, last: int, end_ns: int) -> int:
        return last + 1


class Back(Sound):
    def through(self, last: int, end_ns: int) -> int:
        return end_ns - last


class Still(Sound):
    def cursor(self, last: int, end_ns: int) -> str | None:
        return "7"


class Endless(Sound):
    """It goes back to the beginning of what it was asked, now and then."""

    def cursor(self, last: int, end_ns: int) -> str | None:
        return str(last) if last < end_ns else "101"


class Forgets(Sound):
    """Its cursors mean something to one session alone: to another one, the trade after."""

    def __init__(self) -> None:
        self._given: set[str | None] = {None}

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        if cursor is not None and cursor not in self._given:
            cursor = str(int(cursor) + 1)
        page = await super().page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        self._given.add(page.cursor)
        return page


class Seam(Sound):
    """It leaves out the first of each period."""

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        return await super().page(instrument, channel, start_ns=start_ns + 1, end_ns=end_ns, cursor=cursor)


def case_of(kind: Callable[[], History] = Sound) -> HistoryCase:
    @asynccontextmanager
    async def live() -> AsyncIterator[History]:
        await anyio.lowlevel.checkpoint()
        yield kind()

    return HistoryCase(
        name="odd", leg=LEG, instruments=[BTC], channels=["trades"], start_ns=100, end_ns=130, live=live
    )


class TestASoundHistory(HistoryConformance):
    @pytest.fixture
    def case(self) -> HistoryCase:
        return case_of()


class TestASoundHistoryOnAsyncio(TestASoundHistory):
    backend = "asyncio"


QUESTION, END, CURSOR, HALVES = (
    "test_pages_are_of_the_question",
    "test_pages_lead_to_the_end",
    "test_a_cursor_goes_on_in_another_run",
    "test_two_halves_are_the_whole",
)
BROKEN: list[tuple[str, HistoryCase, str]] = [
    (QUESTION, case_of(OfAnother), "not asked for"),
    (QUESTION, case_of(Quotes), "not asked for"),
    (QUESTION, case_of(Anonymous), "leg's name"),
    (QUESTION, case_of(Unmarked), "not marked as backfilled"),
    (QUESTION, case_of(Timeless), "out of the period"),
    (QUESTION, case_of(TooEarly), "out of the period"),
    (QUESTION, case_of(Backwards), "of order"),
    (QUESTION, case_of(Twice), "its id is not above"),
    (QUESTION, case_of(Nothing), "nothing was checked"),
    (END, case_of(Beyond), "is complete to"),
    (END, case_of(Back), "is complete to"),
    (END, case_of(Still), "stands still"),
    (END, case_of(Endless), "has no end"),
    (CURSOR, case_of(Forgets), "goes on otherwise"),
    (HALVES, case_of(Seam), "not the same in two halves"),
]


def test_there_is_a_broken_history_for_every_check() -> None:
    """No check goes unproven."""
    names = {name for name in dir(HistoryConformance) if name.startswith("test_")}
    assert {check for check, _, _ in BROKEN} == names


@pytest.mark.parametrize(("check", "case", "message"), BROKEN)
def test_each_check_can_fail(
    check: str, case: HistoryCase, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken history fails the check that is about its fault, in words that name it."""
    monkeypatch.setattr(kit, "_MOST_PAGES", 50)
    with pytest.raises(AssertionError, match=message):
        getattr(HistoryConformance(), check)(case)
