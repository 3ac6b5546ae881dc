"""The built-in sinks keep the contract that a third party's sink must keep."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ticktrail._sinks.console import ConsoleSettings
from ticktrail._sinks.jsonl import JsonlSettings
from ticktrail._sinks.memory import MemorySettings
from ticktrail._sinks.plugin import ticktrail_sinks
from ticktrail.model import Tick
from ticktrail.plugin import Sink, SinkContext
from ticktrail.testing import ManualClock, MemorySink, SinkCase, SinkConformance, make_trade
from ticktrail.wire import decode_line

SPECS = {spec.name: spec for spec in ticktrail_sinks()}


def context(base_dir: Path) -> SinkContext:
    return SinkContext(name="it", feed="btc", clock=ManualClock(), base_dir=base_dir)


class TestJsonl(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        def stored(sink: Sink) -> Sequence[Tick]:
            return [
                decode_line(line) for line in (tmp_path / "out" / "ticks.jsonl").read_bytes().splitlines()
            ]

        return SinkCase(
            spec=SPECS["jsonl"],
            settings=JsonlSettings(path="out/ticks.jsonl"),
            context=context(tmp_path),
            stored=stored,
        )


class TestJsonlOnAsyncio(TestJsonl):
    backend = "asyncio"


class TestMemory(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        def stored(sink: Sink) -> Sequence[Tick]:
            assert isinstance(sink, MemorySink)
            return sink.ticks

        return SinkCase(
            spec=SPECS["memory"], settings=MemorySettings(), context=context(tmp_path), stored=stored
        )


class TestConsole(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        return SinkCase(
            spec=SPECS["console"], settings=ConsoleSettings(), context=context(tmp_path), stored=None
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
