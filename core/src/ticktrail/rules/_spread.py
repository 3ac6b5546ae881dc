"""Refuse a quote whose sides are too far apart.

Owns: `max_spread`.
Never: judges a quote with an empty side (price 0 and size 0), or one whose sides are crossed (the rule `crossed` does).
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import Quote, Tick, Ticker, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import EXACT, HUGE, Limit, check_limit, is_absent

__all__ = ["BadSpread", "SpreadRule", "SpreadSettings"]


class SpreadSettings(Settings, frozen=True):
    """`max_spread` is a fraction of the mid: 0.05 is five per cent."""

    max_spread: Limit = Decimal("0.05")
    """Ask minus bid, as a fraction of the mid."""

    def __post_init__(self) -> None:
        """Refuse a limit that cannot be met or cannot be broken: a spread is below twice the mid."""
        check_limit("max_spread", self.max_spread, below=2)


class BadSpread(Violation, frozen=True, tag="spread"):
    """Ask minus bid is above `max_spread` of the mid, or a side is NaN and there is no telling."""

    bid_price: Decimal
    ask_price: Decimal
    max_spread: Decimal


class SpreadRule:
    """Compare the sides of a quote or ticker with each other.

    Once a quote was found good, a corridor half as wide as the limit is laid around its mid: two sides in order
    inside of it cannot be too far apart, which spares the exact arithmetic until the market leaves the corridor.
    """

    __slots__ = ("_above", "_below", "_high", "_limit", "_low", "_to_high", "_to_low")

    def __init__(self, settings: SpreadSettings) -> None:
        # ask - bid <= m (ask + bid) / 2, freed of its division: ask (2 - m) <= bid (2 + m)
        self._limit = Decimal(settings.max_spread)
        self._above = 2 + self._limit
        self._below = 2 - self._limit
        self._to_low = (1 - self._limit / 4) / 2  # of bid + ask
        self._to_high = (1 + self._limit / 4) / 2
        self._low, self._high = HUGE, -HUGE

    def check(self, tick: Tick, at_ns: int) -> BadSpread | None:  # noqa: ARG002 - the contract's signature
        """Return the spread that is no good, or None."""
        if type(tick) is not Quote and type(tick) is not Ticker:
            return None
        bid, ask = tick.bid_price, tick.ask_price
        try:
            if self._low <= bid <= ask <= self._high:
                return None
            if bid > ask:
                return None
            if EXACT.multiply(ask, self._below) <= EXACT.multiply(bid, self._above):
                self._lay_corridor(bid, ask)
                return None
        except ArithmeticError:  # NaN has no order
            pass
        if is_absent(bid, tick.bid_size) or is_absent(ask, tick.ask_size):
            return None
        return BadSpread(bid_price=bid, ask_price=ask, max_spread=self._limit)

    def _lay_corridor(self, bid: Decimal, ask: Decimal) -> None:
        total = EXACT.add(bid, ask)
        if bid > 0 and ask < HUGE:
            self._low = EXACT.multiply(total, self._to_low)
            self._high = EXACT.multiply(total, self._to_high)


def _open(settings: SpreadSettings, context: ValidatorContext) -> SpreadRule | None:  # noqa: ARG001 - contract
    return None if settings.max_spread is False else SpreadRule(settings)


SPEC = validator_spec(
    name="spread",
    summary="a spread above max_spread of the mid",
    settings=SpreadSettings,
    open=_open,
    ticks=(Quote, Ticker),
)
