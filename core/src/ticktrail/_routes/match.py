"""Find which ticks of two sides are the same, within a window of time and a bound of memory.

Owns: what waits for its like: by the venue's id, or by price, size and event time.
Never: reads a clock, or lets a tick go uncounted: each is matched, lost (the other side had it not), or uncompared.

Without ids two trades are the same where price and size are equal and their times lie within a tolerance: the one next
in time is taken, of two the earlier. Equal trades are told apart by their number alone, as in a multiset.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Hashable
from decimal import Decimal
from typing import TypeAlias

from ticktrail._routes.gauge import CANDIDATE, SPEAKER, Gauge
from ticktrail.model import AggTrade, Quote, Trade

__all__ = ["Comparable", "Matcher"]

Comparable: TypeAlias = Trade | AggTrade | Quote
_Deal: TypeAlias = tuple[Gauge, int, Decimal, Decimal]


class _Open:
    """A tick that came first, until its window is over; `is_excused`: no fault of the other side's."""

    __slots__ = ("at_ns", "gauge", "is_excused", "is_matched", "side", "tick", "time_ns")

    def __init__(self, side: int, gauge: Gauge, tick: Comparable, at_ns: int, *, is_excused: bool) -> None:
        self.side = side
        self.gauge = gauge
        self.tick = tick
        self.at_ns = at_ns
        self.is_excused = is_excused
        self.is_matched = False
        self.time_ns = tick.recv_ns if tick.event_ns is None else tick.event_ns


def _time_of(one: _Open) -> int:
    return one.time_ns


class Matcher:
    """What waits on both sides.

    Args:
        window_ns: How long a tick waits for its like.
        most: Ticks that are kept at most; of more the oldest count as uncompared.
        tolerance_ns: By how much the event times of equal trades may differ, where they have no common ids.
    """

    def __init__(self, *, window_ns: int, most: int, tolerance_ns: int) -> None:
        self._window_ns = window_ns
        self._most = most
        self._tolerance_ns = tolerance_ns
        self._order: deque[_Open] = deque()
        self._by_id: dict[Gauge, dict[Hashable, _Open]] = {}
        self._by_value: dict[_Deal, list[_Open]] = {}

    def __len__(self) -> int:
        """How many ticks are kept."""
        return len(self._order)

    def add(self, side: int, gauge: Gauge, tick: Comparable, now_ns: int, *, is_excused: bool) -> None:
        """Match a tick, or let it wait.

        Args:
            side: Whose it is.
            gauge: Where it is counted.
            tick: It.
            now_ns: Monotonic; `expire` was called for it.
            is_excused: Where nothing like it comes, that is not to be held against the other side.
        """
        one = (
            self._wait_by_id(side, gauge, tick, now_ns, is_excused=is_excused)
            if gauge.matched_by == "ids"
            else self._wait_by_value(side, gauge, tick, now_ns, is_excused=is_excused)
        )
        if one is not None:
            self._order.append(one)
            if len(self._order) > self._most:
                self._give_up(self._order.popleft(), is_over=False)

    def expire(self, now_ns: int) -> None:
        """Count what has waited for the whole window."""
        order = self._order
        while order and now_ns - order[0].at_ns >= self._window_ns:
            self._give_up(order.popleft(), is_over=True)

    def drain(self) -> None:
        """Count what still waits as uncompared."""
        while self._order:
            self._give_up(self._order.popleft(), is_over=False)

    def _wait_by_id(
        self, side: int, gauge: Gauge, tick: Comparable, now_ns: int, *, is_excused: bool
    ) -> _Open | None:
        key = tick.update_id if isinstance(tick, Quote) else tick.id
        if key is None:
            gauge.sides[side].uncompared += 1
            return None
        waiting = self._by_id.get(gauge)
        if waiting is None:
            waiting = self._by_id[gauge] = {}
        other = waiting.get(key)
        if other is None:
            one = waiting[key] = _Open(side, gauge, tick, now_ns, is_excused=is_excused)
            return one
        if other.is_matched or other.side == side:
            gauge.sides[side].uncompared += 1  # it came before
            return None
        self._match(other, tick)
        return None

    def _wait_by_value(
        self, side: int, gauge: Gauge, tick: Comparable, now_ns: int, *, is_excused: bool
    ) -> _Open | None:
        if isinstance(tick, Quote) or not (tick.price.is_finite() and tick.size.is_finite()):
            gauge.sides[side].uncompared += 1
            return None
        one = _Open(side, gauge, tick, now_ns, is_excused=is_excused)
        other_side = CANDIDATE if side == SPEAKER else SPEAKER
        others = self._by_value.get((gauge, other_side, tick.price, tick.size))
        place = None if others is None else self._nearest(others, one.time_ns)
        if others is not None and place is not None:
            other = others.pop(place)
            if not others:
                del self._by_value[gauge, other_side, tick.price, tick.size]
            self._match(other, tick)
            return None
        insort(self._by_value.setdefault((gauge, side, tick.price, tick.size), []), one, key=_time_of)
        return one

    def _nearest(self, others: list[_Open], time_ns: int) -> int | None:
        """Return the place of the one next in time, None where none is within the tolerance."""
        after = bisect_left(others, time_ns, key=_time_of)
        places = [after] if after < len(others) else []
        if after:  # of those of one time the one that has waited longest
            places.insert(0, bisect_left(others, others[after - 1].time_ns, key=_time_of))
        nearest = min(places, key=lambda place: abs(others[place].time_ns - time_ns))
        return nearest if abs(others[nearest].time_ns - time_ns) <= self._tolerance_ns else None

    def _match(self, waiting: _Open, tick: Comparable) -> None:
        waiting.is_matched = True
        pair = (waiting.tick, tick) if waiting.side == SPEAKER else (tick, waiting.tick)
        speaker, candidate = pair
        waiting.gauge.match(speaker, candidate)
        if waiting.gauge.matched_by == "ids" and not isinstance(speaker, Quote):
            assert not isinstance(candidate, Quote)  # noqa: S101 - a gauge is of one channel
            waiting.gauge.compare_price(speaker.price, candidate.price)

    def _give_up(self, one: _Open, *, is_over: bool) -> None:
        """Forget a tick, and count it where it has found nothing."""
        gauge, tick = one.gauge, one.tick
        if gauge.matched_by == "ids":
            key = tick.update_id if isinstance(tick, Quote) else tick.id
            self._by_id[gauge].pop(key, None)
        if one.is_matched:
            return
        if gauge.matched_by == "values" and not isinstance(tick, Quote):
            deal = (gauge, one.side, tick.price, tick.size)
            alike = self._by_value[deal]
            alike.remove(one)
            if not alike:
                del self._by_value[deal]
        if is_over and not one.is_excused:
            gauge.lose(one.side)
        else:
            gauge.sides[one.side].uncompared += 1
