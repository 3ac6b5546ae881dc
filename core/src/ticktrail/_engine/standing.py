"""Tell how a feed stands at this moment.

Owns: the gathering of one status out of legs, route, lanes, counts, clock and observers.
Never: changes anything, or keeps what it gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Record
from ticktrail._engine.lane import Lane
from ticktrail._engine.leg import Leg
from ticktrail._engine.route import Route
from ticktrail._engine.tally import Tally
from ticktrail._plan.model import Plan
from ticktrail.events import ClockBreachBegun, ClockBreachEnded, ClockMeasured
from ticktrail.health import LegHealth
from ticktrail.model import ProviderId
from ticktrail.status import ClockStatus, FeedStatus, LegStatus, ObserverStatus

__all__ = ["Standing"]


class Standing:
    """How one feed stands.

    Args:
        plan: Returns the plan that is in force.
        legs: All of them.
        lanes: All of them.
        clock: For the status's time.
        tally: The feed's counts.
        health: How each leg does.
        observers: How each observer does.

    Attributes:
        route: Set once there is one.
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        legs: Sequence[Leg],
        lanes: Sequence[Lane],
        *,
        clock: Clock,
        tally: Tally,
        health: Callable[[], Mapping[ProviderId, LegHealth]],
        observers: Callable[[], Mapping[str, ObserverStatus]],
    ) -> None:
        self.route: Route | None = None
        self._plan = plan
        self._legs = {leg.name: leg for leg in legs}
        self._lanes = lanes
        self._clock = clock
        self._tally = tally
        self._health = health
        self._observers = observers
        self._started_ns = clock.now_ns()
        self._measured: ClockMeasured | None = None
        self._breach = ""

    def hear(self, record: Record) -> None:
        """Take in what is said of the clock."""
        kind = type(record)
        if kind is ClockMeasured:
            self._measured = record  # type: ignore[assignment] # the line above says so
        elif isinstance(record, ClockBreachBegun):
            self._breach = record.cause
        elif kind is ClockBreachEnded:
            self._breach = ""

    def status(self) -> FeedStatus | None:
        """Return how the feed stands; None before there is a route."""
        route = self.route
        if route is None:
            return None
        tally, health, plan = self._tally, self._health(), self._plan()
        mono_ns, last_ns = self._clock.mono_ns(), route.delivered_ns
        report = tally.report(observers={}, sinks=(), quality=())
        return FeedStatus(
            feed=plan.name,
            at_ns=self._clock.now_ns(),
            legs={
                name: LegStatus(
                    state=health[name].state,
                    breaker=leg.breaker.state,
                    failures=leg.breaker.failures,
                    retry_in_s=leg.retry_in_s,
                    sessions=leg.sessions,
                    received=sum(tally.received[name].values()),
                    health=health[name],
                    received_by=report.received[name],
                    done=leg.done,
                )
                for name, leg in self._legs.items()
            },
            route=route.status(),
            delivered=tally.delivered_ticks,
            rejected=tally.rejected_ticks,
            suppressed=sum(tally.suppressed.values()),
            switches=len(tally.switches),
            last_switch=tally.switches[-1] if tally.switches else None,
            sinks={lane.name: lane.status() for lane in self._lanes},
            clock_offset_ns=self._clock.offset_ns,
            settings_sha256=plan.settings_sha256,
            instruments=plan.instruments,
            profile=plan.profile,
            channels=sorted(plan.channels),
            started_ns=self._started_ns,
            delivered_s={
                name: round(max(0, mono_ns - last_ns[name]) / 1e9, 3)
                for name in plan.instruments
                if name in last_ns
            },
            speaking={name: sorted(route.voices(name)) for name in plan.instruments},
            rejected_by=report.rejected,
            flagged_by=report.flagged,
            suppressed_by=report.suppressed,
            latency_us=report.latency_us,
            latency_steps_us=tally.latency.buckets(),
            latency_sum_ns=tally.latency.sum_ns,
            clock=self._clock_status(plan),
            observers=self._observers(),
        )

    def _clock_status(self, plan: Plan) -> ClockStatus:
        last = self._measured
        return ClockStatus(
            is_measured=plan.clock.measures,
            offset_ns=None if last is None else last.offset_ns,
            bound_ns=None if last is None else last.bound_ns,
            limit_ns=plan.clock.limit_ns,
            measured_at_ns=None if last is None else last.at_ns,
            breach=self._breach,
        )
