"""Refuse a price outside of fixed limits.

Owns: `min_price` and `max_price`.
Never: judges an empty side of a quote (price 0 and size 0): there is no price to judge.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import HUGE, Limit, check_limit, is_absent

__all__ = ["PriceOutOfRange", "PriceRangeRule", "PriceRangeSettings"]


class PriceRangeSettings(Settings, frozen=True):
    """Both limits are themselves allowed prices; either may be ``false``."""

    min_price: Limit = Decimal("0.0001")
    """The least price that may pass."""
    max_price: Limit = Decimal(1_000_000)
    """The highest price that may pass."""

    def __post_init__(self) -> None:
        """Refuse limits that no price could meet."""
        check_limit("min_price", self.min_price, above=None)
        check_limit("max_price", self.max_price, above=None)
        low, high = self.min_price, self.max_price
        if isinstance(low, Decimal) and isinstance(high, Decimal) and low > high:
            raise ValueError(f"min_price {low} is above max_price {high}: no price could pass; swap them")


class PriceOutOfRange(Violation, frozen=True, tag="price_range"):
    """The price in `field` lies outside of `[min_price, max_price]`; None stands for a limit that is off."""

    field: str
    price: Decimal
    min_price: Decimal | None
    max_price: Decimal | None


class PriceRangeRule:
    """Compare every price that a tick states with two fixed limits."""

    __slots__ = ("_high", "_low", "_settings")

    def __init__(self, settings: PriceRangeSettings) -> None:
        low, high = settings.min_price, settings.max_price
        self._low = low if isinstance(low, Decimal) else -HUGE
        self._high = high if isinstance(high, Decimal) else HUGE
        self._settings = settings

    def check(self, tick: Tick, at_ns: int) -> PriceOutOfRange | None:  # noqa: ARG002 - the contract's signature
        """Return the first price that is out of range, or None."""
        low, high = self._low, self._high
        try:
            if type(tick) is Trade or type(tick) is AggTrade:
                if low <= tick.price <= high:
                    return None
            elif type(tick) is Quote and low <= tick.bid_price <= tick.ask_price <= high:
                return None
        except ArithmeticError:  # an ordered comparison with NaN: `_find` names it
            pass
        return self._find(tick)

    def _find(self, tick: Tick) -> PriceOutOfRange | None:
        for field, price in _prices(tick):
            if price.is_nan() or not self._low <= price <= self._high:
                low, high = self._settings.min_price, self._settings.max_price
                return PriceOutOfRange(
                    field=field,
                    price=price,
                    min_price=low if isinstance(low, Decimal) else None,
                    max_price=high if isinstance(high, Decimal) else None,
                )
        return None


def _prices(tick: Tick) -> list[tuple[str, Decimal]]:
    if type(tick) is Trade or type(tick) is AggTrade:
        return [("price", tick.price)]
    if type(tick) is Bar:
        return [("open", tick.open), ("high", tick.high), ("low", tick.low), ("close", tick.close)]
    if type(tick) is not Quote and type(tick) is not Ticker:
        return []
    prices = [("last", tick.last)] if type(tick) is Ticker else []
    if not is_absent(tick.bid_price, tick.bid_size):
        prices.append(("bid_price", tick.bid_price))
    if not is_absent(tick.ask_price, tick.ask_size):
        prices.append(("ask_price", tick.ask_price))
    return prices


def _open(settings: PriceRangeSettings, context: ValidatorContext) -> PriceRangeRule | None:  # noqa: ARG001 - contract
    if settings.min_price is False and settings.max_price is False:
        return None
    return PriceRangeRule(settings)


SPEC = validator_spec(
    name="price_range",
    summary="a price outside of min_price to max_price",
    settings=PriceRangeSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),
)
