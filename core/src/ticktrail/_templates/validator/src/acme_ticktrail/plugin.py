"""Declare the rule `acme`, and be it.

No trade may be larger than some times the usual size.

A hook only declares: it returns specs, and reads no credentials, clock or network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from ticktrail.model import Tick, Trade, Violation
from ticktrail.plugin import (
    Settings,
    Validator,
    ValidatorContext,
    ValidatorSpec,
    hookimpl,
    validator_spec,
)

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""
REMEMBERED = 20
CONVINCED = 5
"""So many large ones in a row are no slip: the market has changed."""


class AcmeSettings(Settings, frozen=True):
    """Keys of ``[validation]``; each has a default, and one turns the rule off.

    Attributes:
        max_acme: How many times the usual size; 0 turns the rule off.
    """

    max_acme: Decimal = Decimal(0)


class TooLarge(Violation, frozen=True, tag="acme"):
    """What the rule finds: its tag is the rule's name, its fields are the numbers that tripped it."""

    size: Decimal
    usual: Decimal


class AcmeRule:
    """The judge of one instrument on one leg.

    Args:
        most: Times the usual size.
    """

    def __init__(self, most: Decimal) -> None:
        self._most = most
        self._sizes: deque[Decimal] = deque(maxlen=REMEMBERED)
        self._in_a_row = 0

    def check(self, tick: Tick, at_ns: int) -> TooLarge | None:  # noqa: ARG002 - the contract's
        """Look, and learn nothing of the tick: another rule may yet refuse it."""
        if type(tick) is not Trade or not tick.size.is_finite() or len(self._sizes) < REMEMBERED:
            return None
        usual = sum(self._sizes, Decimal(0)) / REMEMBERED
        if tick.size <= usual * self._most:
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        if self._in_a_row >= CONVINCED:  # it is never told of what it refused, and would refuse for ever
            self._sizes.clear()
            self._in_a_row = 0
        return TooLarge(size=tick.size, usual=usual)

    def accept(self, tick: Tick) -> None:
        """Remember a trade that every rule let through."""
        if type(tick) is Trade and tick.size.is_finite():
            self._sizes.append(tick.size)


def open_rule(
    settings: AcmeSettings,
    context: ValidatorContext,  # noqa: ARG001 - the contract's
) -> Validator | None:
    """Return a judge, or None where the settings turn the rule off: then it costs nothing."""
    most = settings.max_acme
    return AcmeRule(most) if most else None


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    """Declare the rule."""
    return [
        validator_spec(
            name="acme",
            summary="a trade above max_acme times the usual size",
            settings=AcmeSettings,
            open=open_rule,
            ticks=(Trade,),
            action="flag",
        )
    ]
