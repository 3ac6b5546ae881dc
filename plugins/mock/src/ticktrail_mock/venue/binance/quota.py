"""Count what clients ask, as the venue counts it, and refuse who asks too much.

Owns: used weight a minute, bans, and the record of every request.
Never: answers.

Source: developers.binance.com, Binance Spot API docs, "Limits", read 2026-11: 429 beyond the limit, 418 for who goes on
all the same, both with ``Retry-After``; ``X-MBX-USED-WEIGHT-1M`` with every answer.
"""

from __future__ import annotations

from collections import deque

from ticktrail.testing.venue import Asked

__all__ = ["Quota", "weight_of"]

MINUTE_S = 60.0
BAN_S = 120.0


def weight_of(name: str, query: dict[str, list[str]], *, spot: bool) -> int:
    """Return what a request weighs."""
    match name:
        case "depth":
            limit = int(query.get("limit", ["100"])[0])
            steps = ((100, 5), (500, 25), (1_000, 50)) if spot else ((50, 2), (100, 5), (500, 10))
            return next((weight for most, weight in steps if limit <= most), 250 if spot else 20)
        case "exchangeInfo":
            return 20 if spot else 1
        case "historicalTrades" | "trades":
            return 25 if spot else 20
        case "aggTrades":
            return 4 if spot else 20
        case "klines" | "ticker/bookTicker":
            return 2
        case _:
            return 1


class Quota:
    """The count of one path; `weight_per_minute` is the venue's limit."""

    def __init__(self, weight_per_minute: int) -> None:
        self.asked: list[Asked] = []
        self._limit = weight_per_minute
        self._window: deque[tuple[float, int]] = deque()
        self._banned_until = 0.0

    def ban(self, until: float) -> None:
        """Expect no request before then; what comes all the same stands in `asked`."""
        self._banned_until = max(self._banned_until, until)

    def count(self, what: str, weight: int, now: float) -> tuple[int, int] | None:
        """Count a request; return status and ``Retry-After`` where it is refused."""
        in_ban = now < self._banned_until
        self.asked.append(Asked(now, what, weight, in_ban))
        if in_ban:
            return 418, max(1, round(self._banned_until - now))
        self._window.append((now, weight))
        if self.used(now) > self._limit:
            self.ban(now + MINUTE_S)
            return 429, round(MINUTE_S)
        return None

    def used(self, now: float) -> int:
        """Return the weight of the last minute."""
        while self._window and now - self._window[0][0] >= MINUTE_S:
            self._window.popleft()
        return sum(weight for _, weight in self._window)
