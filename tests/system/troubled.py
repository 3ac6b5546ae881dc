"""A stranger's sinks, one of each trouble that a sink can have: to be installed, as a distribution of its own."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import anyio

from ticktrail.model import Gap, Trade
from ticktrail.plugin import Settings, hookimpl, sink_spec

TICKTRAIL_API = 1
SLOW_S = 0.01


class PathSettings(Settings, frozen=True):
    path: str


class Fast:
    """Counts, and looks for a trade that was left out or came twice."""

    def __init__(self):
        self.seen = {"ticks": 0, "gaps": 0, "trades": 0, "out_of_line": 0}
        self._last = {}

    async def write(self, ticks):
        seen = self.seen
        seen["ticks"] += len(ticks)
        for tick in ticks:
            if isinstance(tick, Trade):
                seen["trades"] += 1
                last = self._last.get(tick.instrument)
                seen["out_of_line"] += last is not None and tick.id != last + 1
                self._last[tick.instrument] = tick.id
            elif isinstance(tick, Gap):
                seen["gaps"] += 1


class Hanging:
    async def write(self, ticks):
        await anyio.sleep_forever()


class Slow:
    async def write(self, ticks):
        for _ in ticks:
            await anyio.sleep(SLOW_S)


class Raising:
    async def write(self, ticks):
        raise ZeroDivisionError("this sink always fails")


@asynccontextmanager
async def open_fast(settings, context):
    sink = Fast()
    try:
        yield sink
    finally:
        (context.base_dir / settings.path).write_text(json.dumps(sink.seen), encoding="utf-8")


def opens(sink):
    @asynccontextmanager
    async def open_sink(settings, context):
        yield sink()

    return open_sink


@hookimpl
def ticktrail_sinks():
    return [
        sink_spec(name="fast", summary="counts", settings=PathSettings, open=open_fast),
        sink_spec(name="hanging", summary="never returns", settings=Settings, open=opens(Hanging)),
        sink_spec(name="slow", summary="10 ms a tick", settings=Settings, open=opens(Slow)),
        sink_spec(name="raising", summary="always fails", settings=Settings, open=opens(Raising)),
    ]
