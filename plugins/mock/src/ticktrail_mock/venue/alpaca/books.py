"""Keep order books as the venue gives them: levels by price, set or removed.

Owns: one symbol's levels, and the venue's words for them.
Never: sorts before somebody looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

__all__ = ["Book", "Levels"]

Levels: TypeAlias = list[dict[str, object]]


class Book:
    """One symbol's book: the simplest that there is, for others to be compared with."""

    def __init__(
        self, bids: Mapping[Decimal, Decimal] | None = None, asks: Mapping[Decimal, Decimal] | None = None
    ) -> None:
        self.bids = dict(bids or {})
        self.asks = dict(asks or {})

    def copy(self) -> Book:
        """Return another book with the same levels."""
        return Book(self.bids, self.asks)

    def apply(self, event: Mapping[str, object]) -> None:
        """Apply a message of the channel ``orderbooks``; one that is a reset empties the book first."""
        for side, key in ((self.bids, "b"), (self.asks, "a")):
            if event.get("r"):
                side.clear()
            levels = event.get(key)
            for level in levels if isinstance(levels, list) else ():
                price, size = Decimal(level["p"]), Decimal(level["s"])
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)

    def levels(self) -> tuple[Levels, Levels]:
        """Return bids and asks in the venue's words, best first."""
        return (
            [{"p": price, "s": self.bids[price]} for price in sorted(self.bids, reverse=True)],
            [{"p": price, "s": self.asks[price]} for price in sorted(self.asks)],
        )
