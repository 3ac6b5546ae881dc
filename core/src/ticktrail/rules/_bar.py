"""Refuse a bar that contradicts itself.

Owns: `consistent_bars`.
Never: compares a bar with the trades that it is made of, or with another bar; a bar without trades and without
volume is fine, since some venues make bars of quotes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from ticktrail.model import Bar, Tick, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec

__all__ = ["BadBar", "BarRule", "BarSettings"]


class BarSettings(Settings, frozen=True):
    """`consistent_bars` is ``false`` for off."""

    consistent_bars: bool = True
    """Refuse a bar that contradicts itself."""


class BadBar(Violation, frozen=True, tag="bar"):
    """What is wrong is its `fault`.

    ``prices``: open or close lies outside of low to high. ``trades``: it has trades and no volume, or volume and no
    trades, or less than no trades. ``span``: it ends before it begins, or at once.
    """

    fault: Literal["prices", "trades", "span"]
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    trades: int | None
    start_ns: int
    end_ns: int


class BarRule:
    """Compare the fields of a bar with each other."""

    __slots__ = ()

    def check(self, tick: Tick, at_ns: int) -> BadBar | None:  # noqa: ARG002 - the contract's signature
        """Return what of the bar contradicts what else of it, or None."""
        if type(tick) is not Bar:
            return None
        fault = _fault(tick)
        if fault is None:
            return None
        return BadBar(
            fault=fault,
            open=tick.open,
            high=tick.high,
            low=tick.low,
            close=tick.close,
            volume=tick.volume,
            trades=tick.trades,
            start_ns=tick.start_ns,
            end_ns=tick.end_ns,
        )


def _fault(bar: Bar) -> Literal["prices", "trades", "span"] | None:
    try:
        if not (bar.low <= bar.open <= bar.high and bar.low <= bar.close <= bar.high):
            return "prices"
    except ArithmeticError:  # NaN has no order
        return "prices"
    trades = bar.trades
    if trades is not None and (trades < 0 or (trades > 0) != bool(bar.volume)):
        return "trades"
    return None if bar.start_ns < bar.end_ns else "span"


def _open(settings: BarSettings, context: ValidatorContext) -> BarRule | None:  # noqa: ARG001 - contract
    return BarRule() if settings.consistent_bars else None


SPEC = validator_spec(
    name="bar",
    summary="a bar whose prices, volume and trades, or times contradict each other",
    settings=BarSettings,
    open=_open,
    ticks=(Bar,),
)
