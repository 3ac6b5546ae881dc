"""Run a small feed around a sink or an observer: a leg with a tape of trades, and a sound sink beside it.

Owns: that feed, and what was seen of it.
Never: opens a socket; the leg brings what it is told.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import anyio
import anyio.abc

from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail._plan.model import ObserverPlan, Plan, SinkPlan
from ticktrail._sinks.memory import MemorySink
from ticktrail.events import SinkFailed
from ticktrail.model import Tick
from ticktrail.plugin import (
    API_VERSION,
    Capabilities,
    Intake,
    ObserverContext,
    ObserverSpec,
    ProviderContext,
    Record,
    Registry,
    Settings,
    Sink,
    SinkContext,
    SinkSpec,
    hookimpl,
    provider_spec,
    sink_spec,
)
from ticktrail.testing._ticks import make_trade

__all__ = ["Seen", "run_beside_a_sound_sink", "run_with_observer"]

_LIMIT_S = 30.0
_TICKS = 300
_BATCH = 10
_FEED = """\
[feed]
name = "conformance"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[route]
kind = "provider"
provider = "tape"
[providers.tape]
plugin = "conformance_tape"
[clock]
servers = []
[validation]
max_age_s = false
max_clock_offset_ms = false
"""


@dataclass(slots=True)
class Seen:
    """What became of a feed.

    Attributes:
        given: What the sound sink beside it took.
        expected: How many ticks the leg brought.
        written: How many the sink under test was given, and returned for.
        failed: Why its lane was closed; None where it was not.
        error: What came out of the sink under test, while it was open or at its closing.
        stored: What it held before it was closed, where that was to be read.
    """

    given: list[Tick] = field(default_factory=list)
    expected: int = _TICKS
    written: int = 0
    failed: str | None = None
    error: Exception | None = None
    stored: Sequence[object] = ()


class _Tape:
    def __init__(self, settings: Settings, context: ProviderContext) -> None:
        del settings
        self._context = context

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick]:
        del payloads, recv_ns
        return ()

    def wants(self, payload: bytes) -> bool:
        del payload
        return True

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        clock, name = self._context.clock, self._context.name
        for first in range(1, _TICKS + 1, _BATCH):
            ticks = [
                make_trade(id=number, provider=name, event_ns=None, recv_ns=clock.now_ns())
                for number in range(first, first + _BATCH)
            ]
            await intake.ticks(ticks, recv_ns=ticks[0].recv_ns, mono_ns=clock.mono_ns())
        await anyio.sleep_forever()


def _capabilities(settings: Settings, registry: Registry) -> Capabilities:
    del settings, registry
    return Capabilities(channels=frozenset({"trades"}))


_TAPE = provider_spec(
    name="conformance_tape",
    summary="trades of the conformance kit",
    settings=Settings,
    open=_Tape,
    describe=_capabilities,
)


def run_beside_a_sound_sink(
    spec: SinkSpec,
    settings: Settings,
    context: SinkContext,
    *,
    backend: str,
    breaks: Callable[[Sink], None] | None = None,
    reads: Callable[[Sink], Sequence[object]] | None = None,
) -> Seen:
    """Run a feed of 300 trades into the sink and a sound one.

    Args:
        spec: The sink's.
        settings: The sink's.
        context: What the sink is told, in place of the feed's own.
        backend: The event loop.
        breaks: Called with the sink as soon as it is open.
        reads: Reads back what the sink holds, before it is closed.

    Raises:
        FeedError: The feed ended before its time.
        TimeoutError: It did not end.
    """
    seen = Seen()
    beside = MemorySink()

    @asynccontextmanager
    async def open_it(_settings: Settings, _context: SinkContext) -> AsyncIterator[Sink]:
        try:
            async with spec.open(settings, context) as sink:
                if breaks is not None:
                    breaks(sink)
                yield sink
                if reads is not None:
                    seen.stored = list(reads(sink))
        except Exception as exc:
            seen.error = exc
            raise

    @asynccontextmanager
    async def open_beside(_settings: Settings, _context: SinkContext) -> AsyncIterator[Sink]:
        yield beside

    def watch(record: Record) -> None:
        if isinstance(record, SinkFailed) and record.sink == "tested":
            seen.failed = record.cause

    async def session(folder: str) -> None:
        sinks = (
            _lane("tested", sink_spec(name="tested", summary="under test", settings=Settings, open=open_it)),
            _lane("beside", sink_spec(name="beside", summary="sound", settings=Settings, open=open_beside)),
        )
        with anyio.fail_after(_LIMIT_S):
            runner = Runner(_plan(Path(folder)), sinks=sinks, max_ticks=_TICKS, listener=watch)
            report = await runner.run()
        seen.given = list(beside.ticks)
        seen.written = report.sinks["tested"].written

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(session, folder, backend=backend)
    return seen


def run_with_observer(
    spec: ObserverSpec,
    settings: Settings,
    context: Callable[[ObserverContext], ObserverContext],
    *,
    backend: str,
) -> Seen:
    """Run a feed of 300 trades into a sound sink, with the observer.

    Args:
        spec: The observer's.
        settings: The observer's.
        context: Makes what the observer is told out of what the feed would tell it.
        backend: The event loop.

    Raises:
        FeedError: The feed ended before its time.
        TimeoutError: It did not end.
    """
    seen = Seen()
    beside = MemorySink()

    @asynccontextmanager
    async def open_beside(_settings: Settings, _context: SinkContext) -> AsyncIterator[Sink]:
        yield beside

    async def session(folder: str) -> None:
        opens = replace(spec, open=lambda settings, told: spec.open(settings, context(told)))
        plan = replace(_plan(Path(folder)), observers=(ObserverPlan(spec=opens, settings=settings),))
        lane = _lane("beside", sink_spec(name="beside", summary="sound", settings=Settings, open=open_beside))
        with anyio.fail_after(_LIMIT_S):
            await Runner(plan, sinks=(lane,), max_ticks=_TICKS).run()
        seen.given = list(beside.ticks)

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(session, folder, backend=backend)
    return seen


def _lane(name: str, opens: SinkSpec) -> SinkPlan:
    return SinkPlan(name=name, spec=opens, settings=Settings(), on_overflow="block", queue_ticks=100)


def _plan(folder: Path) -> Plan:
    path = folder / "feed.toml"
    path.write_text(_FEED, encoding="utf-8")
    provides = hookimpl(lambda: [_TAPE], specname="ticktrail_providers")
    plugin = SimpleNamespace(TICKTRAIL_API=API_VERSION, ticktrail_providers=provides)
    return compose(path, Host.load(plugins={"conformance": plugin}))
