"""Make the judges of a feed: one a leg, and one for the route.

Owns: which rules stand where, and what they are told of the legs.
Never: judges.
"""

from __future__ import annotations

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.validator import ValidatorContext
from ticktrail._engine.bus import Bus
from ticktrail._engine.judge import Judge
from ticktrail._plan.model import LegPlan, Plan
from ticktrail.model import InstrumentId

__all__ = ["judge_of_leg", "judge_of_route"]


def judge_of_leg(leg: LegPlan, feed: Plan, clock: Clock, bus: Bus) -> Judge:
    """Return the judge of a leg: the rules that judge each leg by itself."""
    capabilities = leg.capabilities
    rule_clock: Clock = _OwnClock(clock, capabilities.own_offset_ns) if capabilities.own_clock else clock

    def context(instrument: InstrumentId) -> ValidatorContext:
        return ValidatorContext(
            provider=leg.name,
            legs=(leg.name,),
            instrument=instrument,
            clock=rule_clock,
            consecutive_ids=capabilities.consecutive_trade_ids,
            tell=bus.publish,
        )

    return Judge(
        [rule for rule in feed.rules if rule.spec.scope == "leg"],
        feed.instruments,
        feed.validation,
        context=context,
        provider=leg.name,
        tell=bus.publish,
        now_ns=clock.now_ns,
    )


def judge_of_route(feed: Plan, clock: Clock, bus: Bus) -> Judge:
    """Return the judge of the route: the rules that compare legs with each other."""
    legs = tuple(leg.name for leg in feed.legs)

    def context(instrument: InstrumentId) -> ValidatorContext:
        return ValidatorContext(
            provider=None, legs=legs, instrument=instrument, clock=clock, tell=bus.publish
        )

    return Judge(
        [rule for rule in feed.rules if rule.spec.scope == "route"],
        feed.instruments,
        feed.validation,
        context=context,
        provider=None,
        tell=bus.publish,
        now_ns=clock.now_ns,
    )


class _OwnClock:
    """What is known of a clock that is not this machine's: for legs that bring receive times of their own."""

    def __init__(self, clock: Clock, offset_ns: int | None) -> None:
        self.offset_ns = offset_ns
        self.now_ns = clock.now_ns
        self.mono_ns = clock.mono_ns
