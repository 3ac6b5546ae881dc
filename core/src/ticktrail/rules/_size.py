"""Refuse a size that nothing can have: a trade of nothing, less than nothing on a side of a quote or in a bar.

Owns: `positive_size`.
Never: judges an empty side of a quote (price 0 and size 0), or whether a size is a likely one.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import HUGE

__all__ = ["BadSize", "SizeRule", "SizeSettings"]

_NOTHING = Decimal(0)


class SizeSettings(Settings, frozen=True):
    """`positive_size` asks for sizes that can be; ``false`` turns the rule off."""

    positive_size: bool = True
    """A trade must be of something, and no size negative or 0 beside a real price."""


class BadSize(Violation, frozen=True, tag="size"):
    """The size in `field` is none: negative, infinite, NaN, or 0 in a trade or beside a real price (`price`)."""

    field: str
    size: Decimal
    price: Decimal | None


class SizeRule:
    """Look at every size that a tick states."""

    __slots__ = ()

    def check(self, tick: Tick, at_ns: int) -> BadSize | None:  # noqa: ARG002 - the contract's signature
        """Return the first size that is none, or None."""
        try:
            if type(tick) is Trade or type(tick) is AggTrade:
                if _NOTHING < tick.size <= HUGE:
                    return None
            elif (
                (type(tick) is Quote or type(tick) is Ticker)
                and _NOTHING < tick.bid_size <= HUGE
                and _NOTHING < tick.ask_size <= HUGE
                and (type(tick) is Quote or _NOTHING <= tick.volume_24h <= HUGE)
            ):
                return None
        except ArithmeticError:  # NaN has no order: `_find` names it
            pass
        return _find(tick)


def _find(tick: Tick) -> BadSize | None:
    if type(tick) is Trade or type(tick) is AggTrade:
        return _judge("size", tick.size, tick.price)
    if type(tick) is Bar:
        return _judge("volume", tick.volume, None)
    if type(tick) is not Quote and type(tick) is not Ticker:
        return None
    return (
        _judge("bid_size", tick.bid_size, tick.bid_price or None)
        or _judge("ask_size", tick.ask_size, tick.ask_price or None)
        or (_judge("volume_24h", tick.volume_24h, None) if type(tick) is Ticker else None)
    )


def _judge(field: str, size: Decimal, price: Decimal | None) -> BadSize | None:
    """Judge one size; with a price it must be more than 0."""
    if size.is_finite() and (size > 0 or (size == 0 and price is None)):
        return None
    return BadSize(field=field, size=size, price=price)


def _open(settings: SizeSettings, context: ValidatorContext) -> SizeRule | None:  # noqa: ARG001 - contract
    return SizeRule() if settings.positive_size else None


SPEC = validator_spec(
    name="size",
    summary="a trade of nothing, a negative size, or a size of 0 beside a real price (positive_size)",
    settings=SizeSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),
)
