"""Follow a place in what a leg hands over through route and lanes, to learn when all before it has been written.

Owns: how many lanes have still to come so far, and whether each took what it was given.
Never: holds ticks, or anything up: a mark travels in the queues like a batch, and nobody waits for it but its owner.
"""

from __future__ import annotations

import anyio

__all__ = ["Mark"]


class Mark:
    """One place in one leg's stream.

    Attributes:
        passed: Set once every lane has written, or given up, what came before.
        is_whole: Whether none of it was given up; means something once `passed` is set.
    """

    def __init__(self) -> None:
        self.passed = anyio.Event()
        self.is_whole = True
        self._waits_for = 1  # the route itself, while it counts the lanes

    def await_lane(self) -> None:
        """Wait for one lane more."""
        self._waits_for += 1

    def arrive(self, *, is_whole: bool = True) -> None:
        """Note that a lane, or the route, has come so far."""
        self.is_whole = self.is_whole and is_whole
        self._waits_for -= 1
        if self._waits_for == 0:
            self.passed.set()
