"""Count what clients ask, as the venue counts it, and refuse who asks too much.

Owns: the requests of a minute, and the record of every one.
Never: answers.

Source: docs.alpaca.markets, "About Market Data API", read 2026-11: 200 requests a minute without a plan; 429 beyond it.
What is left, and when it begins anew, stands in ``X-RateLimit-*`` of every answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ticktrail.testing.venue import Asked

__all__ = ["Quota"]

MINUTE_S = 60.0


class Quota:
    """The count of one path.

    Args:
        requests_per_minute: The venue's limit.
        now_s: The venue's clock, seconds since the epoch.
    """

    def __init__(self, requests_per_minute: int, *, now_s: Callable[[], float]) -> None:
        self.asked: list[Asked] = []
        self._limit = requests_per_minute
        self._now_s = now_s
        self._used = 0
        self._resets_at = -math.inf
        self._refused = False

    def count(self, what: str, now: float) -> bool:
        """Count a request made at `now` of the program's own clock; tell whether it is within the limit."""
        if self._now_s() >= self._resets_at:
            self._used, self._resets_at, self._refused = 0, self._now_s() + MINUTE_S, False
        self.asked.append(Asked(now, what, 1, self._refused))
        self._used += 1
        self._refused = self._refused or self._used > self._limit
        return self._used <= self._limit

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return what the answer to the last request says of the limit."""
        return (
            ("X-RateLimit-Limit", str(self._limit)),
            ("X-RateLimit-Remaining", str(max(0, self._limit - self._used))),
            ("X-RateLimit-Reset", str(math.ceil(self._resets_at))),
        )
