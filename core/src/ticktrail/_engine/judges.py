"""Make the judges of a feed: one a leg, and one for the route.

Owns: which rules stand where, and what they are told of the legs.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Tell
from ticktrail._contracts.validator import ValidatorContext
from ticktrail._engine.bus import Bus
from ticktrail._engine.judge import Judge
from ticktrail._engine.panel import Context, Panel
from ticktrail._plan.model import LegPlan, Plan, RulePlan
from ticktrail.events import Event
from ticktrail.model import InstrumentId

__all__ = ["judge_of_leg", "judge_of_route", "panel_of_leg", "panel_of_route"]


def judge_of_leg(leg: LegPlan, feed: Plan, clock: Clock, bus: Bus) -> Judge:
    """Return the judge of a leg: the rules that judge each leg by itself."""
    return Judge(
        _rules(feed, "leg"),
        leg.instruments,
        feed.validation,
        context=_context_of_leg(leg, feed, clock, bus),
        provider=leg.name,
        tell=bus.publish,
        now_ns=clock.now_ns,
    )


def judge_of_route(feed: Plan, clock: Clock, bus: Bus) -> Judge:
    """Return the judge of the route: the rules that compare legs with each other."""
    return Judge(
        _rules(feed, "route"),
        feed.instruments,
        feed.validation,
        context=_context_of_route(feed, clock, bus),
        provider=None,
        tell=bus.publish,
        now_ns=clock.now_ns,
    )


def panel_of_leg(judge: Judge, leg: LegPlan, feed: Plan, clock: Clock, bus: Bus) -> Panel:
    """Return who judges the leg by another plan, for its judge to keep.

    Raises:
        PluginError: A rule cannot be opened, by a defect of its own.
    """
    context = _context_of_leg(leg, feed, clock, bus)
    return judge.prepare(_rules(feed, "leg"), leg.instruments, feed.validation, context)


def panel_of_route(judge: Judge, feed: Plan, clock: Clock, bus: Bus) -> Panel:
    """Return who judges in the route by another plan, for its judge to keep.

    Raises:
        PluginError: A rule cannot be opened, by a defect of its own.
    """
    context = _context_of_route(feed, clock, bus)
    return judge.prepare(_rules(feed, "route"), feed.instruments, feed.validation, context)


def _rules(feed: Plan, scope: Literal["leg", "route"]) -> Sequence[RulePlan]:
    return [rule for rule in feed.rules if rule.spec.scope == scope]


def _context_of_leg(leg: LegPlan, feed: Plan, clock: Clock, bus: Bus) -> Context:
    capabilities = leg.capabilities
    rule_clock: Clock = _OwnClock(clock, capabilities.own_offset_ns) if capabilities.own_clock else clock
    tell = _telling(bus)

    def context(instrument: InstrumentId) -> ValidatorContext:
        return ValidatorContext(
            provider=leg.name,
            legs=(leg.name,),
            instrument=instrument,
            clock=rule_clock,
            consecutive_ids=capabilities.consecutive_trade_ids,
            channels=feed.channels,
            tell=tell,
        )

    return context


def _context_of_route(feed: Plan, clock: Clock, bus: Bus) -> Context:
    tell = _telling(bus)

    def context(instrument: InstrumentId) -> ValidatorContext:
        legs = tuple(leg.name for leg in feed.legs if instrument in leg.instruments)
        return ValidatorContext(
            provider=None, legs=legs, instrument=instrument, clock=clock, channels=feed.channels, tell=tell
        )

    return context


def _telling(bus: Bus) -> Tell:
    """Return what a rule may tell by: an event that can be recorded, as it is now; all else is the rule's failure."""
    kinds = get_args(Event)

    def tell(event: Event) -> None:
        if type(event) not in kinds:
            raise TypeError(f"told {type(event).__name__}, which is no event of ticktrail.events")
        told: Event = msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event))
        bus.publish(told)

    return tell


class _OwnClock:
    """What is known of a clock that is not this machine's: for legs that bring receive times of their own."""

    def __init__(self, clock: Clock, offset_ns: int | None) -> None:
        self.offset_ns = offset_ns
        self.now_ns = clock.now_ns
        self.mono_ns = clock.mono_ns
