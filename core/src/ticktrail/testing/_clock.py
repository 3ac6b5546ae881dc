"""Give tests a clock that moves only when told.

Owns: a clock whose times are set.
Never: moves by itself.
"""

from __future__ import annotations

__all__ = ["ManualClock"]

_NS_PER_S = 1_000_000_000


class ManualClock:
    """A `ticktrail.plugin.Clock` set by hand.

    Attributes:
        offset_ns: What a measurement would have found; None before the first one.
    """

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000, *, offset_ns: int | None = None) -> None:
        self._now_ns = now_ns
        self._mono_ns = 0
        self.offset_ns = offset_ns

    def now_ns(self) -> int:
        """Return UTC nanoseconds since the epoch."""
        return self._now_ns

    def mono_ns(self) -> int:
        """Return nanoseconds of the clock that never jumps."""
        return self._mono_ns

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks.

        Raises:
            ValueError: `seconds` is negative; `step` sets the wall clock back.
        """
        if seconds < 0:
            raise ValueError(f"time does not pass backwards ({seconds} s); step() sets the wall clock alone")
        passed = round(seconds * _NS_PER_S)
        self._now_ns += passed
        self._mono_ns += passed

    def step(self, seconds: float) -> None:
        """Set the wall clock forwards or back, as an operator would; the other one goes on."""
        self._now_ns += round(seconds * _NS_PER_S)
