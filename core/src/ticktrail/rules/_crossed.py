"""Refuse a quote whose bid lies above its ask, and where it is asked for, one whose bid equals it.

Owns: `uncrossed_quotes` and `unlocked_quotes`.
Never: judges how far the sides lie apart (the spread rule does), or a quote with an empty side (price 0 and size 0).
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import Quote, Tick, Ticker, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import is_absent

__all__ = ["Crossed", "CrossedRule", "CrossedSettings"]


class CrossedSettings(Settings, frozen=True):
    """`uncrossed_quotes` objects to bid > ask, `unlocked_quotes` to bid = ask.

    Locked quotes are off: where a quote is put together of several exchanges they are normal.
    """

    uncrossed_quotes: bool = True
    """A bid must not lie above its ask."""
    unlocked_quotes: bool = False
    """A bid must not equal its ask."""


class Crossed(Violation, frozen=True, tag="crossed"):
    """The bid is above the ask, or equal to it (`locked`)."""

    bid_price: Decimal
    ask_price: Decimal
    locked: bool


class CrossedRule:
    """Compare the sides of a quote or ticker with each other."""

    __slots__ = ("_crossed", "_locked")

    def __init__(self, settings: CrossedSettings) -> None:
        self._crossed = settings.uncrossed_quotes
        self._locked = settings.unlocked_quotes

    def check(self, tick: Tick, at_ns: int) -> Crossed | None:  # noqa: ARG002 - the contract's signature
        """Return the sides that are out of order, or None."""
        if type(tick) is not Quote and type(tick) is not Ticker:
            return None
        bid, ask = tick.bid_price, tick.ask_price
        try:
            if bid < ask:
                return None
            locked = bid == ask
        except ArithmeticError:  # NaN has no order: the price range names it
            return None
        if not (self._locked if locked else self._crossed) or not (bid > ask or locked):
            return None
        if is_absent(bid, tick.bid_size) or is_absent(ask, tick.ask_size):
            return None
        return Crossed(bid_price=bid, ask_price=ask, locked=locked)


def _open(settings: CrossedSettings, context: ValidatorContext) -> CrossedRule | None:  # noqa: ARG001 - contract
    return CrossedRule(settings) if settings.uncrossed_quotes or settings.unlocked_quotes else None


SPEC = validator_spec(
    name="crossed",
    summary="a bid above the ask (uncrossed_quotes), or equal to it (unlocked_quotes)",
    settings=CrossedSettings,
    open=_open,
    ticks=(Quote, Ticker),
)
