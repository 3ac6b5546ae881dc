"""Weigh what was seen lately more than what was seen long ago.

Owns: a share and a mean whose weights halve with every half-life. Pure: time is an argument.
Never: says what is too much.
"""

from __future__ import annotations

__all__ = ["WeightedMean", "WeightedShare"]


class WeightedShare:
    """The share of bad ones; what lies a half-life back counts half."""

    __slots__ = ("_all", "_at_ns", "_bad", "_half_life_ns")

    def __init__(self, half_life_s: float) -> None:
        self._half_life_ns = half_life_s * 1e9
        self._at_ns = 0
        self._all = self._bad = 0.0

    def add(self, count: int, bad: int, at_ns: int) -> None:
        """Take in some, of which `bad` were bad."""
        faded = 0.5 ** (max(0, at_ns - self._at_ns) / self._half_life_ns)
        self._at_ns = max(at_ns, self._at_ns)
        self._all = self._all * faded + count
        self._bad = self._bad * faded + bad

    def share(self, least: float) -> float | None:
        """Return the share; None where less than `least` counted when the last came."""
        return None if self._all < least else min(1.0, self._bad / self._all)


class WeightedMean:
    """A mean; what lies a half-life back counts half.

    Attributes:
        weight: How many values counted when the last came.
    """

    __slots__ = ("_at_ns", "_half_life_ns", "_sum", "weight")

    def __init__(self, half_life_s: float) -> None:
        self._half_life_ns = half_life_s * 1e9
        self._at_ns = 0
        self._sum = self.weight = 0.0

    def add(self, value: float, at_ns: int) -> None:
        """Take in a value."""
        faded = 0.5 ** (max(0, at_ns - self._at_ns) / self._half_life_ns)
        self._at_ns = max(at_ns, self._at_ns)
        self._sum = self._sum * faded + value
        self.weight = self.weight * faded + 1.0

    @property
    def value(self) -> float | None:
        """The mean; None before the first value."""
        return self._sum / self.weight if self.weight else None
