"""Carry out what the route's arbiters rule: deliver to the lanes, record, switch legs.

Owns: the one task through which every tick of the feed goes, and the record of what became of it.
Never: decides who speaks (the arbiters do) or what is a repeat (continuity does).
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Routed
from ticktrail._contracts.route import Batch, Forward, Reconnect, Rest, Suppress, Wake
from ticktrail._engine.bus import Bus
from ticktrail._engine.continuity import Continuity
from ticktrail._engine.judges import judge_of_route
from ticktrail._engine.lane import Lane
from ticktrail._engine.leg import Down, Leg, LegNews, Up
from ticktrail._engine.mark import Mark
from ticktrail._engine.tree import Decision, LegOrder, Spoke, Tree
from ticktrail._plan.model import Plan
from ticktrail.events import LegSwitched
from ticktrail.model import ProviderId, Suppressed, Switched, Tick

__all__ = ["Route"]


class Route:
    """The route task of one feed."""

    def __init__(
        self,
        plan: Plan,
        legs: Sequence[Leg],
        lanes: Sequence[Lane],
        *,
        clock: Clock,
        bus: Bus,
        after_batch: Callable[[], None],
    ) -> None:
        self._plan = plan
        self._legs: Mapping[ProviderId, Leg] = {leg.name: leg for leg in legs}
        self._names = tuple(leg.name for leg in legs)
        self._lanes = lanes
        self._clock = clock
        self._bus = bus
        self._after_batch = after_batch
        self._tree = Tree(plan.route, plan.channels)
        self._to_do: deque[Decision] = deque()
        self._continuity = Continuity({leg.name: leg.capabilities for leg in plan.legs})
        self.judge = judge_of_route(plan, clock, bus)

    async def run(self, news: MemoryObjectReceiveStream[LegNews]) -> None:
        """Route until every leg has ended; then rule on what is still held back.

        Raises:
            SinkError: A lane is full and its policy is to halt the feed.
        """
        async with news:
            while True:
                try:
                    item = await self._next(news)
                except anyio.EndOfStream:
                    break
                now_ns = self._clock.mono_ns()
                if item is not None:
                    await self._carry_out(self._rule(item, now_ns))
                deadline_ns = self._tree.deadline_ns()
                if deadline_ns is not None and deadline_ns <= now_ns:
                    await self._carry_out(self._tree.on_time(now_ns))
        await self._carry_out(self._tree.drain(self._clock.mono_ns()))

    async def _next(self, news: MemoryObjectReceiveStream[LegNews]) -> LegNews | None:
        """Return the next piece of news, or None at the tree's deadline."""
        try:
            return news.receive_nowait()
        except anyio.WouldBlock:
            pass
        deadline_ns = self._tree.deadline_ns()
        if deadline_ns is None:
            return await news.receive()
        with anyio.move_on_after(max(0.0, (deadline_ns - self._clock.mono_ns()) / 1e9)):
            return await news.receive()
        return None

    def _rule(self, item: LegNews, now_ns: int) -> Sequence[Decision]:
        number, what = item
        leg = self._names[number]
        match what:
            case Batch():
                return self._tree.on_batch(leg, self._judged(what), now_ns)
            case Up():
                return self._tree.on_up(leg, now_ns)
            case Down(cause, _):
                return self._tree.on_down(leg, cause, now_ns)
            case Mark():
                for lane in self._lanes:
                    lane.mark(what)
                what.arrive()
                return ()

    def _judged(self, batch: Batch) -> Batch:
        """Return the batch after the rules that see every leg; what they keep back counts against its leg."""
        if self.judge.is_idle or not batch.ticks:
            return batch
        verdict = self.judge.judge(batch.ticks, batch.mono_ns, batch.recv_ns)
        if not verdict.rejected and not verdict.flagged:
            return batch
        return msgspec.structs.replace(
            batch,
            ticks=verdict.good,
            rejected=[*batch.rejected, *verdict.rejected],
            flagged=[*batch.flagged, *verdict.flagged],
        )

    def give_up(self, news: MemoryObjectReceiveStream[LegNews]) -> None:
        """Account for what a stop's deadline left undecided or undelivered: nothing vanishes without a record."""
        left = [decision.batch for decision in self._to_do if isinstance(decision, (Forward, Suppress))]
        self._to_do.clear()
        with contextlib.suppress(anyio.WouldBlock, anyio.EndOfStream):
            while True:
                _, what = news.receive_nowait()
                if isinstance(what, Batch):
                    left.append(what)
        now_ns = self._clock.mono_ns()
        left += [
            decision.batch
            for decision in self._tree.drain(now_ns)
            if isinstance(decision, (Forward, Suppress))
        ]
        for batch in left:
            held = [Suppressed(reason="stop deadline", ticks=batch.ticks)] if batch.ticks else []
            self._record(batch, [], held)

    async def _carry_out(self, decisions: Sequence[Decision]) -> None:
        to_do = self._to_do
        to_do.extend(decisions)
        while to_do:
            decision = to_do.popleft()
            match decision:
                case Forward(batch):
                    delivered, repeats = self._continuity.place(batch)
                    await self._deliver(batch, delivered, repeats)
                case Suppress(batch, reason):
                    held = [Suppressed(reason=reason, ticks=batch.ticks)] if batch.ticks else []
                    await self._deliver(batch, [], held)
                case Spoke():
                    await self._switch(decision)
                case LegOrder(leg, Wake()):
                    self._legs[leg].wake()
                case LegOrder(leg, Rest()):
                    self._legs[leg].rest()
                case LegOrder(leg, Reconnect(_, cause)):
                    self._legs[leg].reconnect(cause)

    async def _deliver(
        self, batch: Batch, delivered: Sequence[Tick], suppressed: Sequence[Suppressed]
    ) -> None:
        self._record(batch, delivered, suppressed)
        if delivered:
            offered = 0
            try:
                for lane in self._lanes:
                    await lane.offer(delivered, batch.mono_ns)
                    offered += 1
            finally:
                for lane in self._lanes[offered:]:
                    lane.miss(len(delivered))
        await self._bus.room()
        self._after_batch()

    def _record(self, batch: Batch, delivered: Sequence[Tick], suppressed: Sequence[Suppressed]) -> None:
        self._bus.publish(
            Routed(
                provider=batch.provider,
                recv_ns=batch.recv_ns,
                delivered=delivered,
                rejected=batch.rejected,
                suppressed=suppressed,
                flagged=batch.flagged,
            )
        )

    async def _switch(self, spoke: Spoke) -> None:
        at_ns = self._clock.now_ns()
        self._bus.publish(
            LegSwitched(
                at_ns=at_ns,
                from_leg=spoke.from_leg,
                to_leg=spoke.to_leg,
                cause=spoke.cause,
                failover_ms=None if spoke.silent_ns is None else round(spoke.silent_ns / 1e6, 3),
            )
        )
        if not spoke.on_air:
            return
        notices: list[Tick] = [
            Switched(
                instrument=instrument,
                provider=spoke.to_leg,
                event_ns=None,
                recv_ns=at_ns,
                from_provider=spoke.from_leg,
                cause=spoke.cause,
            )
            for instrument in self._plan.instruments
        ]
        mono_ns = self._clock.mono_ns()
        await self._deliver(
            Batch(provider=spoke.to_leg, recv_ns=at_ns, mono_ns=mono_ns, session_ns=mono_ns, ticks=notices),
            notices,
            (),
        )
