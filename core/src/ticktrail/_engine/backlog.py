"""Hold what waits before one sink, within a bound, and remember what was given up.

Owns: the order of what waits, which ticks give way when there is no room, and the gaps that tell the sink of them.
Never: waits, counts for a report, or decides that something must give way (the lane does).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from ticktrail.model import (
    CHANNEL_OF,
    AggTrade,
    BookSnapshot,
    Channel,
    Gap,
    InstrumentId,
    ProviderId,
    Quote,
    Tick,
    Ticker,
    Trade,
)

__all__ = ["Backlog", "Waiting"]

Waiting: TypeAlias = tuple[int, Sequence[Tick]]
"""Ticks of one batch, and when it was received on the monotonic clock."""

CONFLATED = frozenset({Quote, Ticker, BookSnapshot})
"""Kinds that are a state: the newest of an instrument says all."""
_NUMBERED: frozenset[Channel] = frozenset({CHANNEL_OF[Trade], CHANNEL_OF[AggTrade]})
WORTH_CONFLATING = 8
"""A pass over all that waits is worth it where an eighth of the bound at least may give way: a queue full of trades is
not walked again for every quote."""


_State: TypeAlias = tuple[type, InstrumentId, bool]
"""Of what a tick is the newest: its kind, its instrument, and whether it was fetched afterwards."""


class Backlog:
    """What waits before one sink.

    Args:
        bound: The most ticks that may wait; `queued` is how many do now.
        conflates: Whether `conflate` will be asked for: states are then counted.
    """

    def __init__(self, bound: int, *, conflates: bool = False) -> None:
        self.queued = 0
        self._bound = bound
        self._conflates = conflates
        self._batches: deque[Waiting] = deque()
        self._lost: dict[tuple[InstrumentId, Channel, ProviderId | None], _Loss] = {}
        self._states = 0  # ticks of conflated kinds that came since the last pass

    def fits(self, ticks: int) -> bool:
        """Tell whether there is room for so many ticks."""
        return self.queued + ticks <= self._bound

    def add(self, mono_ns: int, ticks: Sequence[Tick]) -> Sequence[Tick]:
        """Queue as many ticks as there is room for, and return the others."""
        room = self._bound - self.queued
        taken, left = (ticks, ()) if len(ticks) <= room else (ticks[:room], ticks[room:])
        if taken:
            self._batches.append((mono_ns, taken))
            self.queued += len(taken)
            if self._conflates:
                self._states += _states(taken)
        return left

    def push(self, mono_ns: int, ticks: Sequence[Tick]) -> int:
        """Queue the ticks in place of the oldest ones, and return how many were lost.

        Whole batches give way. Of more ticks than the bound the newest stay.
        """
        lost = 0
        while self._batches and not self.fits(len(ticks)):
            _, oldest = self._batches.popleft()
            self.queued -= len(oldest)
            lost += self._lose(oldest)
        surplus = len(ticks) - self._bound
        if surplus > 0:
            lost += self._lose(ticks[:surplus])
            ticks = ticks[surplus:]
        self.add(mono_ns, ticks)
        return lost

    def conflate(self, ticks: Sequence[Tick]) -> tuple[Sequence[Tick], int]:
        """Let states give way to newer ones of their kind and instrument, among what waits and the ticks together.

        Returns the ticks that are still to be queued, which may not fit either, and how many gave way.
        """
        if (self._states + _states(ticks)) * WORTH_CONFLATING < self._bound:
            return ticks, 0
        before = self.queued + len(ticks)
        newest: set[_State] = set()
        left = _newest(ticks, newest)
        kept: deque[Waiting] = deque()
        for mono_ns, waiting in reversed(self._batches):
            rest = _newest(waiting, newest)
            if rest:
                kept.appendleft((mono_ns, rest))
        self._batches = kept
        self.queued = sum(len(waiting) for _, waiting in kept)
        self._states = 0
        return left, before - self.queued - len(left)

    def take(self) -> Sequence[Waiting]:
        """Give away all that waits."""
        taken, self._batches, self.queued = self._batches, deque(), 0
        self._states = 0
        return taken

    def gaps(self) -> list[Tick]:
        """Return what tells the sink of all that was lost since the last time."""
        gaps: list[Tick] = [loss.gap(name, channel) for (name, channel, _), loss in self._lost.items()]
        self._lost.clear()
        return gaps

    def _lose(self, ticks: Sequence[Tick]) -> int:
        for tick in ticks:
            channel = tick.channel if type(tick) is Gap else CHANNEL_OF.get(type(tick))
            if channel is not None:
                # Ids of two legs make no range; of what has none one gap is enough.
                leg = tick.provider if channel in _NUMBERED else None
                key = (tick.instrument, channel, leg)
                loss = self._lost.get(key)
                if loss is None:
                    loss = self._lost[key] = _Loss(tick)
                loss.see(tick)
        return len(ticks)


class _Loss:
    """What one channel of one instrument lost, of one leg where it has ids.

    A lost gap widens it: its hole is not told otherwise.
    """

    __slots__ = ("_from_id", "_from_ns", "_is_one_count", "_provider", "_to_id", "_to_ns")

    def __init__(self, first: Tick) -> None:
        self._from_ns = first.recv_ns
        if type(first) is Gap and first.from_ns is not None:
            self._from_ns = first.from_ns
        self._to_ns = first.recv_ns
        self._from_id: int | None = None
        self._to_id: int | None = None
        self._is_one_count = True
        self._provider: ProviderId = first.provider

    def see(self, tick: Tick) -> None:
        self._provider, self._to_ns = tick.provider, tick.recv_ns
        first: int | None = None
        last: int | None = None
        if type(tick) is Gap:
            first, last = tick.from_id, tick.to_id
            if first is None or last is None:  # the venue may have counted anew in it
                self._is_one_count = False
        elif (type(tick) is Trade or type(tick) is AggTrade) and type(tick.id) is int:
            first = last = tick.id
        if self._from_id is None:
            self._from_id = first
        if first is not None and self._to_id is not None and first <= self._to_id:
            self._is_one_count = False  # the venue counted anew in between
        if last is not None:
            self._to_id = last

    def gap(self, instrument: InstrumentId, channel: Channel) -> Gap:
        first, last = (self._from_id, self._to_id) if self._is_one_count else (None, None)
        return Gap(
            instrument=instrument,
            provider=self._provider,
            event_ns=None,
            recv_ns=self._to_ns,
            channel=channel,
            from_id=first,
            to_id=last,
            from_ns=self._from_ns,
            to_ns=self._to_ns,
            cause="overflow",
        )


def _states(ticks: Sequence[Tick]) -> int:
    return sum(type(tick) in CONFLATED for tick in ticks)


def _newest(ticks: Sequence[Tick], newest: set[_State]) -> list[Tick]:
    """Return the ticks without the states that `newest`, or a later one of them, has in their place.

    One that was fetched afterwards is of the past: no live one gives way to it.
    """
    rest: list[Tick] = []
    for tick in reversed(ticks):
        kind = type(tick)
        if kind in CONFLATED:
            key = (kind, tick.instrument, tick.backfilled)
            if key in newest or (tick.backfilled and (kind, tick.instrument, False) in newest):
                continue
            newest.add(key)
        rest.append(tick)
    rest.reverse()
    return rest
