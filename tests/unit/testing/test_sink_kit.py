"""Each check of the sink kit can fail: one deliberately broken sink a check."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import anyio.lowlevel
import msgspec
import pytest

from ticktrail.model import Tick
from ticktrail.plugin import Settings, Sink, SinkContext, sink_spec
from ticktrail.testing import ManualClock, MemorySink, SinkCase, SinkConformance


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
    ("test_settings_are_strict", replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose())),  # type: ignore[arg-type]
    ("test_opens_and_closes_without_a_tick", case_of(fails_to_close)),
    ("test_takes_every_kind_of_tick_in_order", case_of(kind=Reverses)),
    ("test_takes_every_kind_of_tick_in_order", case_of(kind=HoldsBack)),
    ("test_closes_after_an_error", case_of(swallows)),
    ("test_closes_after_an_error", case_of(groups)),
    ("test_write_can_be_cancelled", case_of(kind=NoCheckpoint)),
    ("test_write_can_be_cancelled", case_of(kind=WritesHalf)),
]


def test_there_is_a_broken_sink_for_every_check() -> None:
    """No check goes unproven."""
    assert {check for check, _ in BROKEN} == {
        name for name in dir(SinkConformance) if name.startswith("test_")
    }


@pytest.mark.parametrize(("check", "case"), BROKEN)
def test_each_check_can_fail(check: str, case: SinkCase) -> None:
    """The broken sink fails the check that is about its fault."""
    with pytest.raises((AssertionError, RuntimeError)):
        getattr(SinkConformance(), check)(case)
