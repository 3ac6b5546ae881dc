"""Keep a leg from being tried again and again where it fails again and again: its circuit breaker.

Owns: whether the leg may be tried now, after which pause, and what a person sees of it.
Never: sleeps, connects, or reads a clock.

Closed: the leg is tried, after short pauses at most. Open: it failed `open_after_failures` times in a row, and waits.
Half open: the pause is over and one try decides. After `rest_after_failures` it rests longer: a venue that has been
away for so long will not come back within seconds. A permanent error opens the breaker for good, until a person resets
it: what is wrong then is not the venue (Nygard, "Release It!", 2nd edition 2018, chapter 5, for the pattern).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Literal, TypeAlias

from ticktrail._engine.backoff import Backoff
from ticktrail._plan.model import BackoffSettings

__all__ = ["Breaker", "BreakerState"]

BreakerState: TypeAlias = Literal["closed", "open", "half_open"]
_SPREAD = 0.2


class Breaker:
    """One leg's breaker.

    Args:
        settings: The ``[backoff]`` table.
        random: For the jitter.
        changed: Told of each change of state: the one before, the present one, why, and the pause in seconds; None: for
            good.
    """

    def __init__(
        self,
        settings: BackoffSettings,
        random: Random,
        changed: Callable[[BreakerState, BreakerState, str, float | None], None],
    ) -> None:
        self.state: BreakerState = "closed"
        self._settings = settings
        self._random = random
        self._changed = changed
        self._backoff = Backoff(settings, random)

    def heed(self, settings: BackoffSettings) -> None:
        """Keep to other settings from the next failure on."""
        self._settings = settings
        self._backoff.heed(settings)

    @property
    def failures(self) -> int:
        """Failures in a row; a session that lasted `healthy_s` starts the count anew."""
        return self._backoff.failures

    def failed(self, cause: str, retry_after_s: float | None = None) -> float:
        """Count a failure and return the pause after it, in seconds: the venue's own word where it gave one."""
        pause_s = self._backoff.next_s(retry_after_s)
        if self.failures >= self._settings.rest_after_failures and retry_after_s is None:
            pause_s = self._settings.resting_s * self._random.uniform(1 - _SPREAD, 1 + _SPREAD)
        if self.failures >= self._settings.open_after_failures or self.state != "closed":
            self._become("open", cause, pause_s)
        return pause_s

    def failed_for_good(self, cause: str) -> None:
        """Open until somebody resets it."""
        self._become("open", cause, None)

    def tried(self) -> None:
        """Note that the leg is tried now."""
        if self.state == "open":
            self._become("half_open", "the pause is over", 0.0)

    def connected(self) -> None:
        """Note that the leg delivers."""
        if self.state != "closed":
            self._become("closed", "connected", 0.0)

    def healthy_for(self, seconds: float) -> None:
        """Note how long the last session delivered; a long one starts the count of failures anew."""
        self._backoff.healthy_for(seconds)

    def reset(self) -> None:
        """Start anew, because a person says so."""
        self._backoff.failures = 0
        if self.state != "closed":
            self._become("closed", "reset by hand", 0.0)

    def _become(self, state: BreakerState, cause: str, pause_s: float | None) -> None:
        before, self.state = self.state, state
        self._changed(before, state, cause, pause_s)
