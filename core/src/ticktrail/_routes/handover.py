"""Let one of several children speak for each instrument, and hold back what the others bring, for a hand-over.

Owns: who speaks, what is held back and for how long, and what of it is delivered when another child takes its turn.
Never: decides who should speak (the arbiters do), reads a clock, or compares ids (the route's continuity does).

A part that is held back is passed once the speaker has brought the same instrument and channel later than it, by the
overlap: then it is suppressed. What the speaker never passes is what a hand-over must deliver.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from ticktrail._contracts.route import Batch, Forward, Lost, Ruling, Suppress, Switch
from ticktrail._routes.parts import Key, divide, split
from ticktrail._routes.settings import Limit
from ticktrail.model import Bar, Channel, InstrumentId

__all__ = ["Handover", "nobody_for", "silence_limits_ns"]

_STATES: frozenset[Channel | None] = frozenset({"quotes", "ticker"})
"""Channels of which the newest tick says all."""


_WITHOUT_LIMITS_NS = 10_000_000_000


class _Part:
    __slots__ = ("batch", "is_gone", "key")

    def __init__(self, key: Key, batch: Batch) -> None:
        self.key = key
        self.batch = batch
        self.is_gone = False


class _Held:
    """What one child has brought and may still be needed, oldest first."""

    __slots__ = ("_by_key", "_order", "dropped", "ticks")

    def __init__(self) -> None:
        self.ticks = 0
        self.dropped: dict[
            Key, tuple[int, int]
        ] = {}  # where the bound was in the way: of when, first and last
        self._order: deque[_Part] = deque()
        self._by_key: dict[Key, deque[_Part]] = {}

    def hold(self, key: Key, batch: Batch) -> None:
        part = _Part(key, batch)
        self._order.append(part)
        self._by_key.setdefault(key, deque()).append(part)
        self.ticks += len(batch.ticks)
        if len(self._order) > 1_000 + 2 * self.ticks:
            self._order = deque(part for part in self._order if not part.is_gone)

    def passed(self, key: Key, mono_ns: int) -> Iterator[Batch]:
        """Give up what is older than that, of one instrument and channel."""
        parts = self._by_key.get(key)
        if self.dropped and (dropped := self.dropped.pop(key, None)) is not None and dropped[1] >= mono_ns:
            self.dropped[key] = (max(dropped[0], mono_ns), dropped[1])
        while parts and parts[0].batch.mono_ns < mono_ns:
            yield self._take(parts.popleft())

    def older(self, before_ns: int) -> Iterator[tuple[Key, Batch]]:
        """Give up what is older than that."""
        while self._order:
            part = self._order[0]
            if not part.is_gone:
                if part.batch.mono_ns >= before_ns:
                    return
                self._by_key[part.key].popleft()
                yield part.key, self._take(part)
            self._order.popleft()

    def beyond(self, most_ticks: int) -> Iterator[Batch]:
        """Give up the oldest of what is beyond the bound."""
        while self.ticks > most_ticks:
            part = self._order.popleft()
            if not part.is_gone:
                self._by_key[part.key].popleft()
                at_ns = part.batch.mono_ns
                self.dropped[part.key] = (self.dropped.get(part.key, (at_ns, at_ns))[0], at_ns)
                yield self._take(part)

    def of(self, instruments: Collection[InstrumentId] | None) -> Iterator[tuple[Key, Batch]]:
        """Give up all of these instruments, of None: all; in the order in which it came."""
        left: deque[_Part] = deque()
        for part in self._order:
            if part.is_gone:
                continue
            if instruments is not None and part.key[0] not in instruments:
                left.append(part)
                continue
            yield part.key, self._take(part)
        self._order = left
        for key in [key for key, parts in self._by_key.items() if not parts or parts[-1].is_gone]:
            del self._by_key[key]

    def _take(self, part: _Part) -> Batch:
        part.is_gone = True
        self.ticks -= len(part.batch.ticks)
        return part.batch


def silence_limits_ns(
    stale_after_s: Mapping[Channel, Limit], channels: Collection[Channel]
) -> Mapping[Channel, int]:
    """Return how long a speaker may bring nothing, for the channels that the feed has."""
    return {
        channel: round(limit * 1e9)
        for channel, limit in stale_after_s.items()
        if limit is not False and channel in channels
    }


def nobody_for(child: str) -> str:
    """Return the refusal of an order after which nobody would speak in place of a child."""
    return (
        f"nobody can take over from {child}: no other leg that brings the same is up; wake one, or close {child} all "
        "the same with `ticktrail ctl rest`"
    )


def _lost(parts: Iterable[Key]) -> Iterator[Ruling]:
    """Tell of which parts something is lost; a book is whole whoever brings it."""
    for name, channel in parts:
        if channel is not None and channel != "book":
            yield Lost(name, channel)


def _place_of(bar: Bar) -> tuple[int, bool]:
    """Order bars by their time; of one bar its end comes after all that is told of it before."""
    return bar.start_ns, bar.final


class Handover:
    """Who speaks for each instrument.

    Args:
        children: How many there are.
        instruments: All that the node routes.
        limits_ns: After what silence a speaker loses its turn. Nothing is held back for longer than twice the longest:
            by then the speaker has been found silent, or is well.
        overlap_s: How far behind the speaker another child may lag without losing a tick at a hand-over.
        most_ticks: Most ticks that are held back of one child.

    Attributes:
        speaker: Who speaks for all instruments but those in `elsewhere`.
        elsewhere: Who speaks for an instrument that is moved alone.
    """

    def __init__(
        self,
        children: int,
        instruments: Sequence[InstrumentId],
        *,
        limits_ns: Mapping[Channel, int],
        overlap_s: float,
        most_ticks: int,
    ) -> None:
        self.speaker = 0
        self.elsewhere: dict[InstrumentId, int] = {}
        self._instruments = instruments
        self._apart: AbstractSet[InstrumentId] = frozenset()
        self._overlap_ns = round(overlap_s * 1e9)
        self._most_ticks = most_ticks
        self._longest_ns = 2 * max(limits_ns.values(), default=_WITHOUT_LIMITS_NS) + self._overlap_ns
        self._spoken_ns: dict[Key, int] = {}  # when whoever spoke last brought something
        self._bars: dict[Key, tuple[int, bool]] = {}  # of them the newest bar
        self._held = tuple(_Held() for _ in range(children))

    def speaks(self, instrument: InstrumentId) -> int:
        """Return who speaks for an instrument."""
        return self.elsewhere.get(instrument, self.speaker)

    def set_apart(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Let these, which stay where they are whatever happens, not count for who speaks for the rest."""
        self._apart = frozenset(instruments)
        self._settle()

    def spoken_by(self, child: int) -> frozenset[InstrumentId]:
        """Return the instruments for which a child speaks."""
        return frozenset(name for name in self._instruments if self.speaks(name) == child)

    def take(self, child: int, batch: Batch, keys: AbstractSet[Key]) -> list[Ruling]:
        """Forward what the child speaks for, hold the rest back, and give up what the others hold and is passed.

        Args:
            child: Whose batch it is.
            batch: It.
            keys: Of its ticks.
        """
        spoken: Batch | None
        rest: Batch | None
        if not self.elsewhere or not batch.ticks:
            spoken, rest = (batch, None) if child == self.speaker else (None, batch)
        else:
            spoken, rest = divide(batch, lambda name: self.speaks(name) == child)
        rulings: list[Ruling] = []
        if spoken is not None:
            rulings.append(Forward(spoken))
            self._pass(child, spoken, keys, rulings)
        if rest is not None:
            self._hold(child, rest, rulings)
        return rulings

    def switch(
        self, to: int, instruments: frozenset[InstrumentId] | None, *, leads: bool = False
    ) -> list[Ruling]:
        """Let a child speak for these; return what it brought since the last speaker's word.

        Args:
            to: The child.
            instruments: For which; None: for all.
            leads: It takes the speaker's turn: those that stay with the former one are the exceptions from now on.
        """
        if instruments is None:
            self.speaker = to
            self.elsewhere.clear()
        else:
            spoken = {name: self.speaks(name) for name in self._instruments} if leads else self.elsewhere
            self.elsewhere = {**spoken, **dict.fromkeys(instruments, to)}
            self.speaker = to if leads else self.speaker
            self._settle()
        held = self._held[to]
        gone = [key for key in held.dropped if instruments is None or key[0] in instruments]
        dropped = {key: held.dropped.pop(key)[1] for key in gone}
        lost = list(_lost(key for key, last_ns in dropped.items() if not self._is_answered(key, last_ns)))
        released = list(held.of(instruments))
        for key, batch in released:
            self._spoken_ns[key] = batch.mono_ns
            if key[1] == "bars":
                self._hear_bars(key, batch)
        return [*lost, *self._deliver(released)]

    def reassign(self, instruments: Sequence[InstrumentId]) -> list[Ruling]:
        """Route these from now on; give up what is held back of those that go.

        Whoever speaks for the rest speaks for what is added, which the route is told where it is not the first child.
        """
        added = frozenset(instruments) - frozenset(self._instruments)
        gone = frozenset(self._instruments) - frozenset(instruments)
        self._instruments = tuple(instruments)
        self.elsewhere = {name: child for name, child in self.elsewhere.items() if name not in gone}
        self._spoken_ns = {key: at_ns for key, at_ns in self._spoken_ns.items() if key[0] not in gone}
        self._bars = {key: bar for key, bar in self._bars.items() if key[0] not in gone}
        rulings: list[Ruling] = []
        for held in self._held if gone else ():
            rulings += [Suppress(batch, "unsubscribed") for _, batch in held.of(gone)]
            held.dropped = {key: times for key, times in held.dropped.items() if key[0] not in gone}
        self._settle()
        if added and self.speaker:
            rulings.append(Switch(0, self.speaker, "added", None, added))
        return rulings

    def expire(self, now_ns: int) -> list[Ruling]:
        """Give up what was held back for longer than any silence lasts unnoticed.

        Where the speaker had no answer to it, it is lost; so is what the bound had dropped before.
        """
        rulings: list[Ruling] = []
        before_ns = now_ns - self._longest_ns
        for held in self._held:
            unanswered: dict[Key, None] = {}
            for key, batch in held.older(before_ns) if held.ticks else ():
                is_answered = self._is_answered(key, batch.mono_ns, batch)
                rulings.append(Suppress(batch, "standby" if is_answered else "unanswered"))
                if not is_answered:
                    unanswered[key] = None
            for key, (first_ns, last_ns) in [*held.dropped.items()]:
                if first_ns >= before_ns:
                    continue
                if not self._is_answered(key, first_ns):
                    unanswered[key] = None
                del held.dropped[key]
                if last_ns >= before_ns:
                    held.dropped[key] = (before_ns, last_ns)
            rulings += _lost(unanswered)
        return rulings

    def drain(self) -> list[Ruling]:
        """Give up all that is still held back: the speaker brought it, or stopped before it."""
        return [Suppress(batch, "standby") for held in self._held for _, batch in held.of(None)]

    def _settle(self) -> None:
        """Say of whom most instruments are that can move, so that `elsewhere` holds the exceptions."""
        spoken = {name: self.speaks(name) for name in self._instruments}
        counted = [name for name in spoken if name not in self._apart] or list(spoken)
        if counted and all(name in self.elsewhere for name in counted):
            ((child, _),) = Counter(spoken[name] for name in counted).most_common(1)
            self.speaker = child
        self.elsewhere = {name: child for name, child in spoken.items() if child != self.speaker}

    def _is_answered(self, key: Key, at_ns: int, batch: Batch | None = None) -> bool:
        """Tell whether the speaker brought something of the kind then, or later.

        Of bars their own time tells, whenever they came: another venue may be slower than any overlap.
        """
        bars = (
            () if batch is None or key[1] != "bars" else [tick for tick in batch.ticks if type(tick) is Bar]
        )
        if bars:
            return all(_place_of(bar) <= self._bars.get(key, (0, False)) for bar in bars)
        spoken_ns = self._spoken_ns.get(key)
        return spoken_ns is not None and spoken_ns >= at_ns - self._overlap_ns

    def _hear_bars(self, key: Key, batch: Batch) -> None:
        bars = [_place_of(tick) for tick in batch.ticks if type(tick) is Bar and tick.instrument == key[0]]
        if bars:
            self._bars[key] = max(*bars, self._bars.get(key, bars[0]))

    def _pass(self, child: int, spoken: Batch, keys: Iterable[Key], rulings: list[Ruling]) -> None:
        at_ns = spoken.mono_ns
        before_ns = at_ns - self._overlap_ns
        for key in keys:
            if self.speaks(key[0]) == child:
                self._spoken_ns[key] = at_ns
                if key[1] == "bars":
                    self._hear_bars(key, spoken)
        for number, held in enumerate(self._held):
            if number != child and held.ticks:
                for key in keys:
                    if self.speaks(key[0]) == child:
                        rulings.extend(Suppress(old, "standby") for old in held.passed(key, before_ns))

    def _hold(self, child: int, batch: Batch, rulings: list[Ruling]) -> None:
        if not batch.ticks:
            rulings.append(
                Suppress(batch, "standby")
            )  # nothing to hold: the record of what was rejected is due
            return
        held = self._held[child]
        for key, part in split(batch):
            held.hold(key, part)
        rulings.extend(Suppress(old, "handover_full") for old in held.beyond(self._most_ticks))

    def _deliver(self, released: Sequence[tuple[Key, Batch]]) -> Iterator[Ruling]:
        """Forward it in order; of quotes and tickers the newest alone."""
        newest: dict[Key, Batch] = {key: batch for key, batch in released if key[1] in _STATES}
        for key, batch in released:
            if key not in newest:
                yield Forward(batch)
            elif batch is not newest[key]:
                yield Suppress(batch, "conflated")
            elif len(batch.ticks) == 1:
                yield Forward(batch)
            else:
                *older, last = batch.ticks
                marked = [one for one in batch.flagged if one.tick is last]
                others = [one for one in batch.flagged if one.tick is not last]
                rest = msgspec.structs.replace(batch, ticks=older, rejected=(), flagged=others)
                yield Suppress(rest, "conflated")
                yield Forward(msgspec.structs.replace(batch, ticks=[last], flagged=marked))
