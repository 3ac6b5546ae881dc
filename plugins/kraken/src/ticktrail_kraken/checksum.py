"""Compute the checksum that the venue sends with every change of a book.

Owns: the text that is summed up, digit by digit.
Never: keeps a book.

Source: docs.kraken.com, "Book checksum (WebSocket v2)", read 2026-11: the ten best asks from the lowest price on, then
the ten best bids from the highest on; of each, price and size without the point and without leading zeros; CRC32 of it
all. Prices and sizes have the full precision of their pair; one that was written with fewer digits is filled up with
zeros where the pair's precision is known (channel ``instrument``: `price_precision`, `qty_precision`).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from zlib import crc32

__all__ = ["CHECKED_LEVELS", "MOST_DIGITS", "checksum_of", "digits_of", "is_endless", "summed"]

CHECKED_LEVELS = 10
"""The best so many a side are summed up, however deep a book was asked for."""
MOST_DIGITS = 60
"""Of a number that could be a price or a size."""


def is_endless(number: Decimal) -> bool:
    """Tell whether a number has more places before or behind the point than any price or size, or is none."""
    exponent = number.as_tuple().exponent if number.is_finite() else None
    return not isinstance(exponent, int) or abs(exponent) > MOST_DIGITS or number.adjusted() > MOST_DIGITS


def digits_of(number: Decimal, precision: int | None) -> str:
    """Return a number's digits without point and leading zeros, to `precision` places at least where it is known.

    Raises:
        ValueError: It has more digits than any price or size.
    """
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or is_endless(number):
        raise ValueError(f"{str(number)[:40]} is no price or size")
    places = max(-exponent, precision or 0, 0)
    return f"{number:.{places}f}".replace(".", "").lstrip("0")


def checksum_of(texts: Iterable[str]) -> int:
    """Return the checksum of what `summed` gave, asks first, each side from the best level on."""
    return crc32("".join(texts).encode("ascii"))


def summed(price: Decimal, size: Decimal, precisions: tuple[int | None, int | None]) -> str:
    """Return what a level adds to the text that is summed up.

    Args:
        price: Of the level.
        size: All that there is at it.
        precisions: Of the pair's prices and sizes, None where unknown.

    Raises:
        ValueError: One of them has more digits than any.
    """
    return digits_of(price, precisions[0]) + digits_of(size, precisions[1])
