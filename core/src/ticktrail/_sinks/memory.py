"""Keep the last ticks in memory: for tests, embedding and dry runs.

Owns: a bounded queue.
Never: grows beyond its bound; the oldest ticks give way, and are counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio.lowlevel

from ticktrail.model import Tick
from ticktrail.plugin import Settings, SinkContext, sink_spec

__all__ = ["SPEC", "MemorySettings", "MemorySink"]

_MAX_KEEP = 10_000_000


class MemorySettings(Settings, frozen=True):
    """`keep` is how many ticks are held; older ones give way."""

    keep: int = 10_000
    """How many ticks are held; older ones give way."""

    def __post_init__(self) -> None:
        """Refuse a bound that is none."""
        if not 1 <= self.keep <= _MAX_KEEP:
            raise ValueError(f"keep must be 1 to {_MAX_KEEP} ticks; it is {self.keep}")


class MemorySink:
    """A sink that holds the last `keep` ticks.

    Attributes:
        written: Ticks taken so far, those that gave way included.
    """

    def __init__(self, *, keep: int = 10_000) -> None:
        self._held: deque[Tick] = deque(maxlen=keep)
        self.written = 0

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """The ticks held, oldest first."""
        return tuple(self._held)

    async def write(self, ticks: Sequence[Tick]) -> None:
        """Take the ticks, in order."""
        await anyio.lowlevel.checkpoint()
        self._held.extend(ticks)
        self.written += len(ticks)


@asynccontextmanager
async def _open(settings: MemorySettings, context: SinkContext) -> AsyncIterator[MemorySink]:  # noqa: ARG001 - contract
    yield MemorySink(keep=settings.keep)


SPEC = sink_spec(
    name="memory",
    summary="keep the last ticks in memory (tests, embedding, dry runs)",
    settings=MemorySettings,
    open=_open,
)
