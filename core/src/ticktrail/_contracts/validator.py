"""Say what a rule is: one instrument's judge, on one leg or over all legs of the route.

Owns: `Validator` and what else a rule may ask to be told, `ValidatorSpec`, what is done about a finding.
Never: rejects by raising. A finding is a `Violation`; an exception is the rule's own defect.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias, TypeVar, cast, get_args, runtime_checkable

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Tell
from ticktrail._contracts.settings import Settings
from ticktrail.errors import PluginError
from ticktrail.events import Event
from ticktrail.model import Channel, InstrumentId, ProviderId, Tick, Violation

__all__ = [
    "Action",
    "IncrementValidator",
    "Scope",
    "SessionValidator",
    "Severity",
    "StatefulValidator",
    "Validator",
    "ValidatorContext",
    "ValidatorSpec",
    "validator_spec",
]

S = TypeVar("S", bound=Settings)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TAKEN = frozenset({"quarantined", "rule_failed", "undecodable", "not_asked"})
"""What the judge itself finds."""

Action: TypeAlias = Literal["reject", "flag", "quarantine"]
"""What a finding does to the tick: it is not delivered; it is delivered and marked; it is not delivered, and neither
is what follows on that instrument of that leg, until it was clean for `quarantine_s`."""

Severity: TypeAlias = Literal["info", "warning", "critical"]
"""How much a finding matters to people; it changes nothing for the tick."""

Scope: TypeAlias = Literal["leg", "route"]
"""Where a rule stands: one judge an instrument and leg, or one an instrument, which sees the ticks of every leg."""


class Validator(Protocol):
    """Judge one instrument's ticks. Pure but for its own state; time arrives as an argument."""

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        """Return what is wrong with the tick, or None. Called for the kinds that the spec names, in order.

        Args:
            tick: One of `ValidatorSpec.ticks`.
            at_ns: The "now" of every rule. On a leg: the receive time of the tick's batch. In the route: the
                monotonic time at which the batch was read, since legs may bring receive times of their own.
        """
        ...


@runtime_checkable
class StatefulValidator(Validator, Protocol):
    """A rule that compares with what went before, and so is told what was let through."""

    def accept(self, tick: Tick) -> None:
        """Remember a tick that no rule kept back: none objected to it, or all who did only flag.

        A tick that is held back by a quarantine alone is among them: the rules follow the market meanwhile.
        """
        ...


@runtime_checkable
class SessionValidator(Validator, Protocol):
    """A rule whose memory ends with the leg's session, such as of ids and order: the venue may repeat what it sent."""

    def begin_session(self) -> None:
        """Forget: the leg has connected anew."""
        ...


@runtime_checkable
class IncrementValidator(Validator, Protocol):
    """A rule that wants to know in what steps prices and sizes come."""

    def learn(self, price: Decimal | None, size: Decimal | None) -> None:
        """Take the instrument's price and size increments as the venue states them now; None where it has none."""
        ...


def _to_nobody(event: Event) -> None:
    """Take an event that nobody listens to."""
    del event


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorContext:
    """What a rule is told when it opens.

    Attributes:
        provider: The leg that it judges; None for a rule of the route.
        legs: Every leg whose ticks it may see: one on a leg, all of them in the route.
        instrument: Whom it judges.
        clock: The clock whose measured offset it may read.
        consecutive_ids: Ids of the leg's trades grow by one, so that a jump is a hole.
        channels: What the feed subscribes to; empty where that is not known.
        tell: Puts an event on the control bus: what a rule decided that no verdict shows. Never waits.
    """

    provider: ProviderId | None
    instrument: InstrumentId
    clock: Clock
    legs: tuple[ProviderId, ...] = ()
    consecutive_ids: bool = False
    channels: frozenset[Channel] = frozenset()
    tell: Tell = _to_nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorSpec:
    """A rule as declared; build one with `validator_spec`.

    Raises:
        PluginError: A field has none of the values that it may have.
    """

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Settings, ValidatorContext], Validator | None]
    ticks: tuple[type[Tick], ...]
    scope: Scope
    action: Action
    severity: Severity

    def __post_init__(self) -> None:
        """Refuse what would judge nothing, or break later."""
        if not _NAME.fullmatch(self.name) or self.name in _TAKEN:
            raise PluginError(
                f"the rule's name is {self.name!r}; write small letters, digits and underscores, and none of "
                f"{', '.join(sorted(_TAKEN))}"
            )
        kinds = get_args(Tick)
        ticks: object = self.ticks
        if not isinstance(ticks, tuple) or not ticks or any(kind not in kinds for kind in ticks):
            raise PluginError(
                f"rule {self.name}: ticks = {self.ticks!r}; write a tuple of classes of ticktrail.model"
            )
        for key, value, choices in (
            ("scope", self.scope, get_args(Scope)),
            ("action", self.action, get_args(Action)),
            ("severity", self.severity, get_args(Severity)),
        ):
            if value not in choices:
                raise PluginError(f"rule {self.name}: {key} = {value!r}; write one of {', '.join(choices)}")


def validator_spec(
    *,
    name: str,
    summary: str,
    settings: type[S],
    open: Callable[[S, ValidatorContext], Validator | None],  # noqa: A002 - the contract's word
    ticks: tuple[type[Tick], ...],
    scope: Scope = "leg",
    action: Action = "reject",
    severity: Severity = "warning",
) -> ValidatorSpec:
    """Return the declaration of a rule.

    Args:
        name: The rule's name, and the tag of its `Violation`.
        summary: One line for `ticktrail plugins list`.
        settings: Its keys in ``[validation]``, flat beside those of the other rules; each has a default, and each
            may be ``false`` for off. ``[validation.classes.NAME]`` and ``[validation.instruments."X"]`` override them.
        open: Makes the judge of one instrument, or None where the settings turn the rule off.
        ticks: The kinds it judges.
        scope: Whether there is a judge a leg, or one for the whole route.
        action: What its findings do unless ``[validation.rules.NAME]`` says otherwise.
        severity: How much they matter unless that table says otherwise.
    """
    return ValidatorSpec(
        name=name,
        summary=summary,
        settings=settings,
        open=cast("Callable[[Settings, ValidatorContext], Validator | None]", open),
        ticks=ticks,
        scope=scope,
        action=action,
        severity=severity,
    )
