from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from ticktrail.model import Tick
from ticktrail.plugin import Settings, Sink, SinkContext, SinkSpec, hookimpl, sink_spec

TICKTRAIL_API = 1


class CountSettings(Settings, frozen=True):
    """The sink's own keys in its [[sinks]] table."""

    path: str


class CountingSink:
    """Keeps the number of ticks in a file."""

    def __init__(self, path: Path, count: int) -> None:
        self._path = anyio.Path(path)
        self._count = count

    async def write(self, ticks: Sequence[Tick]) -> None:
        count = self._count + len(ticks)
        await self._path.write_text(f"{count}\n")
        self._count = count  # a write that was cancelled has counted nothing


@asynccontextmanager
async def open_sink(settings: CountSettings, context: SinkContext) -> AsyncIterator[Sink]:
    path = context.base_dir / settings.path
    goes_on = context.resumes and await anyio.Path(path).exists()  # the run before has counted already
    yield CountingSink(path, int(await anyio.Path(path).read_text()) if goes_on else 0)


@hookimpl
def ticktrail_sinks() -> Iterable[SinkSpec]:
    return [sink_spec(name="count", summary="count ticks in a file", settings=CountSettings, open=open_sink)]
