"""Carry delivered ticks to one sink, within a bound and by a declared policy.

Owns: what happens when the queue before a sink is full, how long the route may wait for it, and the sink's isolation
from the rest of the feed.
Never: drops silently: what is given up is counted, published, and told to the sink with a `Gap`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import anyio
import anyio.abc

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.known_secrets import without_secrets
from ticktrail._contracts.sink import Sink, SinkContext
from ticktrail._engine.backlog import Backlog
from ticktrail._engine.bus import Bus
from ticktrail._engine.mark import Mark
from ticktrail._engine.tally import Tally
from ticktrail._host.hooks import place_of
from ticktrail._plan.model import SinkPlan
from ticktrail._tracing.batches import BatchTraces
from ticktrail.errors import ConfigError, FeedError, SinkError
from ticktrail.events import SinkDropped, SinkFailed, SinkLagging
from ticktrail.model import Tick
from ticktrail.status import SinkStatus

__all__ = ["Lane"]

_LOG = logging.getLogger("ticktrail.sinks")


class Lane:
    """One sink's queue; `follow` follows some batches, where the feed is traced."""

    def __init__(self, plan: SinkPlan, *, context: SinkContext, clock: Clock, bus: Bus, tally: Tally) -> None:
        self.name = plan.name
        self.follow: BatchTraces | None = None
        self._plan = plan
        self._context = context
        self._clock = clock
        self._bus = bus
        self._tally = tally
        self._backlog = Backlog(plan.queue_ticks, conflates=plan.on_overflow == "conflate")
        self._outside: Sequence[Tick] = ()  # of the batch that the route waits with, what has no room yet
        self._outside_ns = 0
        self._lagging = False
        self._spent = False  # the route has waited as long as it may since the sink last took something
        self._filled = anyio.Event()
        self._admitted = anyio.Event()
        self._closed = False
        self._writing = False
        self._marks: list[Mark] = []
        self.waits_until_s = math.inf
        self.failed: str | None = None

    def status(self) -> SinkStatus:
        """Return how the lane stands."""
        return SinkStatus(
            queued=self.queued,
            bound=self._plan.queue_ticks,
            written=self._tally.written[self.name],
            dropped=self._tally.dropped[self.name],
            failed=self.failed,
        )

    @property
    def queued(self) -> int:
        """How many ticks wait for the sink, those of a batch that the route waits with among them."""
        return self._backlog.queued + len(self._outside)

    def offer(self, ticks: Sequence[Tick], mono_ns: int) -> bool:
        """Queue the ticks of one batch as far as there is room; False: the route must wait in `admitted`.

        The lane's own task lets in the rest as room comes, so that one lane never waits for another.

        Raises:
            SinkError: The lane is full and its policy is to halt the feed.
        """
        if self.failed is not None:
            self._tally.dropped[self.name] += len(ticks)
            return True
        policy, backlog = self._plan.on_overflow, self._backlog
        if policy == "halt" and not backlog.fits(len(ticks)):
            raise SinkError(
                f"sink {self.name!r} is {backlog.queued} ticks behind, {len(ticks)} more have no room, and its "
                f'on_overflow is "halt": make the sink faster, raise queue_ticks, or choose another on_overflow'
            )
        if policy == "conflate" and not backlog.fits(len(ticks)):
            ticks, superseded = backlog.conflate(ticks)
            self._say_dropped(superseded, policy)
        if not backlog.fits(len(ticks)) and (policy == "drop_oldest" or self._spent):
            self._push_out(ticks, mono_ns)
            return True
        self._outside = backlog.add(mono_ns, ticks)
        self._filled.set()
        if not self._outside:
            return True
        self._outside_ns = mono_ns
        self._admitted = anyio.Event()
        limit_s = self._plan.max_block_s
        self.waits_until_s = math.inf if limit_s is None else anyio.current_time() + limit_s
        if not self._lagging:
            self._lagging = True
            self._bus.publish(SinkLagging(at_ns=self._clock.now_ns(), sink=self.name, queued=self.queued))
        return False

    async def admitted(self) -> None:
        """Wait until the batch that was offered is queued, until `waits_until_s` at most; then the oldest give way."""
        with anyio.CancelScope(deadline=self.waits_until_s):
            await self._admitted.wait()
        if self._outside:
            self._spent = True
            self._push_out(self._outside, self._outside_ns)

    def mark(self, mark: Mark) -> None:
        """Tell the mark when all that is queued now was written, or given up, as a failed lane gives up everything."""
        mark.await_lane()
        if self.failed is None and (self._backlog.queued or self._writing):
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
        self._say_dropped(self._clear(), "stop deadline")

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
                raise SinkError(
                    f"sink {self.name!r} cannot be opened: {_in_words(exc)}; check its table in the feed file, or mend "
                    "its plugin"
                ) from exc
            self._fail(exc)
        finally:
            self._pass_marks(len(self._marks), is_whole=False)

    async def _drain_into(self, sink: Sink) -> None:
        backlog = self._backlog
        while True:
            if not backlog.queued:
                if self._closed:
                    return
                self._filled = anyio.Event()
                await self._filled.wait()
                continue
            # All that is queued, which the lane's bound holds down, in one write.
            taken, marks = backlog.take(), len(self._marks)
            ticks = backlog.gaps()
            gaps = len(ticks)
            for _, batch in taken:
                ticks.extend(batch)
            self._let_in()
            written = False
            self._writing = True
            if self.follow is not None:
                self.follow.taken(self.name, taken)
            try:
                await sink.write(ticks)
                written = True
            finally:
                self._writing = False
                if not written:
                    self._tally.dropped[self.name] += len(ticks) - gaps
            self._pass_marks(marks if backlog.queued else len(self._marks))
            self._tally.written[self.name] += len(ticks) - gaps
            if self.follow is not None:
                self.follow.written(self.name, taken)
            done_ns = self._clock.mono_ns()
            for mono_ns, batch in taken:
                self._tally.latency.add(done_ns - mono_ns, len(batch))

    def _let_in(self) -> None:
        """The sink has taken something: queue what the route waits with, as far as there is room now."""
        self._lagging = self._spent = False
        if self._outside:
            self._outside = self._backlog.add(self._outside_ns, self._outside)
            if not self._outside:
                self._admitted.set()

    def _fail(self, exc: Exception) -> None:
        self.failed = without_secrets(_in_words(exc))  # such as a database's address
        _LOG.debug("the sink %s failed, here by:", self.name, exc_info=exc)
        self._tally.dropped[self.name] += self._clear()
        self._bus.publish(
            SinkFailed(
                at_ns=self._clock.now_ns(),
                sink=self.name,
                cause=self.failed,
                dropped=self._tally.dropped[self.name],
            )
        )

    def _clear(self) -> int:
        """Give up all that waits, the route with it; returns how many ticks that were."""
        given_up = self.queued
        self._backlog.take()
        self._outside = ()
        self._admitted.set()
        return given_up

    def _pass_marks(self, first: int, *, is_whole: bool = True) -> None:
        """Tell the first so many marks that what was queued before them was written, or given up."""
        passed = self._marks[:first]
        del self._marks[:first]
        for mark in passed:
            mark.arrive(is_whole=is_whole)

    def _push_out(self, ticks: Sequence[Tick], mono_ns: int) -> None:
        """Queue the ticks in place of the oldest ones."""
        self._outside = ()
        policy = self._plan.on_overflow
        self._say_dropped(
            self._backlog.push(mono_ns, ticks),
            policy if policy == "drop_oldest" else f"{policy}, max_block_s reached",
        )
        self._filled.set()

    def _say_dropped(self, dropped: int, policy: str) -> None:
        if dropped:
            self._tally.dropped[self.name] += dropped
            self._bus.publish(
                SinkDropped(at_ns=self._clock.now_ns(), sink=self.name, dropped=dropped, policy=policy)
            )


def _in_words(exc: Exception) -> str:
    """Return what a sink raised; where it was no error of ours, with the place, since nobody meant it."""
    where = "" if isinstance(exc, FeedError) or not (place := place_of(exc)) else f" (at {place})"
    return f"{type(exc).__name__}: {exc}{where}"
