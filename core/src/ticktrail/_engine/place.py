"""Keep where one channel of one instrument stands in what was delivered.

Owns: the last tick, and of each venue the ids and names that were here, and what was rejected. Pure.
Never: decides what is a repeat or a hole (continuity does).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

from ticktrail.model import Gap, ProviderId, Tick
from ticktrail.recent import Recent

__all__ = ["Count", "Place"]

REMEMBERED_REJECTS = 10_000
"""Rejected trade ids kept an instrument, to tell a rejected trade from a missing one."""
REMEMBERED_NAMES = 10_000
"""Names of trades kept an instrument at least, where they have no order: a busy stock's for some minutes."""
REMEMBERED_IDS = 10_000
"""Ids of trades kept an instrument, where several legs bring one venue's at once: they lag by seconds."""
RENUMBERED_AFTER = 10
"""Ticks in a row that tell a new count from duplicates."""
RENUMBERED_AFTER_NS = 30_000_000_000
"""How long nothing else was delivered, where ticks have no time of the venue's: a standby lags by less."""


class Delivered:
    """The last ids that were delivered, to tell one that comes late from one that comes again."""

    __slots__ = ("_floor", "_ids", "_order")

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._ids: set[int] = set()
        self._floor = -1  # the highest of those that are forgotten

    def note(self, number: int) -> None:
        """Remember an id."""
        if number in self._ids:
            return
        self._ids.add(number)
        self._order.append(number)
        if len(self._order) > REMEMBERED_IDS:
            oldest = self._order.popleft()
            self._ids.discard(oldest)
            self._floor = max(self._floor, oldest)

    def lacks(self, number: int) -> bool:
        """Tell whether an id was certainly not delivered."""
        return number > self._floor and number not in self._ids

    def clear(self) -> None:
        """Forget all: the venue counts anew."""
        self._order.clear()
        self._ids.clear()
        self._floor = -1


class Count:
    """What one venue's ids tell.

    Args:
        at_once: Several legs bring them at the same time, and no id tells what lies between two of them.
    """

    __slots__ = (
        "_last_held", "aside", "delivered", "doubted", "held", "id", "last", "names", "rejected",
    )  # fmt: skip

    def __init__(self, *, at_once: bool = False) -> None:
        self.last: Tick | None = None
        self.id: int | None = None
        self.rejected: list[int] = []  # ids of trades, ascending
        self.aside: dict[ProviderId, list[int]] = {}  # the same of legs that do not speak: theirs if they do
        self.doubted: dict[int, Gap] = {}  # of those whose copy was suppressed: who may still bring one?
        self.names: Recent[tuple[str, int | None], None] = Recent(REMEMBERED_NAMES)
        self.delivered = Delivered() if at_once else None
        self.held = 0  # duplicates in a row that may be of a new count
        self._last_held = -1

    @property
    def event_ns(self) -> int | None:
        """The venue's time of its last tick."""
        return None if self.last is None else self.last.event_ns

    def knows(self, name: str, event_ns: int | None) -> bool:
        """Tell whether a trade of that name and time was here, and remember it."""
        key = (name, event_ns)
        if key in self.names:
            return True
        self.names.note(key, None)
        return False

    def reject(self, number: int) -> None:
        """Remember a rejected trade."""
        at = bisect_left(self.rejected, number)
        if at == len(self.rejected) or self.rejected[at] != number:
            self.rejected.insert(at, number)
            if len(self.rejected) > REMEMBERED_REJECTS:
                del self.rejected[0]

    def has_rejected(self, number: int) -> bool:
        """Tell whether a trade was rejected."""
        at = bisect_left(self.rejected, number)
        return at < len(self.rejected) and self.rejected[at] == number

    def unreject(self, number: int) -> bool:
        """Tell whether a trade was rejected, and forget it."""
        at = bisect_left(self.rejected, number)
        if at == len(self.rejected) or self.rejected[at] != number:
            return False
        del self.rejected[at]
        return True

    def set_aside(self, leg: ProviderId, number: int) -> None:
        """Remember a trade that was rejected of a leg that does not speak."""
        numbers = self.aside.setdefault(leg, [])
        if numbers and self.id is not None and numbers[0] <= self.id:  # the output is past it
            numbers[:] = [one for one in numbers if one > self.id]
        if len(numbers) >= REMEMBERED_REJECTS:
            del numbers[0]
        numbers.append(number)

    def doubt(self, number: int, gap: Gap) -> None:
        """Keep what is to be told of a rejected trade if nobody has delivered it once the output is past it."""
        self.doubted[number] = gap
        if len(self.doubted) > REMEMBERED_REJECTS:
            del self.doubted[min(self.doubted)]

    def passed(self, number: int | None = None) -> list[Gap]:
        """Return what nobody delivered of the doubted ones below that number, of None: of all."""
        gone = sorted(one for one in self.doubted if number is None or one <= number)
        told = [(one, self.doubted.pop(one)) for one in gone]
        return [gap for one, gap in told if one != number and self.unreject(one)]

    def counts_anew(self, tick: Tick, number: int, quiet_ns: int) -> bool:
        """Tell whether a tick that seems a duplicate by its id completes a new count.

        Args:
            tick: It.
            number: Its id.
            quiet_ns: How long before it something was delivered last.
        """
        if tick.event_ns is not None and self.event_ns is not None:
            is_newer = tick.event_ns > self.event_ns
        else:
            is_newer = quiet_ns >= RENUMBERED_AFTER_NS
        grows = number > self._last_held or self.held == 0
        self.held = 0 if tick.backfilled or not is_newer else self.held + 1 if grows else 1
        self._last_held = number
        if self.held < RENUMBERED_AFTER:
            return False
        if self.delivered is not None:
            self.delivered.clear()
        return True

    def comes_late(self, number: int | None) -> bool:
        """Tell whether an id that is not above the last one was never delivered; it is then, from here on."""
        if self.delivered is None or number is None or self.id is None or number > self.id:
            return False
        if not self.delivered.lacks(number):
            return False
        self.delivered.note(number)
        self.unreject(number)
        return True


class Place:
    """Where one channel of one instrument stands.

    Attributes:
        counts: What the ids of each venue tell, by its id space; another one's ids mean nothing beside them.
    """

    __slots__ = (
        "counts", "last", "lost", "mono_ns", "provider", "recv_ns", "session_ns", "unhealed",
    )  # fmt: skip

    def __init__(self) -> None:
        self.provider: ProviderId | None = None
        self.session_ns = 0
        self.mono_ns = 0
        self.recv_ns = 0
        self.last: Tick | None = None
        self.counts: dict[str, Count] = {}
        self.lost = False  # something was suppressed since that was nobody's repeat
        self.unhealed = False  # the leg was opened anew since, and knows nothing of what it brought before

    def begin(self, space: str, *, at_once: bool) -> Count:
        """Begin the count of a venue that was not here before."""
        count = self.counts[space] = Count(at_once=at_once)
        return count
