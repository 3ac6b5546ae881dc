"""Seat the judges of one instrument, and see what a finding of each does to the tick.

Owns: which rule a check belongs to, and what a rule's own failure means.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ticktrail._contracts.validator import Action, Severity, StatefulValidator, Validator
from ticktrail._engine.quality import Quality
from ticktrail._engine.quarantine import Quarantine
from ticktrail.model import Tick, Violation

__all__ = ["Accept", "Bench", "Check", "RuleFailed", "Seat"]

Check: TypeAlias = Callable[[Tick, int], Violation | None]
Accept: TypeAlias = Callable[[Tick], None]


class RuleFailed(Violation, frozen=True, tag="rule_failed"):
    """The rule `failed` raised: a defect of its own, which says nothing of the tick. It flags, whatever it may do."""

    failed: str
    error: str


class Seat:
    """One judge of one instrument, its rule's name, what its findings do, and how much they matter."""

    __slots__ = ("accept", "action", "check", "rule", "severity")

    def __init__(self, rule: str, action: Action, severity: Severity, judge: Validator) -> None:
        self.rule = rule
        self.action: Action = action
        self.severity: Severity = severity
        self.check: Check = judge.check
        self.accept: Accept | None = judge.accept if isinstance(judge, StatefulValidator) else None


class Bench:
    """The judges of one kind of tick of one instrument."""

    __slots__ = ("_seat_of", "accepts", "checks", "quality", "quarantine", "seats")

    def __init__(self, seats: Sequence[Seat], quality: Quality, quarantine: Quarantine) -> None:
        self.quality = quality
        self.quarantine = quarantine
        self.seats: tuple[Seat, ...] = ()
        self.checks: tuple[Check, ...] = ()
        self.accepts: tuple[Accept, ...] = ()
        self.take(seats)

    def take(self, seats: Sequence[Seat]) -> None:
        """Seat these judges and no others."""
        self.seats = tuple(seats)
        self.checks = tuple(seat.check for seat in seats)
        self.accepts = tuple(seat.accept for seat in seats if seat.accept is not None)
        self._seat_of: dict[Check | Accept, Seat] = {seat.check: seat for seat in seats}
        self._seat_of.update((seat.accept, seat) for seat in seats if seat.accept is not None)

    def dismiss(self, rule: str) -> None:
        """Take the rule's judge off the bench."""
        self.take([seat for seat in self.seats if seat.rule != rule])

    def seat_of(self, call: Check | Accept) -> Seat:
        """Return whose check or accept that is."""
        return self._seat_of[call]

    def without(self, objectors: frozenset[str]) -> Sequence[Accept]:
        """Return how to tell the judges of a tick that went on, but for those who objected to it themselves."""
        return [seat.accept for seat in self.seats if seat.accept is not None and seat.rule not in objectors]
