"""Carry delivered ticks to one sink, within a bound and by a declared policy.

Owns: the queue before a sink, what happens when it is full, and the sink's isolation from the rest of the feed.
Never: drops silently: what is given up is counted, published, and told to the sink with a `Gap`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import anyio
import anyio.abc

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.sink import Sink, SinkContext
from ticktrail._engine.bus import Bus
from ticktrail._engine.mark import Mark
from ticktrail._engine.tally import Tally
from ticktrail._plan.model import SinkPlan
from ticktrail.errors import ConfigError, SinkError
from ticktrail.events import SinkDropped, SinkFailed, SinkLagging
from ticktrail.model import (
    CHANNEL_OF,
    BookSnapshot,
    Channel,
    Gap,
    InstrumentId,
    Quote,
    Tick,
    Ticker,
)

__all__ = ["Lane"]

CONFLATED = frozenset({Quote, Ticker, BookSnapshot})
"""Kinds that are a state: the newest of an instrument says all."""


class Lane:
    """One sink's queue."""

    def __init__(self, plan: SinkPlan, *, context: SinkContext, clock: Clock, bus: Bus, tally: Tally) -> None:
        self.name = plan.name
        self._plan = plan
        self._context = context
        self._clock = clock
        self._bus = bus
        self._tally = tally
        self._queue: deque[tuple[int, Sequence[Tick]]] = deque()
        self._queued = 0
        self._lost: dict[tuple[InstrumentId, Channel], tuple[Tick, Tick]] = {}
        self._lagging = False
        self._filled = anyio.Event()
        self._taken = anyio.Event()
        self._closed = False
        self._writing = False
        self._marks: list[Mark] = []
        self.failed: str | None = None

    async def offer(self, ticks: Sequence[Tick], mono_ns: int) -> None:
        """Queue the ticks of one batch; waits only where the policy is to block.

        Raises:
            SinkError: The lane is full and its policy is to halt the feed.
        """
        if self.failed is not None:
            self._tally.dropped[self.name] += len(ticks)
            return
        if self._queued and self._queued + len(ticks) > self._plan.queue_ticks:
            await self._make_room(len(ticks))
        self._queue.append((mono_ns, ticks))
        self._queued += len(ticks)
        self._filled.set()

    def mark(self, mark: Mark) -> None:
        """Tell the mark when all that is queued now was written, or given up, as a failed lane gives up everything."""
        mark.await_lane()
        if self.failed is None and (self._queue or self._writing):
            self._marks.append(mark)
        else:
            mark.arrive(is_whole=self.failed is None)

    def miss(self, ticks: int) -> None:
        """Count ticks that were delivered and could not be queued here any more."""
        self._tally.dropped[self.name] += ticks

    def close(self) -> None:
        """End the lane once it is drained."""
        self._closed = True
        self._filled.set()

    def abandon(self) -> None:
        """Count what a stop's deadline left unwritten."""
        if self._queued:
            self._tally.dropped[self.name] += self._queued
            self._bus.publish(
                SinkDropped(
                    at_ns=self._clock.now_ns(), sink=self.name, dropped=self._queued, policy="stop deadline"
                )
            )
            self._queue.clear()
            self._queued = 0

    async def run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Open the sink, write until the lane is closed and drained, close the sink.

        Raises:
            SinkError: The sink could not be opened. Later failures close this lane alone.
            ConfigError: The same, by fault of its settings.
        """
        opened = False
        try:
            async with self._plan.spec.open(self._plan.settings, self._context) as sink:
                opened = True
                task_status.started()
                await self._drain_into(sink)
        except Exception as exc:
            if not opened:
                if isinstance(exc, (SinkError, ConfigError)):
                    raise
                raise SinkError(f"sink {self.name!r} cannot be opened: {type(exc).__name__}: {exc}") from exc
            self._fail(exc)
        finally:
            self._pass_marks(len(self._marks), is_whole=False)

    async def _drain_into(self, sink: Sink) -> None:
        while True:
            if not self._queue:
                if self._closed:
                    return
                self._filled = anyio.Event()
                await self._filled.wait()
                continue
            taken, marks = self._take(), len(self._marks)
            self._lagging = False
            ticks = self._gaps()
            for _, batch in taken:
                ticks.extend(batch)
            self._taken.set()
            written = False
            self._writing = True
            try:
                await sink.write(ticks)
                written = True
            finally:
                self._writing = False
                if not written:
                    self._tally.dropped[self.name] += len(ticks)
            self._pass_marks(marks if self._queue else len(self._marks))
            self._tally.written[self.name] += len(ticks)
            done_ns = self._clock.mono_ns()
            for mono_ns, batch in taken:
                self._tally.latency.add(done_ns - mono_ns, len(batch))

    def _take(self) -> deque[tuple[int, Sequence[Tick]]]:
        """Take all that is queued, which the lane's bound holds down: one write for many batches."""
        taken, self._queue, self._queued = self._queue, deque(), 0
        return taken

    def _fail(self, exc: Exception) -> None:
        self.failed = f"{type(exc).__name__}: {exc}"
        self._tally.dropped[self.name] += self._queued
        self._bus.publish(
            SinkFailed(
                at_ns=self._clock.now_ns(),
                sink=self.name,
                cause=self.failed,
                dropped=self._tally.dropped[self.name],
            )
        )
        self._queue.clear()
        self._queued = 0
        self._taken.set()

    def _pass_marks(self, first: int, *, is_whole: bool = True) -> None:
        """Tell the first so many marks that what was queued before them was written, or given up."""
        passed = self._marks[:first]
        del self._marks[:first]
        for mark in passed:
            mark.arrive(is_whole=is_whole)

    async def _make_room(self, wanted: int) -> None:
        policy = self._plan.on_overflow
        if policy == "drop_oldest":
            self._drop_oldest(wanted)
        elif policy == "halt":
            raise SinkError(
                f'sink {self.name!r} is {self._queued} ticks behind and its on_overflow is "halt": make the sink '
                f"faster, raise queue_ticks, or choose another on_overflow"
            )
        elif policy == "conflate":
            self._conflate()
        while self.failed is None and self._queued and self._queued + wanted > self._plan.queue_ticks:
            if not self._lagging:
                self._lagging = True
                self._bus.publish(
                    SinkLagging(at_ns=self._clock.now_ns(), sink=self.name, queued=self._queued)
                )
            self._taken = anyio.Event()
            await self._taken.wait()

    def _drop_oldest(self, wanted: int) -> None:
        dropped = 0
        while self._queue and self._queued + wanted > self._plan.queue_ticks:
            _, ticks = self._queue.popleft()
            self._queued -= len(ticks)
            dropped += self._lose(ticks)
        self._say_dropped(dropped)

    def _conflate(self) -> None:
        newest: set[tuple[type, InstrumentId]] = set()
        kept: deque[tuple[int, Sequence[Tick]]] = deque()
        for mono_ns, ticks in reversed(self._queue):
            rest: list[Tick] = []
            for tick in reversed(ticks):
                key = (type(tick), tick.instrument)
                if key[0] in CONFLATED:
                    if key in newest:
                        continue
                    newest.add(key)
                rest.append(tick)
            if rest:
                rest.reverse()
                kept.appendleft((mono_ns, rest))
        before, self._queue = self._queued, kept
        self._queued = sum(len(ticks) for _, ticks in kept)
        self._tally.dropped[self.name] += before - self._queued
        self._say_dropped(before - self._queued)

    def _lose(self, ticks: Sequence[Tick]) -> int:
        for tick in ticks:
            channel = CHANNEL_OF.get(type(tick))
            if channel is not None:
                first, _ = self._lost.get((tick.instrument, channel), (tick, tick))
                self._lost[tick.instrument, channel] = (first, tick)
        self._tally.dropped[self.name] += len(ticks)
        return len(ticks)

    def _say_dropped(self, dropped: int) -> None:
        if dropped:
            self._bus.publish(
                SinkDropped(
                    at_ns=self._clock.now_ns(),
                    sink=self.name,
                    dropped=dropped,
                    policy=self._plan.on_overflow,
                )
            )

    def _gaps(self) -> list[Tick]:
        """Tell the sink what it did not get since its last write."""
        gaps: list[Tick] = [
            Gap(
                instrument=instrument,
                provider=last.provider,
                event_ns=None,
                recv_ns=last.recv_ns,
                channel=channel,
                from_id=_id_of(first),
                to_id=_id_of(last),
                from_ns=first.recv_ns,
                to_ns=last.recv_ns,
                cause="overflow",
            )
            for (instrument, channel), (first, last) in self._lost.items()
        ]
        self._lost.clear()
        return gaps


def _id_of(tick: Tick) -> int | None:
    number = getattr(tick, "id", None)
    return number if type(number) is int else None
