"""Live through a provider's sessions as a leg would, and keep what came.

Owns: the intake that listens, and one session from its start to its end.
Never: judges; the laws do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar
from unittest import SkipTest

import anyio
import anyio.abc
import anyio.lowlevel

from ticktrail._engine.failure import failure_of
from ticktrail.errors import ProviderError
from ticktrail.events import Event
from ticktrail.model import CHANNEL_OF, Channel, Gap, InstrumentId, Tick, Undecodable
from ticktrail.plugin import Provider
from ticktrail.testing._cases import LoopbackVenue, ProviderCase, Stage
from ticktrail.testing._expect import expect

__all__ = ["Batch", "Life", "Listener", "channel_of", "living", "run_check", "venue_of"]

T = TypeVar("T")
_LOOK_EVERY_S = 0.02
_MOST_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Batch:
    """What was handed over at once."""

    recv_ns: int
    mono_ns: int
    found: Sequence[Tick | Undecodable]


class Listener:
    """An intake that decodes at once, as a leg does, and keeps what came; told to hold, it takes over no more."""

    def __init__(self, provider: Provider) -> None:
        self.batches: list[Batch] = []
        self.events: list[Event] = []
        self.waiting = 0
        """Calls that wait for their turn, while it holds."""
        self._provider = provider
        self._kept = 0
        self._may_take: anyio.Event | None = None

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Take what a socket read brought."""
        await self._take()
        self._keep(self._provider.decode(payloads, recv_ns), recv_ns, mono_ns)

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Take ready ticks."""
        await self._take()
        self._keep(ticks, recv_ns, mono_ns)

    async def settled(self) -> bool:
        """Return at once: nothing waits here."""
        await anyio.lowlevel.checkpoint()
        return True

    def tell(self, event: Event) -> None:
        """Keep an event."""
        self.events.append(event)

    def hold(self) -> None:
        """Take over no more, as a leg does whose sinks are behind."""
        self._may_take = anyio.Event()

    @property
    def found(self) -> Sequence[Tick | Undecodable]:
        """All that came, in order."""
        return [item for batch in self.batches for item in batch.found]

    @property
    def ticks_found(self) -> Sequence[Tick]:
        """All ticks that came, in order."""
        return [item for item in self.found if not isinstance(item, Undecodable)]

    def channels(self) -> frozenset[Channel]:
        """Return the channels that have brought something."""
        return frozenset(channel_of(tick) for tick in self.ticks_found if not isinstance(tick, Gap))

    def instruments(self) -> frozenset[InstrumentId]:
        """Return the instruments of which something has come."""
        return frozenset(tick.instrument for tick in self.ticks_found if not isinstance(tick, Gap))

    async def _take(self) -> None:
        await anyio.lowlevel.checkpoint()
        if self._may_take is not None:
            self.waiting += 1
            await self._may_take.wait()

    def _keep(self, found: Sequence[Tick | Undecodable], recv_ns: int, mono_ns: int) -> None:
        if self._kept < _MOST_KEPT:
            self._kept += len(found)
            self.batches.append(Batch(recv_ns, mono_ns, tuple(found)))


class Life:
    """One session.

    Attributes:
        provider: Whose.
        listener: Its intake.
        started: Whether it has said so.
        ended: Whether it is over.
        error: What ended it: the one error that the leg would see; None where it was cancelled, or came to an end.
    """

    def __init__(self, case: ProviderCase, provider: Provider, listener: Listener | None = None) -> None:
        self.provider = provider
        self.listener = listener or Listener(provider)
        self.started = False
        self.ended = False
        self.error: ProviderError | None = None
        self._case = case

    async def until(self, reached: Callable[[], object], within_s: float) -> bool:
        """Wait until `reached()` is true, and return whether it came to that in time."""
        with anyio.move_on_after(within_s):
            while not reached():  # noqa: ASYNC110 - it may depend on anything
                await anyio.sleep(_LOOK_EVERY_S)
            return True
        return bool(reached())

    async def until_heard(self, what: str = "data") -> None:
        """Wait for the first ticks.

        Raises:
            AssertionError: None came in time; says what happened instead.
        """
        await self.until_true(lambda: self.listener.ticks_found, what)

    async def until_true(self, reached: Callable[[], object], what: str) -> None:
        """Wait until `reached()`, for as long as a start may take.

        Raises:
            AssertionError: It did not come to that; says what happened instead.
        """
        case = self._case
        await self.until(lambda: self.ended or reached(), case.start_s)
        if not reached():
            raise AssertionError(f"{case.name} brought no {what} within {case.start_s:g} s{self._instead()}")

    def expect_well(self) -> None:
        """Fail if the session has ended by an error.

        Raises:
            AssertionError: It has.
        """
        if self.error is not None:
            raise AssertionError(f"{self._case.name}: the session ended{self._instead()}")

    async def until_lost(self, within_s: float, after: str) -> ProviderError:
        """Wait for the session's end by an error.

        Raises:
            AssertionError: It went on, or ended without one.
        """
        name = self._case.name
        if not await self.until(lambda: self.ended, within_s):
            raise AssertionError(f"{name} goes on {within_s:g} s after {after}, and says nothing")
        if self.error is None:
            raise AssertionError(f"{name}: run() returned after {after}; raise a TransientError")
        return self.error

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Live through it, and keep what ended it."""
        del task_status
        try:
            async with anyio.create_task_group() as tasks:
                await tasks.start(self._live)
                self.started = True
        except Exception as exc:  # noqa: BLE001 - whatever it raises is what a law looks at
            self.error = failure_of(exc, self._case.context.name)
        finally:
            self.ended = True

    async def _live(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        await self.provider.run(self.listener, task_status=task_status)
        if not self.started:
            task_status.started()

    def _instead(self) -> str:
        if self.error is not None:
            return f"; its session ended: {self.error!r}"
        if self.ended:
            return "; run() returned"
        if not self.started:
            return "; it has not called task_status.started()"
        return f"; it has brought {len(self.listener.found)} items and told {self.listener.events[-3:]}"


@asynccontextmanager
async def living(
    case: ProviderCase, provider: Provider, listener: Listener | None = None
) -> AsyncIterator[Life]:
    """Run a session for as long as the context is open, then cancel it.

    Raises:
        AssertionError: It did not end in time.
    """
    life = Life(case, provider, listener)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(life.run)
        try:
            yield life
        finally:
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                ended = await life.until(lambda: life.ended, case.stop_s)
    expect(ended, f"{case.name} took more than {case.stop_s:g} s to stop after it was cancelled")


def channel_of(tick: Tick) -> Channel:
    """Return the channel that a tick is of.

    Raises:
        AssertionError: No channel brings such a tick.
    """
    channel = tick.channel if isinstance(tick, Gap) else CHANNEL_OF.get(type(tick))
    if channel is None:
        raise AssertionError(f"no channel brings a {type(tick).__name__}")
    return channel


def venue_of(case: ProviderCase, stage: Stage) -> LoopbackVenue:
    """Return the stage's venue.

    Raises:
        SkipTest: There is none.
    """
    if stage.venue is None:
        raise SkipTest(f"{case.name} speaks to no venue: its stage has none")
    return stage.venue


def run_check(check: Callable[[], Awaitable[T]], backend: str) -> T:
    """Run a check on an event loop; an error that task groups have wrapped comes out bare."""

    async def run() -> T:
        return await check()

    try:
        return anyio.run(run, backend=backend)
    except BaseExceptionGroup as group:
        raise _first_leaf(group) from group


def _first_leaf(exc: BaseException) -> BaseException:
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return exc
