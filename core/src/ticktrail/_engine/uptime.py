"""Measure in what share of the time a leg was up.

Owns: the seconds up of the last day, in steps of ten, and since the start. Pure: time is an argument.
Never: decides whether a leg is up.
"""

from __future__ import annotations

from collections import deque

__all__ = ["DAY_NS", "HOUR_NS", "Uptime"]

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
STEP_NS = 10_000_000_000


class Uptime:
    """One leg's; down at first."""

    def __init__(self, now_ns: int) -> None:
        self._began_ns = now_ns
        self._up_since_ns: int | None = None
        self._up_ns = 0
        self._steps: deque[tuple[int, int]] = deque()  # number of the step, nanoseconds up in it

    def up(self, now_ns: int) -> None:
        """Note that the leg is up from here on."""
        if self._up_since_ns is None:
            self._up_since_ns = now_ns

    def down(self, now_ns: int) -> None:
        """Note that it is not."""
        self._fold(now_ns)
        self._up_since_ns = None

    def pct(self, now_ns: int, window_ns: int | None = None) -> float:
        """Return the share in per cent.

        Args:
            now_ns: Monotonic.
            window_ns: Of the last so many nanoseconds, a day at most; None: since the start.
        """
        self._fold(now_ns)
        since_start_ns = now_ns - self._began_ns
        if since_start_ns <= 0:
            return 100.0 if self._up_since_ns is not None else 0.0
        if window_ns is None or window_ns >= since_start_ns:
            return 100.0 * self._up_ns / since_start_ns
        first = (now_ns - window_ns) // STEP_NS
        up_ns = 0.0
        for number, step_ns in reversed(self._steps):
            if number < first:
                break
            # Of the oldest step a part lies outside; the time up is taken as even within it.
            inside = 1.0 if number > first else 1 - ((now_ns - window_ns) % STEP_NS) / STEP_NS
            up_ns += step_ns * inside
        return min(100.0, 100.0 * up_ns / window_ns)

    def _fold(self, now_ns: int) -> None:
        """Add up what passed since the last time."""
        start_ns = self._up_since_ns
        if start_ns is None or now_ns <= start_ns:
            return
        self._up_ns += now_ns - start_ns
        self._up_since_ns = now_ns
        start_ns = max(start_ns, now_ns - DAY_NS)
        while start_ns < now_ns:
            number = start_ns // STEP_NS
            end_ns = min(now_ns, (number + 1) * STEP_NS)
            if self._steps and self._steps[-1][0] == number:
                self._steps[-1] = (number, self._steps[-1][1] + end_ns - start_ns)
            else:
                self._steps.append((number, end_ns - start_ns))
            start_ns = end_ns
        oldest = (now_ns - DAY_NS) // STEP_NS
        while self._steps and self._steps[0][0] < oldest:
            self._steps.popleft()
