"""Judge a leg's ticks: every rule, per instrument, before routing.

Owns: one `Validator` a rule and instrument, and the verdict over them all.
Never: raises for bad data, or lets a rule's own defect reach the leg.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.validator import StatefulValidator, Validator, ValidatorContext
from ticktrail._plan.model import LegPlan, RulePlan
from ticktrail.model import (
    BookDelta,
    BookSnapshot,
    Gap,
    InstrumentId,
    Rejected,
    Tick,
    Undecodable,
    Violation,
)

__all__ = ["Judge", "RuleFailed", "Unreadable"]

Check: TypeAlias = Callable[[Tick, int], Violation | None]


class Unreadable(Violation, frozen=True, tag="undecodable"):
    """The frame is no tick."""

    reason: str


class RuleFailed(Violation, frozen=True, tag="rule_failed"):
    """A rule raised: nobody knows whether the tick is good."""

    error: str


class _Bench(NamedTuple):
    checks: tuple[Check, ...]
    accepts: tuple[Callable[[Tick], None], ...]


class _NoOffset:
    """A clock whose offset is unknown: for legs that bring receive times of their own."""

    offset_ns: int | None = None

    def __init__(self, clock: Clock) -> None:
        self.now_ns = clock.now_ns
        self.mono_ns = clock.mono_ns


class Judge:
    """All rules for one leg."""

    def __init__(
        self, leg: LegPlan, rules: Sequence[RulePlan], instruments: Sequence[InstrumentId], clock: Clock
    ) -> None:
        rule_clock: Clock = _NoOffset(clock) if leg.capabilities.own_clock else clock
        self._benches: dict[tuple[type, InstrumentId], _Bench] = {}
        benches: dict[tuple[type, InstrumentId], list[Validator]] = {}
        for rule in rules:
            for instrument in instruments:
                context = ValidatorContext(provider=leg.name, instrument=instrument, clock=rule_clock)
                judge = rule.spec.open(rule.settings[instrument], context)
                if judge is not None:
                    for kind in rule.spec.ticks:
                        benches.setdefault((kind, instrument), []).append(judge)
        for key, judges in benches.items():
            self._benches[key] = _Bench(
                checks=tuple(judge.check for judge in judges),
                accepts=tuple(judge.accept for judge in judges if isinstance(judge, StatefulValidator)),
            )

    def judge(self, ticks: Sequence[Tick | Undecodable], at_ns: int) -> tuple[list[Tick], list[Rejected]]:
        """Return what every rule let through and what some rule objected to, each in order."""
        good: list[Tick] = []
        bad: list[Rejected] = []
        benches = self._benches
        for tick in ticks:
            if type(tick) is Undecodable:
                bad.append(Rejected(tick=tick, violations=(Unreadable(reason=tick.reason),)))
                continue
            bench = benches.get((type(tick), tick.instrument))
            if bench is None:
                good.append(tick)
                continue
            found: list[Violation] | None = None
            try:
                for check in bench.checks:
                    violation = check(tick, at_ns)
                    if violation is not None:
                        found = [violation] if found is None else [*found, violation]
                if found is None:
                    for accept in bench.accepts:
                        accept(tick)
            except Exception as exc:  # noqa: BLE001 - a rule is somebody else's code; its defect is a finding
                found = [*(found or ()), RuleFailed(error=f"{type(exc).__name__}: {exc}")]
            if found is None:
                good.append(tick)
            else:
                bad.append(Rejected(tick=tick, violations=tuple(found)))
                if type(tick) is BookDelta or type(tick) is BookSnapshot:
                    good.append(_book_gap(tick, at_ns))
        return good, bad


def _book_gap(tick: BookDelta | BookSnapshot, at_ns: int) -> Gap:
    """Return the mark of a book that a rule has taken a piece out of: it is unknown until the next snapshot."""
    first = tick.first_update_id if isinstance(tick, BookDelta) else tick.update_id
    return Gap(
        instrument=tick.instrument,
        provider=tick.provider,
        event_ns=tick.event_ns,
        recv_ns=at_ns,
        channel="book",
        from_id=first,
        to_id=tick.update_id,
        from_ns=None,
        to_ns=at_ns,
        cause="rejected",
    )
