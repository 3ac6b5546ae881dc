"""Carry out what the route's arbiters rule: deliver to the lanes, record, switch legs.

Owns: the one task through which every tick of the feed goes, and the record of what became of it.
Never: decides who speaks (the arbiters do) or what is a repeat (continuity does).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.route import (
    Batch,
    Forward,
    OrderAction,
    Publish,
    Reconnect,
    Rest,
    Suppress,
    Wake,
)
from ticktrail._engine.books import books_of
from ticktrail._engine.bus import Bus
from ticktrail._engine.cache import LatestCache
from ticktrail._engine.degraded import Degraded
from ticktrail._engine.found import found_of
from ticktrail._engine.judges import judge_of_route
from ticktrail._engine.lane import Lane
from ticktrail._engine.left import record_left, waiting_in
from ticktrail._engine.leg import Down, Leg, LegNews, Renewed, Up
from ticktrail._engine.lines import continuity_of
from ticktrail._engine.mark import Mark
from ticktrail._engine.node import Spoke
from ticktrail._engine.notices import batch_of, event_of, ticks_of
from ticktrail._engine.output import Output
from ticktrail._engine.panel import Panel
from ticktrail._engine.repair import Repair
from ticktrail._engine.tree import Decision, Hole, LegOrder, Tree
from ticktrail._engine.verdict import joined
from ticktrail._plan.model import Plan, RepairSettings
from ticktrail._plan.route import mute_legs_of
from ticktrail._tracing.batches import BatchTraces
from ticktrail.model import InstrumentId, ProviderId, Suppressed, Tick
from ticktrail.status import NodeStatus

__all__ = ["Route", "RouteChange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteChange:
    """Another plan of the same shape.

    `renewed` holds what each leg that is to be opened anew is asked for; `then` is called once the route goes by it.
    """

    number: int
    plan: Plan
    panel: Panel
    renewed: Mapping[ProviderId, frozenset[InstrumentId]]
    then: Callable[[], None]


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
        see: Callable[[Batch], None],
        cache: LatestCache | None = None,
    ) -> None:
        self._plan = plan
        self._see = see
        self._legs: Mapping[ProviderId, Leg] = {leg.name: leg for leg in legs}
        self._names = tuple(leg.name for leg in legs)
        self._lanes = lanes
        self._clock = clock
        self._bus = bus
        self.judge = judge_of_route(plan, clock, bus)
        found = found_of(plan.route, self.judge)
        self._out = Output(lanes, bus, cache=cache, after_batch=after_batch, found=found)
        spaces = {leg.name: leg.capabilities.id_space for leg in plan.legs}
        self._tree = Tree(plan.route, plan.channels, spaces)
        self._to_do: deque[Decision] = deque()
        self._changes: deque[RouteChange] = deque()
        self._asked: dict[ProviderId, tuple[int, frozenset[InstrumentId]]] = {}
        self._waits: anyio.CancelScope | None = None
        self._in_hand: object = None  # taken, and not ruled on yet
        self._ruled: object = None  # the last that was ruled on
        self._books = books_of(plan)
        self._continuity = continuity_of(plan)
        self.repair = None if plan.repair is None else self._repair_of(plan, plan.repair)
        self._cache = cache
        serves = plan.cache is not None and plan.cache.degraded == "serve_stale"
        mute = mute_legs_of(plan.route)
        self._degraded = None if cache is None else Degraded(cache, serves=serves, clock=clock, mute=mute)

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
                self._in_hand = None if item is None else item[1]
                now_ns = self._clock.mono_ns()
                if self._to_do:
                    await self._carry_out(())
                while self._changes:
                    await self._carry_out(self._change(self._changes.popleft(), now_ns))
                if item is not None:
                    decisions = self._rule(item, now_ns)
                    self._ruled, self._in_hand = item[1], None
                    await self._carry_out(decisions)
                    if self._degraded is not None:
                        await self._serve_stale(self._degraded, item)
                else:
                    await self._release()
                deadline_ns = self._tree.deadline_ns()
                if deadline_ns is not None and deadline_ns <= now_ns:
                    await self._carry_out(self._tree.on_time(now_ns))
        await self._carry_out(self._tree.drain(self._clock.mono_ns()))
        if self.repair is not None:
            self.repair.give_up()
        await self._release()
        for gap in self._continuity.finish():
            await self._out.deliver(batch_of(gap, self._clock.mono_ns()), [gap], ())

    async def _next(self, news: MemoryObjectReceiveStream[LegNews]) -> LegNews | None:
        """Return the next piece of news, or None at the tree's deadline or an archive's answer."""
        try:
            return news.receive_nowait()
        except anyio.WouldBlock:
            pass
        if self._to_do or self._changes:
            return None
        deadline_ns = self._tree.deadline_ns()
        wait_s = math.inf if deadline_ns is None else max(0.0, (deadline_ns - self._clock.mono_ns()) / 1e9)
        with anyio.move_on_after(wait_s) as self._waits:
            if self.repair is None:
                return await news.receive()
            with self.repair.waking(self._waits.cancel):
                return await news.receive()
        return None

    def order(
        self, action: OrderAction, leg: ProviderId | None, names: Sequence[InstrumentId] | None
    ) -> None:
        """Do as a person says, before the next batch.

        Raises:
            RouteError: It cannot be done; nothing has changed.
        """
        self._to_do.extend(self._tree.steer(action, leg, names, self._clock.mono_ns()))
        self._look()

    def hand_over(self, leg: ProviderId) -> None:
        """See that others will speak for all that a leg speaks for, as soon as what it has brought is routed.

        Raises:
            RouteError: Nobody can take over; nothing has changed.
        """
        self._to_do.extend(self._tree.hand_over(leg, self._clock.mono_ns()))
        self._look()

    @property
    def fixed(self) -> Sequence[str]:
        """Return the kinds of node that cannot have other instruments while the feed runs."""
        return self._tree.fixed

    def change(self, change: RouteChange) -> None:
        """Go by another plan from the next batch on."""
        self._changes.append(change)
        self._look()

    def _look(self) -> None:
        """End the wait for news, if there is one."""
        if self._waits is not None:
            self._waits.cancel()

    def _change(self, change: RouteChange, now_ns: int) -> Sequence[Decision]:
        """Go by another plan: between two batches, so that each is routed by one of them alone."""
        removed = frozenset(self._plan.instruments) - frozenset(change.plan.instruments)
        decisions = self._tree.reassign(change.plan.route, now_ns)
        self._plan = change.plan
        self._continuity.forget(removed)
        self._continuity.heed(change.plan.instruments)
        if self.repair is not None:
            self.repair.follow(change.plan)
        if self._books is not None:
            self._books.forget(removed)
        if self._cache is not None:
            self._cache.forget(removed)
        self.judge.keep(change.panel)
        self._asked.update({leg: (change.number, names) for leg, names in change.renewed.items()})
        change.then()
        return decisions

    def follow(self, batches: BatchTraces | None) -> None:
        """Note what becomes of the batches that are followed, where any are."""
        self._out.follow = batches

    def voices(self, name: InstrumentId) -> AbstractSet[ProviderId]:
        """Return the legs of which something may be delivered for an instrument now."""
        return self._tree.voices(name)

    @property
    def delivered_ns(self) -> Mapping[InstrumentId, int]:
        """By instrument, when what was delivered last was received; monotonic."""
        return self._out.delivered_ns

    def status(self) -> Sequence[NodeStatus]:
        """Return who speaks."""
        return self._tree.status()

    def _rule(self, item: LegNews, now_ns: int) -> Sequence[Decision]:
        number, what = item
        leg = self._names[number]
        match what:
            case Batch():
                whole, late = self._asked_for(leg, what)
                batch = self._judged(whole)
                self._see(batch)
                if self._books is not None:
                    self._books.see(batch)
                return [*late, *self._tree.on_batch(leg, batch, now_ns)]
            case Renewed(number):
                if leg in self._asked and self._asked[leg][0] == number:
                    del self._asked[leg]
                self._continuity.renewed(leg)
                return ()
            case Up():
                return self._tree.on_up(leg, now_ns)
            case Down(cause, _):
                return self._tree.on_down(leg, cause, now_ns)
            case Mark():
                for lane in self._lanes:
                    lane.mark(what)
                what.arrive()
                return ()

    def _asked_for(self, leg: ProviderId, batch: Batch) -> tuple[Batch, Sequence[Suppress]]:
        """Return the batch, and apart from it what a leg brings that has not yet been opened without it."""
        asked = self._asked.get(leg)
        if asked is None:
            return batch, ()
        late = [tick for tick in batch.ticks if tick.instrument not in asked[1]]
        if not late:
            return batch, ()
        own = {id(tick) for tick in late}
        left = msgspec.structs.replace(
            batch,
            ticks=[tick for tick in batch.ticks if id(tick) not in own],
            flagged=[one for one in batch.flagged if id(one.tick) not in own],
        )
        part = msgspec.structs.replace(
            batch, ticks=late, rejected=(), flagged=[one for one in batch.flagged if id(one.tick) in own]
        )
        return left, (Suppress(part, "unsubscribed"),)

    async def _serve_stale(self, degraded: Degraded, item: LegNews) -> None:
        """Deliver what is known where the last leg was lost, past continuity: it repeats, and closes no hole."""
        leg = self._names[item[0]]
        match item[1]:
            case Up():
                degraded.up(leg)
            case Down(_, final):
                # Only a final end is the leg's last: by now another session may have come and gone.
                has_ended = final and self._legs[leg].last_failure is None
                for batch in degraded.down(leg, ended=has_ended):
                    await self._out.deliver(batch, batch.ticks, ())

    def _judged(self, batch: Batch) -> Batch:
        """Return the batch after the rules that see every leg; what they keep back counts against its leg."""
        if self.judge.is_idle or not batch.ticks:
            return batch
        verdict = self.judge.judge(batch.ticks, batch.mono_ns, batch.recv_ns)
        if not verdict.rejected and not verdict.flagged:
            return batch
        return joined(batch, verdict)

    def give_up(self, news: MemoryObjectReceiveStream[LegNews]) -> None:
        """Account for what a stop's deadline left undecided or undelivered: nothing vanishes without a record."""
        decided = list(self._to_do)
        self._to_do.clear()
        on_the_way = [what for _, what in waiting_in(news)]
        left = [what for what in (self._in_hand, *on_the_way) if isinstance(what, Batch)]
        for decision in (*decided, *self._tree.drain(self._clock.mono_ns())):
            match decision:
                case Forward(batch) | Suppress(batch, _):
                    left.append(batch)
                case Publish(event):
                    self._bus.publish(msgspec.structs.replace(event, at_ns=self._clock.now_ns()))
                case _:
                    pass  # whom a leg's turn or rest would serve is gone
        if self.repair is not None:
            left += self.repair.abandon()
        # What a leg was sending when it was cancelled may have been taken all the same.
        cut_off = [
            batch for leg in self._legs.values() for batch in leg.reader.left if batch is not self._ruled
        ]
        record_left(self._out, [*left, *cut_off])

    async def _carry_out(self, decisions: Sequence[Decision]) -> None:
        to_do = self._to_do
        to_do.extend(decisions)
        while to_do:
            await self._release()
            decision = to_do.popleft()
            match decision:
                case Forward(batch):
                    baseless: Sequence[Suppressed] = ()
                    if self._books is not None:
                        batch, baseless = self._books.place(batch)
                    delivered, repeats = self._continuity.place(batch)
                    await self._pass(batch, delivered, [*baseless, *repeats])
                case Suppress(batch, reason):
                    held = [Suppressed(reason=reason, ticks=batch.ticks)] if batch.ticks else []
                    await self._pass(batch, self._continuity.suppressed(batch), held)
                case Hole(leg, instrument, channel):
                    self._continuity.lose(leg, instrument, channel)
                case Spoke():
                    await self._switch(decision)
                case Publish(event):
                    self._bus.publish(msgspec.structs.replace(event, at_ns=self._clock.now_ns()))
                case LegOrder(leg, Wake()):
                    self._legs[leg].wake()
                case LegOrder(leg, Rest()):
                    self._legs[leg].rest()
                case LegOrder(leg, Reconnect(_, cause)):
                    self._legs[leg].reconnect(cause)
        await self._release()

    def _repair_of(self, plan: Plan, settings: RepairSettings) -> Repair:
        repair = Repair(
            plan,
            settings,
            clock=self._clock,
            bus=self._bus,
            judged=lambda leg, ticks: self._judged(self._legs[leg].judged(ticks)),
            is_new=self._continuity.is_new,
        )
        self._continuity.tell = repair.note
        return repair

    async def _pass(self, batch: Batch, delivered: Sequence[Tick], suppressed: Sequence[Suppressed]) -> None:
        """Deliver, but for what comes after a hole that is being filled."""
        if self.repair is not None:
            batch, delivered = self.repair.take(batch, delivered)
        await self._out.deliver(batch, delivered, suppressed)

    async def _release(self) -> None:
        """Deliver what waited for a hole and is in order now."""
        if self.repair is not None:
            for part in self.repair.ready():
                await self._out.deliver(part.batch, part.ticks, ())

    async def _switch(self, spoke: Spoke) -> None:
        at_ns = self._clock.now_ns()
        self._bus.publish(event_of(spoke, at_ns, of=len(self._plan.instruments)))
        if not spoke.on_air:
            return
        notices = ticks_of(spoke, at_ns)
        mono_ns = self._clock.mono_ns()
        if self._books is not None:
            books = self._books.begin(spoke.to_leg, spoke.instruments, at_ns, mono_ns)
            notices += self._continuity.place(books)[0]
        await self._out.deliver(batch_of(notices[0], mono_ns, notices), notices, ())
