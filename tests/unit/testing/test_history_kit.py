"""Each law of histories can fail: one deliberately broken history a law."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio.lowlevel
import msgspec
import pytest

from ticktrail.model import Channel, InstrumentId, ProviderId, Tick
from ticktrail.plugin import History, HistoryPage
from ticktrail.testing import HistoryCase, HistoryConformance, make_quote, make_trade
from ticktrail.testing import _histories as kit
from ticktrail.testing._laws import laws_of

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


class Floats(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), price=1.5)


class NotANumber(Sound):
    def trade(self, number: int) -> Tick:
        return msgspec.structs.replace(super().trade(number), price=Decimal("NaN"))


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


BROKEN: list[tuple[str, HistoryCase, str]] = [
    ("H01", case_of(OfAnother), "not asked for"),
    ("H01", case_of(Quotes), "not asked for"),
    ("H01", case_of(Anonymous), "leg's name"),
    ("H01", case_of(Unmarked), "not marked as backfilled"),
    ("H01", case_of(Timeless), "out of the period"),
    ("H01", case_of(TooEarly), "out of the period"),
    ("H01", case_of(Backwards), "of order"),
    ("H01", case_of(Twice), "its id is not above"),
    ("H01", case_of(Nothing), "nothing was checked"),
    ("H02", case_of(Beyond), "is complete to"),
    ("H02", case_of(Back), "is complete to"),
    ("H02", case_of(Still), "stands still"),
    ("H02", case_of(Endless), "has no end"),
    ("H03", case_of(Forgets), "goes on otherwise"),
    ("H04", case_of(Seam), "not the same in two halves"),
    ("H05", case_of(Floats), "price is a float"),
    ("H05", case_of(NotANumber), "price is a float, or not finite"),
]


def test_there_is_a_broken_history_for_every_law() -> None:
    """No law goes unproven, and each check is a law."""
    numbers = [law.number for law in laws_of(HistoryConformance)]
    assert numbers == sorted({number for number, _, _ in BROKEN})
    assert len(numbers) == len([name for name in dir(HistoryConformance) if name.startswith("test_")])


@pytest.mark.parametrize(("number", "case", "message"), BROKEN)
def test_each_law_can_be_broken(
    number: str, case: HistoryCase, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken history fails the law that is about its fault, in words that name it."""
    monkeypatch.setattr(kit, "_MOST_PAGES", 50)
    (check,) = [
        getattr(HistoryConformance, name)
        for name in dir(HistoryConformance)
        if name.startswith(f"test_{number.lower()}_")
    ]
    with pytest.raises(AssertionError, match=rf"^{number}: .*\n.*{message}"):
        check(HistoryConformance(), case)
