"""Remember the newest of many things, within a bound and at a steady cost.

Owns: when the old is forgotten.
Never: says what is old by a clock; what was noted last is new.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Keys with a value each: the last `least` that were noted at least, and twice as many at most.

    Two generations: when the younger one is full it becomes the older, which is dropped whole. Taking the oldest key
    out of one dictionary at every step would walk over the places of all that were taken out before, each time.
    """

    __slots__ = ("_least", "_older", "_younger")

    def __init__(self, least: int) -> None:
        self._least = least
        self._younger: dict[K, V] = {}
        self._older: dict[K, V] = {}

    def __contains__(self, key: K) -> bool:
        """Tell whether the key was noted."""
        return key in self._younger or key in self._older

    def holds(self, key: K, value: V) -> bool:
        """Tell whether the key was noted, and last with this value."""
        younger = self._younger
        if key in younger:
            return younger[key] == value
        older = self._older
        return key in older and older[key] == value

    def get(self, key: K) -> V | None:
        """Return what the key was last noted with, None if it was not."""
        younger = self._younger
        return younger[key] if key in younger else self._older.get(key)

    def note(self, key: K, value: V) -> None:
        """Remember the key, with this value in place of another."""
        younger = self._younger
        younger[key] = value
        if len(younger) >= self._least:
            self._older, self._younger = younger, {}

    def clear(self) -> None:
        """Forget everything."""
        self._younger, self._older = {}, {}
