"""Say how long a leg rests before it connects again.

Owns: capped exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
2015-03-04: of the variants compared there, full jitter spreads a crowd of reconnecting clients best).
Never: sleeps, or decides whether an error is worth another try.
"""

from __future__ import annotations

from random import Random

from ticktrail._plan.model import BackoffSettings

__all__ = ["Backoff"]


class Backoff:
    """One leg's pauses."""

    def __init__(self, settings: BackoffSettings, random: Random) -> None:
        self._settings = settings
        self._random = random
        self.failures = 0

    def heed(self, settings: BackoffSettings) -> None:
        """Keep to other pauses from the next failure on."""
        self._settings = settings

    def healthy_for(self, seconds: float) -> None:
        """Note how long the last session delivered; a long one starts the count anew."""
        if seconds >= self._settings.healthy_s:
            self.failures = 0

    def next_s(self, retry_after_s: float | None = None) -> float:
        """Count a failure and return the pause after it: the venue's own word where it gave one."""
        self.failures += 1
        if retry_after_s is not None:
            return retry_after_s
        doubled = self._settings.first_s * 2.0 ** min(self.failures - 1, 32)
        return self._random.uniform(0.0, min(doubled, self._settings.cap_s))
