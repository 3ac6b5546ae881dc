"""Read a limit of ``[validation]``: a number, or ``false`` for off.

Owns: what a limit may be, and the exact arithmetic that rules share.
Never: judges a tick.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import TypeAlias

__all__ = ["EXACT", "HUGE", "Limit", "check_confirmation", "check_limit", "is_absent", "nanoseconds"]

_MAX_CONFIRM_TICKS = 10_000
_MAX_CONFIRM_S = 3_600
_MOST_PLACES = 30
"""A limit further from one than this many places is a slip, and would take exact arithmetic for ever."""

Limit: TypeAlias = Decimal | bool
"""A number or ``false``; a type of ``false`` alone cannot be decoded, so `check_limit` refuses ``true``."""

HUGE = Decimal("1E+999999")
"""Beyond any price, and yet below Infinity: the bound of a limit that is off."""

EXACT = Context(prec=100, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
"""Arithmetic without rounding for numbers of any sane length, whatever the thread's own context says."""


def check_limit(key: str, value: Limit, *, above: int | None = 0, below: int | None = None) -> None:
    """Refuse a value that cannot be a limit.

    Args:
        key: Its name in ``[validation]``, for the message.
        value: What the feed file says.
        above: It must be greater than this; None for no such bound.
        below: It must be less than this; None for no such bound.

    Raises:
        ValueError: It is ``true``, not finite, or out of bounds; the message says what would be right.
    """
    if value is False:
        return
    if value is True:
        raise ValueError(f"{key} = true has no meaning: give a number, or false to turn it off")
    if not value.is_finite():
        raise ValueError(f"{key} must be a finite number, or false to turn it off; it is {value}")
    if value and not -_MOST_PLACES <= value.adjusted() < _MOST_PLACES:
        raise ValueError(
            f"{key} must lie within 1E-{_MOST_PLACES} and 1E+{_MOST_PLACES}, or be false to turn it off; it is {value}"
        )
    if above is not None and value <= above:
        raise ValueError(f"{key} must be greater than {above}, or false to turn it off; it is {value}")
    if below is not None and value >= below:
        raise ValueError(f"{key} must be less than {below}, or false to turn it off; it is {value}")


def check_confirmation(key: str, ticks: int, seconds: Decimal) -> None:
    """Refuse a confirmation that one tick alone gives, or that never comes.

    Args:
        key: What the names of its two settings begin with, for the message.
        ticks: How many ticks confirm.
        seconds: How long they must have agreed.

    Raises:
        ValueError: One of the two is out of bounds; the message says what would be right.
    """
    if not 2 <= ticks <= _MAX_CONFIRM_TICKS:
        raise ValueError(
            f"{key}_ticks must be 2 to {_MAX_CONFIRM_TICKS}, so that one tick alone confirms nothing; it is {ticks}"
        )
    if not (seconds.is_finite() and 0 <= seconds <= _MAX_CONFIRM_S):
        raise ValueError(f"{key}_s must be 0 to {_MAX_CONFIRM_S} seconds; it is {seconds}")


def nanoseconds(value: Decimal, *, unit_ns: int) -> int:
    """Return a limit in whole nanoseconds, rounded down."""
    return int(EXACT.multiply(value, Decimal(unit_ns)))


def is_absent(price: Decimal, size: Decimal) -> bool:
    """Tell whether a side of a quote is empty: venues write an empty side as price 0 and size 0."""
    return not price and not size
