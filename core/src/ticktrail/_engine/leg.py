"""Run one leg: its provider's sessions, decoding and judging, and the pauses between.

Owns: the leg's task group, its intake queue, its backoff: the one place where a leg is retried.
Never: delivers; judged batches and the leg's ups and downs go to the route, in order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from ticktrail._clock.peer import PeerDelay
from ticktrail._clock.witness import is_witness
from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Holding, Provider, ProviderContext
from ticktrail._contracts.route import Batch
from ticktrail._engine.backoff import Backoff
from ticktrail._engine.bus import Bus
from ticktrail._engine.equivalents import Equivalents
from ticktrail._engine.judges import judge_of_leg
from ticktrail._engine.mark import Mark
from ticktrail._engine.tally import Tally
from ticktrail._plan.model import LegPlan, Plan
from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import Event, IncrementsLearned, LegDown, LegUp
from ticktrail.model import Tick, Undecodable

__all__ = ["Down", "Leg", "LegNews", "Up"]


@dataclass(frozen=True, slots=True)
class Up:
    """The leg can deliver."""


@dataclass(frozen=True, slots=True)
class Down:
    """The leg cannot deliver; `final` if it will not be tried again."""

    cause: str
    final: bool


LegNews: TypeAlias = tuple[int, Batch | Up | Down | Mark]


@dataclass(frozen=True, slots=True)
class _Frames:
    payloads: Sequence[bytes]
    recv_ns: int
    mono_ns: int
    session_ns: int


@dataclass(frozen=True, slots=True)
class _Ticks:
    ticks: Sequence[Tick]
    recv_ns: int
    mono_ns: int
    session_ns: int


_Item: TypeAlias = _Frames | _Ticks | Up | Down | Mark


class Leg:
    """One provider under one name."""

    def __init__(
        self,
        number: int,
        plan: LegPlan,
        feed: Plan,
        *,
        clock: Clock,
        bus: Bus,
        tally: Tally,
        random: Random,
        awake: bool,
    ) -> None:
        self.name = plan.name
        self.error: ProviderError | None = None
        self.last_failure: ProviderError | None = None
        self._number = number
        self._clock = clock
        self._bus = bus
        self._tally = tally
        self._backoff = Backoff(feed.backoff, random)
        self._equivalents = Equivalents(plan.equivalents)
        self.judge = judge_of_leg(plan, feed, clock, bus)
        self.peer: PeerDelay | None = None
        """The delays of this leg's data, where they say something of this machine's clock."""
        if is_witness(feed.clock, plan.capabilities):
            self.peer = PeerDelay(window_s=feed.clock.peer_window_s)
        self._provider: Provider = plan.spec.open(
            plan.settings,
            ProviderContext(
                name=plan.name,
                instruments=plan.served(feed.instruments),
                channels=feed.channels,
                clock=clock,
                base_dir=feed.base_dir,
                registry=feed.registry,
            ),
        )
        self._intake_batches = feed.limits.intake_batches
        self._sessions = 0
        self._supervision = anyio.CancelScope()
        self._session_scope: anyio.CancelScope | None = None
        self._ended_by = "reconnect"
        self._awake = anyio.Event()
        self._resting = not awake
        if awake:
            self._awake.set()

    async def run(self, route: MemoryObjectSendStream[LegNews]) -> None:
        """Live until the source has ended for good, or `stop`; everything taken in is judged and sent on before."""
        sender, receiver = anyio.create_memory_object_stream[_Item](self._intake_batches)
        async with route, anyio.create_task_group() as tasks:
            tasks.start_soon(self._process, receiver, route)
            with self._supervision:
                async with sender:
                    await self._supervise(sender)

    def stop(self) -> None:
        """End the source; what was taken in still flows."""
        self._supervision.cancel()

    def reconnect(self, cause: str) -> None:
        """End the present session, so that a new one begins."""
        if self._session_scope is not None:
            self._ended_by = cause
            self._session_scope.cancel()

    def wake(self) -> None:
        """Open a resting leg."""
        self._resting = False
        self._awake.set()

    def rest(self) -> None:
        """Close the leg until `wake`."""
        self._resting = True
        self._awake = anyio.Event()
        self.reconnect("resting")

    async def _supervise(self, sender: MemoryObjectSendStream[_Item]) -> None:
        while True:
            await self._awake.wait()
            session = _Session(self, sender)
            failure = await self._one_session(session)
            if session.up_ns is not None:
                self._backoff.healthy_for((self._clock.mono_ns() - session.up_ns) / 1e9)
            permanent = failure is None or isinstance(failure, PermanentError)
            retry_s: float | None = None
            if not permanent:
                retry_after_s = failure.retry_after_s if isinstance(failure, TransientError) else None
                retry_s = 0.0 if self._resting else self._backoff.next_s(retry_after_s)
            elif failure is not None:
                self.error = failure
            self.last_failure = failure
            detail = "the source has ended" if failure is None else str(failure)
            self._bus.publish(
                LegDown(
                    at_ns=self._clock.now_ns(),
                    provider=self.name,
                    cause="ended" if failure is None else failure.cause,
                    detail=detail,
                    permanent=permanent,
                    failures=self._backoff.failures,
                    retry_in_s=retry_s,
                )
            )
            await sender.send(Down(cause=detail, final=permanent))
            if retry_s is None:
                return
            await anyio.sleep(retry_s)

    async def _one_session(self, session: _Session) -> ProviderError | None:
        """Run the provider once; None means that the source has ended for good."""
        self._ended_by = "reconnect"
        scope = self._session_scope = anyio.CancelScope()
        failure: ProviderError | None = None
        try:
            with scope:
                await self._provider.run(session, task_status=session)
        except Exception as exc:  # noqa: BLE001 - a provider is somebody else's code; its defect ends its leg alone
            failure = self._failure_of(exc)
        finally:
            self._session_scope = None
        if scope.cancelled_caught:
            return TransientError(self._ended_by, provider=self.name, cause=self._ended_by.partition(":")[0])
        return failure

    def _failure_of(self, exc: Exception) -> ProviderError:
        """Return the one error that a session's end means; a permanent one outweighs the others."""
        found = list(_leaves(exc))
        for error in found:
            if isinstance(error, PermanentError):
                return error
        defects = [error for error in found if not isinstance(error, ProviderError)]
        if defects:
            error = defects[0]
            failure = PermanentError(
                f"provider of leg {self.name!r} failed by a defect of its own, {type(error).__name__}: {error}; "
                f"run with --debug for the traceback and report it to the plugin's authors",
                provider=self.name,
                cause="defect",
            )
            failure.__cause__ = exc
            return failure
        first = found[0]
        assert isinstance(first, ProviderError)  # noqa: S101 - every other kind was returned above
        return first

    def tell(self, event: Event) -> None:
        """Publish what a session has to say of itself."""
        if type(event) is IncrementsLearned:
            self.judge.learn(self._equivalents.asked(event.instrument), event.price, event.size)
        self._bus.publish(event)

    def session_up(self) -> None:
        """Note that a session began to deliver."""
        self._bus.publish(
            LegUp(at_ns=self._clock.now_ns(), provider=self.name, reconnects=max(self._sessions, 0))
        )
        self._sessions += 1

    async def _process(
        self, receiver: MemoryObjectReceiveStream[_Item], route: MemoryObjectSendStream[LegNews]
    ) -> None:
        """Decode, count and judge what came in, in order."""
        number, session_ns = self._number, 0
        async with receiver:
            async for item in receiver:
                if isinstance(item, (Up, Down, Mark)):
                    await route.send((number, item))
                    continue
                if item.session_ns != session_ns:
                    session_ns = item.session_ns
                    self.judge.begin_session()
                ticks = self._decode(item) if isinstance(item, _Frames) else item.ticks
                if ticks:
                    await route.send((number, self._judged(ticks, item.recv_ns, item.mono_ns, session_ns)))
            left = self._provider.drain() if isinstance(self._provider, Holding) else ()
            if left:
                now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
                await route.send((number, self._judged(left, now_ns, mono_ns, session_ns)))

    def _judged(
        self, ticks: Sequence[Tick | Undecodable], recv_ns: int, mono_ns: int, session_ns: int
    ) -> Batch:
        if self._equivalents:
            ticks = self._equivalents.rename(ticks)
        self._tally.take(self.name, ticks)
        if self.peer is not None:
            self.peer.see(ticks, recv_ns)
        verdict = self.judge.judge(ticks, recv_ns, recv_ns)
        return Batch(
            provider=self.name,
            recv_ns=recv_ns,
            mono_ns=mono_ns,
            session_ns=session_ns,
            ticks=verdict.good,
            rejected=verdict.rejected,
            flagged=verdict.flagged,
        )

    def _decode(self, frames: _Frames) -> Sequence[Tick | Undecodable]:
        """Read the frames; where the decoder fails by a defect of its own, each payload that it fails on is kept."""
        try:
            return self._provider.decode(frames.payloads, frames.recv_ns)
        except Exception:  # noqa: BLE001 - a decoder is somebody else's code; the loop below says what it cannot read
            ticks: list[Tick | Undecodable] = []
        for payload in frames.payloads:
            try:
                ticks.extend(self._provider.decode((payload,), frames.recv_ns))
            except Exception as exc:  # noqa: BLE001 - see above
                ticks.append(
                    Undecodable(
                        provider=self.name,
                        recv_ns=frames.recv_ns,
                        raw=bytes(payload),
                        reason=f"the decoder failed: {type(exc).__name__}: {exc}",
                    )
                )
        return ticks


class _Session:
    """One session's intake, and its word that data can flow."""

    def __init__(self, leg: Leg, sender: MemoryObjectSendStream[_Item]) -> None:
        self._leg = leg
        self._sender = sender
        self._begun_ns: int | None = None
        self._announced = False
        self.up_ns: int | None = None

    def started(self, value: None = None) -> None:
        """Take the provider's word that it is connected and subscribed."""
        del value
        if self.up_ns is None:
            self.up_ns = self._leg._clock.mono_ns()  # noqa: SLF001 - the two are one module
            self._leg.session_up()
            with contextlib.suppress(anyio.WouldBlock):  # a full intake: the first data announces it
                self._sender.send_nowait(Up())
                self._announced = True

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Queue the payloads of one read."""
        await self._announce()
        await self._sender.send(_Frames(payloads, recv_ns, mono_ns, self._since(mono_ns)))

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Queue ready ticks."""
        await self._announce()
        await self._sender.send(_Ticks(ticks, recv_ns, mono_ns, self._since(mono_ns)))

    async def settled(self) -> bool:
        """Wait for a mark to pass leg, route and lanes."""
        mark = Mark()
        await self._sender.send(mark)
        await mark.passed.wait()
        return mark.is_whole

    def tell(self, event: Event) -> None:
        """Put the event on the bus."""
        self._leg.tell(event)

    async def _announce(self) -> None:
        """Tell the route in order: up comes before the first batch of the session."""
        if not self._announced:
            self.started()
        if not self._announced:
            self._announced = True
            await self._sender.send(Up())

    def _since(self, mono_ns: int) -> int:
        if self._begun_ns is None:
            self._begun_ns = mono_ns
        return self._begun_ns


def _leaves(exc: Exception) -> Iterator[Exception]:
    if isinstance(exc, ExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield exc
