"""Run one leg: its provider's sessions, decoding and judging, and the pauses between.

Owns: the leg's task group, its intake queue, its breaker: the one place where a leg is retried. What is in the queue
its `Reader` reads.
Never: delivers; judged batches and the leg's ups and downs go to the route, in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectSendStream

from ticktrail._clock.peer import PeerDelay
from ticktrail._clock.witness import is_witness
from ticktrail._contracts.clock import Clock
from ticktrail._contracts.known_secrets import without_secrets
from ticktrail._contracts.provider import Finite, Provider, ProviderContext
from ticktrail._contracts.route import Batch
from ticktrail._engine.breaker import Breaker, BreakerState
from ticktrail._engine.bus import Bus
from ticktrail._engine.equivalents import Equivalents
from ticktrail._engine.failure import failure_of
from ticktrail._engine.judges import judge_of_leg, panel_of_leg
from ticktrail._engine.left import waiting_in
from ticktrail._engine.reader import Reader
from ticktrail._engine.session import Down, Item, LegChange, LegNews, Renewed, Session, Up
from ticktrail._engine.tally import Tally
from ticktrail._plan.model import LegPlan, Plan
from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import BreakerChanged, Event, IncrementsLearned, LegDown, LegUp
from ticktrail.model import Tick
from ticktrail.status import LegState

__all__ = ["RENEWED", "Down", "Leg", "LegChange", "LegNews", "Renewed", "Up"]


RENEWED = "renewed"
"""Why a session ends that is to be followed at once by one of other instruments; the route is not told of it."""


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
        self.breaker = Breaker(feed.backoff, random, self._breaker_changed)
        self._nudged = anyio.Event()
        self._released = False
        self._is_live = False
        self._session_equivalents = Equivalents(plan.equivalents)
        self.judge = judge_of_leg(plan, feed, clock, bus)
        self.peer: PeerDelay | None = None
        """The delays of this leg's data, where they say something of this machine's clock."""
        if is_witness(feed.clock, plan.capabilities):
            self.peer = PeerDelay(window_s=feed.clock.peer_window_s)
        self._provider = _open(plan, feed, clock)
        self.reader = Reader(
            number,
            plan.name,
            self._provider,
            self._session_equivalents,
            self.judge,
            clock=clock,
            bus=bus,
            tally=tally,
            peer=self.peer,
        )
        self._next: LegChange | None = None
        self._intake_batches = feed.limits.intake_batches
        self._sessions = 0
        self._retry_ns: int | None = None
        self._supervision = anyio.CancelScope()
        self._session_scope: anyio.CancelScope | None = None
        self._ended_by = "reconnect"
        self._awake = anyio.Event()
        self._resting = not awake
        if awake:
            self._awake.set()

    @property
    def state(self) -> LegState:
        """What the leg is doing."""
        if self._session_scope is not None:
            return "live" if self._is_live else "connecting"
        if self._resting:
            return "resting"
        return "down" if self.last_failure is not None or self._sessions else "connecting"

    @property
    def retry_in_s(self) -> float | None:
        """In how many seconds it is tried again, its breaker's rest included; None: it does not wait for a time."""
        if self._retry_ns is None or self._resting:
            return None
        return max(0.0, (self._retry_ns - self._clock.mono_ns()) / 1e9)

    @property
    def done(self) -> float | None:
        """How much of a source that ends was played, from 0 to 1; None of one that has no end."""
        return self._provider.done_share() if isinstance(self._provider, Finite) else None

    @property
    def sessions(self) -> int:
        """How many sessions delivered so far."""
        return self._sessions

    async def run(self, route: MemoryObjectSendStream[LegNews]) -> None:
        """Live until the source has ended for good, or `stop`; everything taken in is judged and sent on before."""
        sender, receiver = anyio.create_memory_object_stream[Item](self._intake_batches)
        with receiver.clone() as left_over:
            try:
                async with route, anyio.create_task_group() as tasks:
                    tasks.start_soon(self.reader.run, receiver, route)
                    with self._supervision:
                        async with sender:
                            await self._supervise(sender)
            except BaseException:  # cancelled, at a stop's deadline for one
                self.reader.read_left(waiting_in(left_over))
                raise

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

    def reset(self) -> None:
        """Try the leg again at once, because a person says so."""
        self.breaker.reset()
        self._nudged.set()

    def prepare(self, number: int, plan: LegPlan, feed: Plan, *, anew: bool) -> LegChange:
        """Return a change to other rules, and with `anew` to other instruments; nothing changes before `take`.

        Raises:
            PluginError: A rule or the provider cannot be opened, by a defect of its own.
        """
        return LegChange(
            number=number,
            panel=panel_of_leg(self.judge, plan, feed, self._clock, self._bus),
            backoff=feed.backoff,
            provider=_open(plan, feed, self._clock) if anew else None,
            equivalents=Equivalents(plan.equivalents) if anew else None,
        )

    def take(self, change: LegChange) -> None:
        """Go by it: at once, or where the provider is another one, from the next session on, which begins now."""
        self.breaker.heed(change.backoff)
        if change.provider is None and self._next is None:
            self.reader.keep(change.panel)
            return
        if change.provider is None and self._next is not None:
            change = replace(self._next, panel=change.panel)
        self._next = change
        self.reader.supersede()
        if self._session_scope is None:
            if (
                self.error is not None
            ):  # it was given up for good, maybe over an instrument that is no more asked for
                self.reset()
        elif not self._resting:
            self.reconnect(RENEWED)

    def release(self) -> None:
        """Wait for nobody's reset any more: no leg is left that could go on."""
        self._released = True
        self._nudged.set()

    async def _supervise(self, sender: MemoryObjectSendStream[Item]) -> None:
        while True:
            await self._awake.wait()
            if self._next is not None:
                await self._renew(self._next, sender)
            self._nudged = anyio.Event()
            self.breaker.tried()
            session = Session(sender, self._clock, began=self.session_up, tell=self.tell)
            failure = await self._one_session(session)
            if session.up_ns is not None:
                self.breaker.healthy_for((self._clock.mono_ns() - session.up_ns) / 1e9)
            if failure is not None and failure.cause == RENEWED:
                self._tell_renewed(session)
                continue
            permanent = failure is None or isinstance(failure, PermanentError)
            retry_s: float | None = None
            if isinstance(failure, PermanentError):
                self.error = failure
                self.breaker.failed_for_good(failure.cause)
            elif failure is not None and self._resting:
                retry_s = 0.0
            elif failure is not None:
                retry_after_s = failure.retry_after_s if isinstance(failure, TransientError) else None
                retry_s = self.breaker.failed(failure.cause, retry_after_s)
            self.last_failure = failure
            # A venue may repeat in its answer what it was shown; what is told here is sealed, sent and drawn.
            detail = "the source has ended" if failure is None else without_secrets(str(failure))
            self._bus.publish(
                LegDown(
                    at_ns=self._clock.now_ns(),
                    provider=self.name,
                    cause="ended" if failure is None else failure.cause,
                    detail=detail,
                    permanent=permanent,
                    failures=self.breaker.failures,
                    retry_in_s=retry_s,
                )
            )
            await sender.send(Down(cause=detail, final=permanent))
            if failure is None:
                return
            with anyio.move_on_after(math.inf if retry_s is None else retry_s):
                self._retry_ns = None if retry_s is None else self._clock.mono_ns() + round(retry_s * 1e9)
                await self._nudged.wait()
            self._retry_ns = None
            if self._released:
                return
            self.error = None

    async def _renew(self, change: LegChange, sender: MemoryObjectSendStream[Item]) -> None:
        """Let the next session be another provider's; what the last one brought is read by its own decoder first."""
        self._next = None
        self.reader.expect()
        if change.provider is not None and change.equivalents is not None:
            self._provider, self._session_equivalents = change.provider, change.equivalents
        await sender.send(change)

    def _tell_renewed(self, session: Session) -> None:
        if session.up_ns is None:  # it was not up: nothing was lost
            return
        self._bus.publish(
            LegDown(
                at_ns=self._clock.now_ns(),
                provider=self.name,
                cause=RENEWED,
                detail="opened anew for other instruments",
                permanent=False,
                failures=self.breaker.failures,
                retry_in_s=0.0,
            )
        )

    async def _one_session(self, session: Session) -> ProviderError | None:
        """Run the provider once; None means that the source has ended for good."""
        self._ended_by = "reconnect"
        scope = self._session_scope = anyio.CancelScope()
        failure: ProviderError | None = None
        try:
            with scope:
                await self._provider.run(session, task_status=session)
        except Exception as exc:  # noqa: BLE001 - a provider is somebody else's code; its defect ends its leg alone
            failure = failure_of(exc, self.name)
        finally:
            self._session_scope = None
            self._is_live = False
        if scope.cancelled_caught:
            return TransientError(self._ended_by, provider=self.name, cause=self._ended_by.partition(":")[0])
        return failure

    def tell(self, event: Event) -> None:
        """Publish what a session has to say of itself."""
        if type(event) is IncrementsLearned:
            self.judge.learn(self._session_equivalents.asked(event.instrument), event.price, event.size)
        self._bus.publish(event)

    def session_up(self) -> None:
        """Note that a session began to deliver."""
        self.breaker.connected()
        self._is_live = True
        self._bus.publish(
            LegUp(at_ns=self._clock.now_ns(), provider=self.name, reconnects=max(self._sessions, 0))
        )
        self._sessions += 1

    def judged(self, ticks: Sequence[Tick]) -> Batch:
        """Return what the leg's archive gave, counted as received and judged as what it sends is."""
        return self.reader.judged(ticks)

    def _breaker_changed(
        self, before: BreakerState, state: BreakerState, cause: str, retry_in_s: float | None
    ) -> None:
        self._bus.publish(
            BreakerChanged(
                at_ns=self._clock.now_ns(),
                provider=self.name,
                from_state=before,
                to_state=state,
                cause=cause,
                failures=self.breaker.failures,
                retry_in_s=retry_in_s,
            )
        )


def _open(plan: LegPlan, feed: Plan, clock: Clock) -> Provider:
    context = ProviderContext(
        name=plan.name,
        instruments=plan.served,
        channels=feed.channels,
        clock=clock,
        base_dir=feed.base_dir,
        registry=feed.registry,
    )
    return plan.spec.open(plan.settings, context)
