"""The built-in sinks keep the contract that a third party's sink must keep."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ticktrail._sinks.console import ConsoleSettings, ConsoleSink
from ticktrail._sinks.jsonl import JsonlSettings, JsonlSink
from ticktrail._sinks.memory import MemorySettings
from ticktrail._sinks.plugin import ticktrail_sinks
from ticktrail.model import Tick
from ticktrail.plugin import Sink, SinkContext
from ticktrail.testing import ManualClock, MemorySink, SinkCase, SinkConformance, make_trade
from ticktrail.wire import decode_line

SPECS = {spec.name: spec for spec in ticktrail_sinks()}


def context(base_dir: Path) -> SinkContext:
    return SinkContext(name="it", feed="btc", clock=ManualClock(), base_dir=base_dir)


def _fill_the_disk(sink: Sink) -> None:
    assert isinstance(sink, JsonlSink)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, sink._descriptor)
    os.close(full)


class TestJsonl(SinkConformance):
    append = True

    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        path = tmp_path / "out" / "ticks.jsonl"

        def stored_after() -> Sequence[Tick]:
            return [decode_line(line) for line in path.read_bytes().splitlines()]

        return SinkCase(
            spec=SPECS["jsonl"],
            settings=JsonlSettings(path="out/ticks.jsonl", append=self.append),
            context=context(tmp_path),
            stored=lambda _: stored_after(),
            stored_after=stored_after,
            breaks=_fill_the_disk,
            unusable=JsonlSettings(path="no/such/folder/ticks.jsonl"),
        )


class TestJsonlOnAsyncio(TestJsonl):
    backend = "asyncio"


class TestJsonlThatEmptiesItsFile(TestJsonl):
    append = False


class TestMemory(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        def stored(sink: Sink) -> Sequence[Tick]:
            assert isinstance(sink, MemorySink)
            return sink.ticks

        return SinkCase(
            spec=SPECS["memory"], settings=MemorySettings(), context=context(tmp_path), stored=stored
        )


def _close_it(sink: Sink) -> None:
    assert isinstance(sink, ConsoleSink)
    sink.broken = BrokenPipeError(32, "Broken pipe")


class TestConsole(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        return SinkCase(
            spec=SPECS["console"],
            settings=ConsoleSettings(),
            context=context(tmp_path),
            stored=None,
            breaks=_close_it,
        )


class TestConsoleOnAsyncio(TestConsole):
    backend = "asyncio"


@pytest.mark.anyio
async def test_memory_keeps_the_last_ticks_only() -> None:
    """The bound holds; what gave way is counted."""
    sink = MemorySink(keep=3)
    await sink.write([make_trade(id=number) for number in range(10)])
    assert [tick.id for tick in sink.ticks] == [7, 8, 9]  # type: ignore[union-attr]
    assert sink.written == 10
