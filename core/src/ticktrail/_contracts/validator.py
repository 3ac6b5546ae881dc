"""Say what a rule is: one instrument's judge on one leg.

Owns: `Validator`, `StatefulValidator`, `ValidatorSpec`.
Never: rejects by raising. A finding is a `Violation`; an exception is the rule's own defect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast, runtime_checkable

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.settings import Settings
from ticktrail.model import InstrumentId, ProviderId, Tick, Violation

__all__ = ["StatefulValidator", "Validator", "ValidatorContext", "ValidatorSpec", "validator_spec"]

S = TypeVar("S", bound=Settings)


class Validator(Protocol):
    """Judge one instrument's ticks on one leg. Pure but for its own state; time arrives as an argument."""

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        """Return what is wrong with the tick, or None. Called for the kinds that the spec names, in order.

        Args:
            tick: One of `ValidatorSpec.ticks`.
            at_ns: Receive time of the tick's batch: the "now" of every rule.
        """
        ...


@runtime_checkable
class StatefulValidator(Validator, Protocol):
    """A rule that compares with what went before, and so is told what every rule let through."""

    def accept(self, tick: Tick) -> None:
        """Remember a tick that no rule objected to."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorContext:
    """What a rule is told when it opens: whom it judges, and the clock whose measured offset it may read."""

    provider: ProviderId
    instrument: InstrumentId
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorSpec:
    """A rule as declared; build one with `validator_spec`."""

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Settings, ValidatorContext], Validator | None]
    ticks: tuple[type[Tick], ...]


def validator_spec(
    *,
    name: str,
    summary: str,
    settings: type[S],
    open: Callable[[S, ValidatorContext], Validator | None],  # noqa: A002 - the contract's word
    ticks: tuple[type[Tick], ...],
) -> ValidatorSpec:
    """Return the declaration of a rule.

    Args:
        name: The rule's name, and the tag of its `Violation`.
        summary: One line for `ticktrail plugins list`.
        settings: Its keys in ``[validation]``, flat beside those of the other rules; each has a default, and each
            may be ``false`` for off. ``[validation.instruments."X"]`` overrides them for one instrument.
        open: Makes the judge of one instrument on one leg, or None where the settings turn the rule off.
        ticks: The kinds it judges.
    """
    return ValidatorSpec(
        name=name,
        summary=summary,
        settings=settings,
        open=cast("Callable[[Settings, ValidatorContext], Validator | None]", open),
        ticks=ticks,
    )
