"""Keep this process within what a venue takes from one address.

Owns: the windows that limits are counted in, and the one allowance a host that every leg of the process shares.
Never: sends anything. Times are `Clock.mono_ns`.
"""

from __future__ import annotations

import threading
from collections import deque

import anyio

from ticktrail._contracts.clock import Clock

__all__ = ["Allowance", "Window", "allowance_of"]

NS_PER_S = 1_000_000_000
PERIOD_S = 60.0


class Window:
    """At most `limit` in any `period_s`.

    Args:
        limit: In units of whatever is counted.
        period_s: The window's length.
    """

    def __init__(self, limit: float, period_s: float) -> None:
        self.limit = limit
        self._period_ns = round(period_s * NS_PER_S)
        self._taken: deque[tuple[int, float]] = deque()
        self._sum = 0.0

    def wait_s(self, cost: float, now_ns: int) -> float:
        """Return how long to wait before `cost` may be taken; 0 for not at all. More than the limit waits for all."""
        self._forget(now_ns)
        over = self._sum + min(cost, self.limit) - self.limit
        for at_ns, taken in self._taken:
            if over <= 0:
                break
            over -= taken
            if over <= 0:
                return max(0.0, (at_ns + self._period_ns - now_ns) / NS_PER_S)
        return 0.0

    def take(self, cost: float, now_ns: int) -> None:
        """Count `cost` from now on."""
        self._taken.append((now_ns, cost))
        self._sum += cost

    async def turn(self, clock: Clock) -> None:
        """Wait until one more may be taken, and take it."""
        while True:
            now_ns = clock.mono_ns()
            wait_s = self.wait_s(1, now_ns)
            if wait_s <= 0:
                self.take(1, now_ns)
                return
            await anyio.sleep(wait_s)

    def used(self, now_ns: int) -> float:
        """Return what is counted now."""
        self._forget(now_ns)
        return self._sum

    def _forget(self, now_ns: int) -> None:
        while self._taken and now_ns - self._taken[0][0] >= self._period_ns:
            self._sum -= self._taken.popleft()[1]


class Allowance:
    """What may be asked of one REST host: so much a minute, and nothing while it has banned us.

    Args:
        per_minute: In units of whatever the venue counts: requests, or their weights.
    """

    def __init__(self, per_minute: float) -> None:
        self._window = Window(per_minute, PERIOD_S)
        self._banned_until_ns = 0
        self._lock = threading.Lock()

    def at_most(self, per_minute: float) -> None:
        """Keep to the lower of two limits: legs of one process may differ."""
        self._window.limit = min(self._window.limit, per_minute)

    def wait_s(self, weight: float, now_ns: int) -> float:
        """Return how many seconds to wait before a request of this weight may be made; 0 for not at all."""
        with self._lock:
            return self._wait_s(weight, now_ns)

    def take(self, weight: float, now_ns: int) -> float:
        """Count a request and return 0, or return how many seconds to wait before asking again."""
        with self._lock:
            wait_s = self._wait_s(weight, now_ns)
            if wait_s <= 0:
                self._window.take(weight, now_ns)
            return wait_s

    def told(self, used: float, now_ns: int) -> None:
        """Take in what the venue has counted, which others at this address may have used."""
        with self._lock:
            others = used - self._window.used(now_ns)
            if others > 0:
                self._window.take(others, now_ns)

    def ban(self, for_s: float, now_ns: int) -> None:
        """Ask nothing for so long."""
        with self._lock:
            self._banned_until_ns = max(self._banned_until_ns, now_ns + round(for_s * NS_PER_S))

    def _wait_s(self, weight: float, now_ns: int) -> float:
        return max(0.0, (self._banned_until_ns - now_ns) / NS_PER_S, self._window.wait_s(weight, now_ns))


_allowances: dict[str, Allowance] = {}
_registry = threading.Lock()


def allowance_of(host: str, per_minute: float) -> Allowance:
    """Return the process's allowance at a host; the venue counts by address, so that all legs share it."""
    with _registry:
        allowance = _allowances.setdefault(host, Allowance(per_minute))
    allowance.at_most(per_minute)
    return allowance
