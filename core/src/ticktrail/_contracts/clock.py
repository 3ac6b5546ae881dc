"""Let time be an argument: the clock that every stage is given.

Owns: the `Clock` contract and the system's own clock.
Never: sets a clock, or decides what an offset means (the clock rule does).
"""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Where times come from."""

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch, by this machine's own clock, uncorrected."""
        ...

    def mono_ns(self) -> int:
        """Return nanoseconds of a clock that never jumps, for durations and deadlines."""
        ...

    @property
    def offset_ns(self) -> int | None:
        """How far true time lies ahead of `now_ns` by the last measurement; None before the first one."""
        ...


class SystemClock:
    """The operating system's clocks; `offset_ns` and the error bound of it are set by whoever measures them."""

    def __init__(self) -> None:
        self.offset_ns: int | None = None
        self.bound_ns: int | None = None

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Return nanoseconds of the monotonic clock."""
        return time.monotonic_ns()
