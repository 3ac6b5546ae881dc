"""Run a feed inside another program.

Owns: `open_feed`, and the feed that it gives.
Never: reads a clock or a socket of its own; the engine does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ticktrail._contracts.settings import Settings
from ticktrail._contracts.sink import Sink, SinkContext, sink_spec
from ticktrail._engine.cache import KEPT
from ticktrail._engine.fetch import Fetcher
from ticktrail._engine.runner import Runner
from ticktrail._plan.compose import compose
from ticktrail._plan.model import Plan, SinkPlan
from ticktrail.errors import ConfigError
from ticktrail.health import LegHealth
from ticktrail.latest import Latest
from ticktrail.model import CHANNEL_OF, Channel, InstrumentId, ProviderId, Tick
from ticktrail.report import Report
from ticktrail.status import FeedStatus

__all__ = ["Feed", "open_feed"]

EMBEDDED = "feed"
"""The name of the embedding program's own lane in reports and events."""


class Feed:
    """A running feed: iterate it for every delivered tick, in order.

    A loop may be left and another one begun: it goes on with the next tick. Within what was delivered together the
    iteration does not yield to other tasks.
    """

    def __init__(self, runner: Runner, ticks: MemoryObjectReceiveStream[Sequence[Tick]], plan: Plan) -> None:
        self._runner = runner
        assert runner.cache is not None  # noqa: S101 - it was told to keep the latest values
        self._cache = runner.cache
        self._fetcher = Fetcher(plan, runner.cache, clock=runner.clock, tell=runner.tell)
        self._delivered = _Delivered(ticks)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Tick:
        delivered = self._delivered
        while True:
            for tick in delivered.rest:
                return tick
            delivered.rest = iter(await anext(delivered))

    def batches(self) -> AsyncIterator[Sequence[Tick]]:
        """Iterate over what the route delivered since the last time, some thousands of ticks at most: the fast way."""
        return self._delivered

    def latest(self, instrument: str, channel: Channel) -> Latest | None:
        """Return the value that the feed delivered last, at once, whether the loop has come to it or not.

        Args:
            instrument: As the feed file names it.
            channel: ``trades``, ``agg_trades``, ``quotes``, ``ticker`` or ``bars``; of others nothing is kept.

        Returns:
            The value, its age, and whether it is stale; None where none was delivered yet, or it had to go.

        Raises:
            ConfigError: The feed has no such instrument or channel, or nothing is kept of the channel.
        """
        plan = self._runner.plan
        if instrument not in plan.instruments:
            raise ConfigError(f"the feed has no {instrument}; it has {', '.join(plan.instruments[:10])}")
        kept = sorted({CHANNEL_OF[kind] for kind in KEPT} & plan.channels)
        if channel not in kept:
            raise ConfigError(
                f"nothing is kept of {channel} in this feed; of {', '.join(kept) or 'nothing'} it is"
            )
        return self._cache.get(InstrumentId(instrument), channel, self._runner.clock.mono_ns())

    async def fetch_latest(self, instrument: str, channel: Channel) -> Latest | None:
        """Return the latest value; where `latest` has none that is fresh, ask the archive of a leg that has one.

        Those who ask for the same at the same time share one question, its answer and its error. An answer is good for
        ``[cache] ttl_s``, an error is not remembered. What is fetched is marked as `backfilled`; it is not delivered,
        and no rule has judged it.

        Args:
            instrument: As the feed file names it.
            channel: A channel of which a leg has a history, as ``ticktrail check`` tells.

        Returns:
            The younger of what was delivered and what was fetched; None where neither is there: nothing happened
            within the last hour.

        Raises:
            ConfigError: No leg has a history of it.
            TransientError: No archive could be asked now.
            PermanentError: None will answer.
        """
        self._fetcher.plan = self._runner.plan  # its instruments may have changed
        return await self._fetcher.fetch(InstrumentId(instrument), channel)

    def health(self) -> Mapping[ProviderId, LegHealth]:
        """Return how each leg does now: state, uptime, rejects, delays and silence, by instrument too."""
        return self._runner.health()

    def status(self) -> FeedStatus | None:
        """Return how the feed stands: route, legs, sinks, observers and clock; None before its sources have begun."""
        return self._runner.status()

    def stop(self) -> None:
        """End the sources; the iteration ends once what they brought is delivered."""
        self._runner.stop()

    @property
    def ended(self) -> bool:
        """Whether everything was delivered and every sink and observer has closed."""
        return self._runner.ended

    def report(self) -> Report:
        """Return the counts as they stand; also once the feed has ended."""
        return self._runner.report()


@asynccontextmanager
async def open_feed(
    path: str | Path, *, max_ticks: int | None = None, queue_ticks: int = 10_000
) -> AsyncIterator[Feed]:
    """Run the feed file's feed for as long as the context is open.

    The feed's own sinks and observers run as they would under ``ticktrail run``; beside them stands one lane that the
    returned feed iterates. A slow reader makes the feed wait, for ever where it must, it loses nothing; see the page on
    embedding for what a venue makes of that. Leaving the context stops the feed in good order.

    Args:
        path: The feed file.
        max_ticks: End the feed once this many ticks are delivered.
        queue_ticks: How many ticks may wait for the reader.

    Raises:
        ConfigError: The feed file cannot be used; one paragraph a fault.
        FeedError: What ended the feed before its time.
    """
    plan = compose(Path(path))
    sender, receiver = anyio.create_memory_object_stream[Sequence[Tick]](1)  # the lane before it is the queue

    def open_lane(_settings: Settings, _context: SinkContext) -> AbstractAsyncContextManager[Sink]:
        return _Reader(sender)

    lane = SinkPlan(
        name=EMBEDDED,
        spec=sink_spec(name=EMBEDDED, summary="the embedding program", settings=Settings, open=open_lane),
        settings=Settings(),
        on_overflow="block",
        queue_ticks=queue_ticks,
        max_block_s=None,  # the program asked for every tick, and says itself how fast it reads
    )
    with sender, receiver:
        runner = Runner(plan, sinks=(lane,), max_ticks=max_ticks, keep_latest=True)
        async with _in_background(runner):
            try:
                yield Feed(runner, receiver, plan)
            finally:
                receiver.close()  # nobody reads any more: the lane must not wait for it while the feed drains


@asynccontextmanager
async def _in_background(runner: Runner) -> AsyncIterator[None]:
    """Run beside the body, and stop when the body ends."""
    try:
        async with anyio.create_task_group() as tasks:
            await tasks.start(runner.run)
            try:
                yield
            finally:
                runner.stop()
    except ExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from None
        raise


class _Delivered:
    """What the lane brings, batch by batch; `rest` is what a loop over single ticks has left of one."""

    def __init__(self, ticks: MemoryObjectReceiveStream[Sequence[Tick]]) -> None:
        self.rest: Iterator[Tick] = iter(())
        self._ticks = ticks

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sequence[Tick]:
        rest = list(self.rest)
        if rest:
            return rest
        try:
            return await self._ticks.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class _Reader:
    """The sink of the embedding program's lane; ends quietly when the program stops reading."""

    def __init__(self, sender: MemoryObjectSendStream[Sequence[Tick]]) -> None:
        self._sender = sender
        self._reading = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sender.close()

    async def write(self, ticks: Sequence[Tick]) -> None:
        if self._reading:
            try:
                await self._sender.send(ticks)
            except anyio.BrokenResourceError:
                self._reading = False
