"""Wait as long as passed between two recorded times, or a fraction of it.

Owns: the relation between recorded time and this machine's.
Never: drifts: every wait is counted from the first one.
"""

from __future__ import annotations

from typing import Literal

import anyio

__all__ = ["Pace", "Speed"]

Speed = Literal["recorded", "max"] | float
"""``recorded``, ``max``, or how many times faster than recorded."""


class Pace:
    """The pace of one replay."""

    def __init__(self, speed: Speed) -> None:
        self._factor = 1.0 if speed == "recorded" else None if speed == "max" else float(speed)
        self._first: tuple[int, float] | None = None

    async def wait_until(self, recorded_ns: int) -> None:
        """Return when it is time for what was recorded at `recorded_ns`; at once where speed is ``max``."""
        if self._factor is None:
            return
        now = anyio.current_time()
        if self._first is None:
            self._first = (recorded_ns, now)
        first_ns, began = self._first
        due = began + (recorded_ns - first_ns) / 1e9 / self._factor
        if due > now:
            await anyio.sleep_until(due)

    def is_due(self, recorded_ns: int) -> bool:
        """Tell whether `wait_until` would return at once."""
        if self._factor is None:
            return True
        if self._first is None:
            return False
        first_ns, began = self._first
        return anyio.current_time() >= began + (recorded_ns - first_ns) / 1e9 / self._factor
