"""Run a plan from its first event to its last.

Owns: the task tree of a feed, the order in which its parts open and close, and the deadline of a stop.
Never: swallows a cancellation. A stop has two phases: the sources end and end-of-stream drains every lane; what is
left after `limits.stop_s` is cancelled and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random

import anyio
import anyio.abc

from ticktrail._clock.keep import keep_measuring
from ticktrail._clock.witness import hear_witnesses
from ticktrail._contracts.clock import SystemClock
from ticktrail._contracts.observer import Record
from ticktrail._contracts.sink import SinkContext
from ticktrail._engine.announce import announce, conclude, forgotten
from ticktrail._engine.audience import Audience
from ticktrail._engine.bus import Bus
from ticktrail._engine.cache import LatestCache
from ticktrail._engine.control import serve_control
from ticktrail._engine.desk import Desk
from ticktrail._engine.failure import only_leaf
from ticktrail._engine.health import HealthBoard
from ticktrail._engine.lane import Lane
from ticktrail._engine.latency import LatencyLog
from ticktrail._engine.leg import Leg, LegNews
from ticktrail._engine.quality import QualityLog
from ticktrail._engine.reload import Reloader
from ticktrail._engine.route import Route
from ticktrail._engine.standing import Standing
from ticktrail._engine.tally import Tally
from ticktrail._engine.trouble import warning_of
from ticktrail._engine.watchdog import Watchdog
from ticktrail._plan.model import CacheSettings, Plan, SinkPlan
from ticktrail._plan.route import cold_legs_of, mute_legs_of
from ticktrail._tracing.batches import BatchTraces
from ticktrail._tracing.run import traced_run
from ticktrail.errors import ClockError, FeedError, SinkError
from ticktrail.events import FeedStopping, LegDown, LegUp
from ticktrail.model import ProviderId
from ticktrail.report import Report
from ticktrail.status import FeedStatus

__all__ = ["Runner"]

NOT_STARTED = "no leg could be opened"


class Runner:
    """One run of one plan.

    Args:
        plan: What to run.
        sinks: Lanes beside the plan's own: an embedding program's.
        max_ticks: Stop once this many ticks are delivered.
        keep_latest: Keep the latest values although the feed file has no ``[cache]``.
        listener: Sees every record at once, in the route's task: keep it short.
        warn: Is given each warning.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        sinks: Sequence[SinkPlan] = (),
        max_ticks: int | None = None,
        keep_latest: bool = False,
        listener: Callable[[Record], None] | None = None,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._plan = plan
        self._max_ticks = max_ticks
        self._warn = warn
        self.clock = self._clock = SystemClock()
        self._bus = Bus(bound=plan.limits.observer_ticks)
        self.tell = self._bus.publish
        kept = plan.cache or (CacheSettings() if keep_latest else None)
        self.cache = None if kept is None else LatestCache(ttl_s=kept.ttl_s, max_entries=kept.max_entries)
        self.tally = Tally(leg.name for leg in plan.legs)
        self._bus.listen(self.tally.see)
        if listener is not None:
            self._bus.listen(listener)
        self._bus.listen(self._watch_start)
        self._bus.listen(self._watch_trouble)
        self._bus.listen(self._watch_end)
        self.ended = False
        self._stop_cause: str | None = None
        self._some_leg_was_up = False
        self._failed_at_start: set[ProviderId] = set()
        self._gone: set[ProviderId] = set()
        self._flow = anyio.CancelScope()
        self._before_flow = anyio.CancelScope()
        self._halted_by: ClockError | None = None
        self._mute = mute_legs_of(plan.route)
        cold = cold_legs_of(plan.route)
        random = Random()  # noqa: S311 - jitter, not a secret
        self._legs = [
            Leg(
                number,
                leg,
                plan,
                clock=self._clock,
                bus=self._bus,
                tally=self.tally,
                random=random,
                awake=leg.name not in cold,
            )
            for number, leg in enumerate(plan.legs)
        ]
        speaking = {leg.name for leg in plan.legs} - self._mute
        self._board = HealthBoard(
            plan, self._legs, speaking=speaking, clock=self._clock, publish=self._bus.publish
        )
        self._bus.listen(self._board.hear)
        self.health = self._board.health
        self._lanes = [
            Lane(
                sink,
                context=SinkContext(
                    name=sink.name,
                    feed=plan.name,
                    clock=self._clock,
                    base_dir=plan.base_dir,
                    resumes=plan.resumes,
                ),
                clock=self._clock,
                bus=self._bus,
                tally=self.tally,
            )
            for sink in (*plan.sinks, *sinks)
        ]
        self._audience = Audience(plan, self._bus, self._clock, warn=self._take_warning, status=self.status)
        self._standing = Standing(
            lambda: self._plan,
            self._legs,
            self._lanes,
            clock=self._clock,
            tally=self.tally,
            health=self._board.health,
            observers=self._audience.status,
        )
        self._bus.listen(self._standing.hear)
        self._watchdog = Watchdog(plan, self._clock, self._bus.publish)
        self._quality: QualityLog | None = None
        self._batches = BatchTraces.of(
            plan.tracing, plan.name, [lane.name for lane in self._lanes], self._clock
        )
        for leg in self._legs:
            leg.reader.follow = self._batches
        for lane in self._lanes:
            lane.follow = self._batches

    def stop(self, cause: str = "requested") -> None:
        """End the sources; `run` returns once what they brought is delivered, or the stop's deadline has passed."""
        if self._stop_cause is None:
            self._stop_cause = cause
            self._board.stop()
            self._bus.publish(FeedStopping(at_ns=self._clock.now_ns(), cause=cause))
            self._flow.deadline = anyio.current_time() + self._plan.limits.stop_s
            self._before_flow.cancel()
            for leg in self._legs:
                leg.stop()

    async def run(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> Report:
        """Run to the end and return the counts.

        Raises:
            FeedError: What ended the feed before its time: no leg is left, the audit cannot record, the clock is
                unproven and set to halt, a lane with ``on_overflow = "halt"`` is full. Several at
                once come as an `ExceptionGroup`.
        """
        try:
            async with traced_run(
                self._plan.tracing,
                feed=self._plan.name,
                base_dir=self._plan.base_dir,
                clock=self._clock,
                listen=self._bus.listen,
                batches=self._batches,
                warn=self._take_warning,
            ):
                await self._run(task_status)
        except ExceptionGroup as group:
            only = only_leaf(group)
            if isinstance(only, FeedError):
                raise only from group
            raise
        finally:
            self.ended = True
        if self._halted_by is not None:
            raise self._halted_by
        failures = [
            failure
            for leg in self._speaking
            if (failure := leg.last_failure if self._stop_cause == NOT_STARTED else leg.error) is not None
        ]
        if self._stop_cause in {"ended", NOT_STARTED} and len(failures) == len(self._speaking):
            raise failures[0] if len(failures) == 1 else ExceptionGroup("every leg failed", failures)
        return self.report()

    @property
    def _speaking(self) -> Sequence[Leg]:
        """The legs that may be delivered: the others change nothing of when a feed ends, or how."""
        return [leg for leg in self._legs if leg.name not in self._mute]

    @property
    def plan(self) -> Plan:
        """The plan that is in force."""
        return self._plan

    @property
    def failed_sinks(self) -> Mapping[str, str]:
        """By name, why a sink has failed, be it on closing."""
        return {lane.name: lane.failed for lane in self._lanes if lane.failed is not None}

    def status(self) -> FeedStatus | None:
        """Return how the feed stands; None before its sources have begun."""
        return self._standing.status()

    def report(self) -> Report:
        """Return the counts as they stand."""
        return self.tally.report(
            observers=self._audience.counts(),
            sinks=[lane.name for lane in self._lanes],
            quality=() if self._quality is None else self._quality.look(),
        )

    async def _run(self, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with anyio.create_task_group() as observers:
            await self._audience.open(observers)
            await observers.start(self._watchdog.run)  # before, nothing ran that could have waited
            for warning in announce(self._plan, self._bus.publish, self._clock):
                self._take_warning(warning)
            async with anyio.create_task_group() as lanes:
                for lane in self._lanes:
                    await lanes.start(lane.run)
                task_status.started()
                await self._sources()
                for lane in self._lanes:
                    lane.close()
                lanes.cancel_scope.deadline = anyio.current_time() + self._plan.limits.stop_s
            for lane in self._lanes:
                lane.abandon()
            if self._quality is not None:
                self._quality.record()
            self._watchdog.close()
            if (lost := forgotten(self.tally.unruled(), self._plan)) is not None:
                self._take_warning(lost)
            conclude(self._stop_cause or "ended", self.tally, self._bus.publish, self._clock)
            self._bus.close()

    async def _sources(self) -> None:
        """Measure the clock, then run legs and route until every leg has ended."""
        sender, receiver = anyio.create_memory_object_stream[LegNews](self._plan.limits.route_batches)
        route = Route(
            self._plan,
            self._legs,
            self._lanes,
            clock=self._clock,
            bus=self._bus,
            after_batch=self._after_batch,
            see=self._board.see,
            cache=self.cache,
        )
        self._standing.route = route
        route.follow(self._batches)
        judges = (*(leg.judge for leg in self._legs), route.judge)
        qualities = [quality for judge in judges for quality in judge.qualities.values()]
        latency = LatencyLog(self.tally.latency, self._bus.publish, self._clock.now_ns)
        quality = self._quality = QualityLog(
            qualities, self._bus.publish, self._clock.now_ns, beside=latency.record
        )
        async with sender, receiver, anyio.create_task_group() as beside:
            with self._before_flow:  # a stop does not wait for time servers
                await beside.start(self._measure_clock)
            peers = {leg.name: leg.peer for leg in self._legs if leg.peer is not None}
            beside.start_soon(hear_witnesses, self._plan.clock, self._clock, peers, self._bus.publish)
            self._board.listen_to(route.voices)
            beside.start_soon(self._board.keep_looking)
            if route.repair is not None:
                beside.start_soon(route.repair.run)
            beside.start_soon(quality.keep_recording, self._plan.validation.quality_every_s)
            if self._plan.control is not None:
                reloader = Reloader(
                    self._plan,
                    self._legs,
                    route,
                    cache=self.cache,
                    quality=quality,
                    bus=self._bus,
                    clock=self._clock,
                    in_force=self._go_by,
                )
                desk = Desk(reloader, self._legs, route, status=self.status, stop=self.stop)
                await beside.start(
                    partial(serve_control, self._plan.control, desk.carry_out, self._bus.publish, self._clock)
                )
            with receiver.clone() as left_over:
                with self._flow:
                    async with anyio.create_task_group() as legs:
                        async with sender:
                            for leg in self._legs:
                                legs.start_soon(leg.run, sender.clone())
                        await route.run(receiver)
                if self._flow.cancelled_caught:
                    route.give_up(left_over)
            beside.cancel_scope.cancel()
        self.stop("ended")

    def _go_by(self, plan: Plan) -> None:
        """Note the plan that is in force from now on, and tell what it warns of."""
        for warning in plan.warnings:
            if warning not in self._plan.warnings:
                self._take_warning(warning)
        self._plan = plan
        self._board.follow(plan)

    async def _measure_clock(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        await keep_measuring(
            self._plan.clock,
            self._clock,
            self._bus.publish,
            warn=self._take_warning,
            halt=self._halt,
            task_status=task_status,
        )

    def _halt(self, error: ClockError) -> None:
        """End the feed in good order: the audit holds the reason, and `run` raises it."""
        self._halted_by = error
        self.stop(str(error))

    def _watch_trouble(self, record: Record) -> None:
        """Tell the person of what is not as it should be, though the feed goes on."""
        if (warning := warning_of(record)) is not None:
            self._take_warning(warning)

    def _watch_start(self, record: Record) -> None:
        """End a feed of which no leg could be opened: whoever started it is there to mend it.

        A venue that asks to wait is waited for: there is nothing to mend.
        """
        if not isinstance(record, LegUp | LegDown) or record.provider in self._mute:
            return
        if type(record) is LegUp:
            self._some_leg_was_up = True
        elif type(record) is LegDown and not self._some_leg_was_up and not self._plan.backoff.retry_at_start:
            if record.cause == "limited" and not record.permanent:
                self._take_warning(
                    f"leg {record.provider} waits {record.retry_in_s or 0:.0f} s: {record.detail}"
                )
                return
            self._failed_at_start.add(record.provider)
            if len(self._failed_at_start) == len(self._speaking):
                self.stop(NOT_STARTED)

    def _watch_end(self, record: Record) -> None:
        """Let the feed end once every leg has ended or needs a person: nobody waits for one who would not come.

        A leg that is never delivered may come to its own end beside sources that have ended, and is stopped beside
        those that need a person.
        """
        if not isinstance(record, LegUp | LegDown) or record.provider in self._mute:
            return
        if type(record) is LegUp:
            self._gone.discard(record.provider)
        elif type(record) is LegDown and record.permanent:
            self._gone.add(record.provider)
            speaking = self._speaking
            if len(self._gone) == len(speaking):
                for leg in self._legs:
                    leg.release()
                    if leg.name in self._mute and any(one.error is not None for one in speaking):
                        leg.stop()

    def _after_batch(self) -> None:
        if self._max_ticks is not None and self.tally.delivered_ticks >= self._max_ticks:
            self.stop(f"{self._max_ticks} ticks delivered")
        if self._lanes and all(lane.failed is not None for lane in self._lanes):
            causes = "; ".join(f"{lane.name}: {lane.failed}" for lane in self._lanes)
            raise SinkError(
                f"no sink is left to deliver to ({causes}): mend the sinks and start the feed again"
            )

    def _take_warning(self, text: str) -> None:
        self.tally.warnings.append(text)
        if self._warn is not None:
            self._warn(text)
