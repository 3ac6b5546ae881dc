"""Each check of the sink kit can fail: one deliberately broken sink a check."""

import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from unittest import SkipTest

import anyio
import anyio.lowlevel
import msgspec
import pytest
from msgspec.structs import replace as replaced

from ticktrail.errors import SinkError
from ticktrail.model import Gap, Tick, Trade
from ticktrail.plugin import Settings, Sink, SinkContext, sink_spec
from ticktrail.testing import ManualClock, MemorySink, SinkCase, SinkConformance
from unit.testing.broken import check_of, expect_all_proven, expect_broken


class Empty(Settings, frozen=True):
    pass


class Loose(msgspec.Struct, frozen=True):
    pass


class Reverses(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks[::-1])


class HoldsBack(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks[:-1])


class NoCheckpoint(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        self._held.extend(ticks)


class WritesHalf(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        self._held.extend([*ticks, *ticks])
        await anyio.lowlevel.checkpoint()


class ForgetsGaps(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write([tick for tick in ticks if not isinstance(tick, Gap)])


class Rounds(MemorySink):
    """Keeps numbers as a database's column of floats has them."""

    async def write(self, ticks: Sequence[Tick]) -> None:
        kept = [
            replaced(tick, price=Decimal(repr(float(tick.price)))) if isinstance(tick, Trade) else tick
            for tick in ticks
        ]
        await super().write(kept)


class DropsZeros(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        kept = [
            replaced(tick, price=tick.price.normalize()) if isinstance(tick, Trade) else tick
            for tick in ticks
        ]
        await super().write(kept)


class CountsMilliseconds(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write([replaced(tick, recv_ns=tick.recv_ns // 1_000_000 * 1_000_000) for tick in ticks])


class GoesByIds(MemorySink):
    """Has a key of instrument and id, and leaves out what is there."""

    async def write(self, ticks: Sequence[Tick]) -> None:
        known = {(tick.instrument, tick.id) for tick in self._held if isinstance(tick, Trade)}
        for tick in ticks:
            if not isinstance(tick, Trade) or (tick.instrument, tick.id) not in known:
                self._held.append(tick)
            if isinstance(tick, Trade):
                known.add((tick.instrument, tick.id))
        await anyio.lowlevel.checkpoint()


class SortsByTime(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(sorted(ticks, key=lambda tick: tick.event_ns or 0))


class TakesNoTickTwice(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(list(dict.fromkeys(ticks)))


class EmptiesTheList(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks)
        assert isinstance(ticks, list)
        ticks.clear()


class Blocks(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        time.sleep(0.6 if len(ticks) > 1_000 else 0)  # noqa: ASYNC251 - its fault
        await super().write(ticks)


class FailsInAFeed(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks)
        if any(tick.provider == "tape" for tick in ticks):
            raise SinkError("no feeds here")


class Breakable(MemorySink):
    broken = False

    async def write(self, ticks: Sequence[Tick]) -> None:
        if self.broken:
            raise SinkError("the disk is full: free some space")
        await super().write(ticks)


class Untranslated(Breakable):
    async def write(self, ticks: Sequence[Tick]) -> None:
        if self.broken:
            raise OSError(28, "No space left on device")
        await super().write(ticks)


class SaysItTookAll(Breakable):
    async def write(self, ticks: Sequence[Tick]) -> None:
        if not self.broken:
            await super().write(ticks)


class Shows(MemorySink):
    def __repr__(self) -> str:
        return "Shows(password='hunter2-hunter2')"


class Logs(MemorySink):
    async def write(self, ticks: Sequence[Tick]) -> None:
        logging.getLogger("odd").debug("as %s", "hunter2-hunter2")
        await super().write(ticks)


class Kept(MemorySink):
    """Keeps what it holds in a list of the case; a subclass loses some of it."""

    def __init__(self, file: list[Tick], context: SinkContext) -> None:
        super().__init__()
        self.file = file

    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks)
        self.file.extend(ticks)


class LosesItsTail(Kept):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write(ticks)
        if len(self.file) > 100:
            del self.file[-1]


class BeginsAnew(Kept):
    def __init__(self, file: list[Tick], context: SinkContext) -> None:
        super().__init__(file, context)
        file.clear()


def kept(kind: type[Kept] = Kept) -> SinkCase:
    file: list[Tick] = []

    @asynccontextmanager
    async def opens(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
        yield kind(file, context)

    return replace(case_of(opens), stored_after=lambda: file)


class Rows(Kept):
    """Keeps some columns of trades in a file of rows, as in the how-to."""

    columns = ("instrument", "id", "price")

    async def write(self, ticks: Sequence[Tick]) -> None:
        await MemorySink.write(self, ticks)
        self.file.extend(self.row(tick) for tick in ticks if isinstance(tick, Trade))  # type: ignore[misc]

    def row(self, tick: Tick) -> str:
        return ",".join(str(getattr(tick, column)) for column in self.columns)


class SwapsColumns(Rows):
    columns = ("instrument", "price", "id")


class RepeatsRows(Rows):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write([*ticks, *ticks])


class LosesRows(Rows):
    async def write(self, ticks: Sequence[Tick]) -> None:
        await super().write([tick for tick in ticks if tick.provider != "tape"])


def rows(kind: type[Rows] = Rows) -> SinkCase:
    case = kept(kind)
    return replace(
        case,
        stored=lambda sink: list(sink.file),  # type: ignore[attr-defined]
        keeps=lambda tick: f"{tick.instrument},{tick.id},{tick.price}" if isinstance(tick, Trade) else None,
    )


def breakable(kind: type[Breakable] = Breakable) -> SinkCase:
    def breaks(sink: Sink) -> None:
        assert isinstance(sink, Breakable)
        sink.broken = True

    return replace(case_of(kind=kind), breaks=breaks)


class Choosy(Settings, frozen=True):
    usable: bool = True


def choosy(error: Exception | None) -> SinkCase:
    @asynccontextmanager
    async def opens(settings: Choosy, context: SinkContext) -> AsyncIterator[MemorySink]:
        if not settings.usable and error is not None:
            raise error
        yield MemorySink()

    case = case_of(opens)
    return replace(
        case, spec=replace(case.spec, settings=Choosy), settings=Choosy(), unusable=Choosy(usable=False)
    )


def secretive(kind: type[MemorySink] = MemorySink) -> SinkCase:
    return replace(case_of(kind=kind), secrets=["hunter2-hunter2"])


@asynccontextmanager
async def sound(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
    yield MemorySink()


@asynccontextmanager
async def fails_to_close(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
    yield MemorySink()
    raise RuntimeError("never written to")


@asynccontextmanager
async def swallows(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
    with contextlib.suppress(Exception):
        yield MemorySink()


@asynccontextmanager
async def groups(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
    async with anyio.create_task_group():
        yield MemorySink()


def case_of(opens: object = sound, kind: type[MemorySink] | None = None) -> SinkCase:
    @asynccontextmanager
    async def open_kind(settings: Empty, context: SinkContext) -> AsyncIterator[MemorySink]:
        assert kind is not None
        yield kind()

    def stored(sink: Sink) -> Sequence[Tick]:
        assert isinstance(sink, MemorySink)
        return sink.ticks

    spec = sink_spec(name="odd", summary="odd", settings=Empty, open=opens if kind is None else open_kind)  # type: ignore[arg-type]
    context = SinkContext(name="it", feed="f", clock=ManualClock(), base_dir=Path())
    return SinkCase(spec=spec, settings=Empty(), context=context, stored=stored)


class TestASoundSink(SinkConformance):
    @pytest.fixture
    def case(self) -> SinkCase:
        return case_of()


SOUND = case_of()
BROKEN: list[tuple[str, SinkCase]] = [
    ("S01", replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose())),  # type: ignore[arg-type]
    ("S02", case_of(fails_to_close)),
    ("S03", case_of(kind=Reverses)),
    ("S03", case_of(kind=HoldsBack)),
    ("S03", case_of(kind=Rounds)),
    ("S03", case_of(kind=DropsZeros)),
    ("S03", case_of(kind=CountsMilliseconds)),
    ("S03", case_of(kind=GoesByIds)),
    ("S03", case_of(kind=SortsByTime)),
    ("S03", case_of(kind=TakesNoTickTwice)),
    ("S03", rows(SwapsColumns)),
    ("S03", rows(RepeatsRows)),
    ("S04", case_of(kind=ForgetsGaps)),
    ("S05", case_of(kind=EmptiesTheList)),
    ("S06", case_of(swallows)),
    ("S06", case_of(groups)),
    ("S07", case_of(kind=NoCheckpoint)),
    ("S07", case_of(kind=WritesHalf)),
    ("S07", replace(case_of(kind=NoCheckpoint), stored=None)),
    ("S08", kept(LosesItsTail)),
    ("S09", kept(BeginsAnew)),
    ("S10", case_of(kind=Blocks)),
    ("S08", rows(SwapsColumns)),
    ("S11", case_of(kind=FailsInAFeed)),
    ("S11", rows(LosesRows)),
    ("S11", replace(rows(LosesRows), stored_after=None)),
    ("S12", breakable(Untranslated)),
    ("S12", breakable(SaysItTookAll)),
    ("S13", choosy(None)),
    ("S13", choosy(OSError(13, "Permission denied"))),
    ("S14", secretive(Shows)),
    ("S14", secretive(Logs)),
]


class TestASinkThatKeeps(SinkConformance):
    @pytest.fixture
    def case(self) -> SinkCase:
        return kept()


class TestASinkOfRows(SinkConformance):
    @pytest.fixture
    def case(self) -> SinkCase:
        return rows()


UNREAD = replace(SOUND, stored=None)
NO_ROWS = replace(rows(), stored=lambda _: [], stored_after=list, keeps=lambda _: None)


@pytest.mark.parametrize(
    ("number", "case", "words"),
    [
        *(
            (number, UNREAD, "the case cannot read back what was stored")
            for number in ("S03", "S04", "S07", "S11")
        ),
        *((number, NO_ROWS, "keeps nothing of what was written") for number in ("S03", "S04", "S08", "S11")),
        ("S04", rows(), "odd keeps no gaps"),
    ],
)
def test_where_nothing_was_compared_nothing_is_kept(number: str, case: SinkCase, words: str) -> None:
    """A law that looked at nothing is skipped, and says so."""
    with pytest.raises(SkipTest, match=words):
        getattr(SinkConformance(), check_of(SinkConformance, number))(case)


def test_what_differs_is_told() -> None:
    """The first thing that is not as it should be, beside what it should be."""
    with pytest.raises(
        AssertionError, match=re.escape("'BTC/USDT,100.00,1' in place of 'BTC/USDT,1,100.00'")
    ):
        SinkConformance().test_what_was_written_is_there_after_closing(rows(SwapsColumns))


class TestASinkThatCanBreak(SinkConformance):
    @pytest.fixture
    def case(self) -> SinkCase:
        return replace(breakable(), secrets=["hunter2-hunter2"])


class TestAChoosySink(SinkConformance):
    @pytest.fixture
    def case(self) -> SinkCase:
        return choosy(SinkError("no such folder: make it"))


def test_there_is_a_broken_sink_for_every_law() -> None:
    """No law goes unproven."""
    expect_all_proven(SinkConformance, [number for number, _ in BROKEN])


@pytest.mark.parametrize(("number", "case"), BROKEN)
def test_each_law_can_be_broken(number: str, case: SinkCase) -> None:
    """The broken sink breaks the law that is about its fault, by its number."""
    expect_broken(SinkConformance, number, case)
