"""Keep back what follows a hole until it is known what stands in the hole's place.

Owns: the order: what fills a hole comes before what came after it, line by line, instrument by instrument and channel
by channel. Pure.
Never: asks for anything, or lets one channel wait for another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from ticktrail._contracts.route import Batch
from ticktrail._engine.hole import Break, Hole
from ticktrail.model import CHANNEL_OF, Channel, Gap, InstrumentId, ProviderId, Tick

__all__ = ["Part", "Waiting"]

_Key: TypeAlias = tuple[int, InstrumentId, Channel]
_OF_ONE_LEG = -1
"""The line of bars, which are of one leg at a time in any route."""


@dataclass(slots=True)
class Part:
    """Ticks of one batch that are delivered together."""

    batch: Batch
    ticks: list[Tick] = field(default_factory=list)


class Waiting:
    """What waits in one route.

    Args:
        lines: Of each leg, the line that it is of.
        opens: Says of each hole that is found whether it is worth waiting for.

    Attributes:
        ticks: How many wait.
        holes: Those that are waited for, the oldest first.
    """

    def __init__(self, lines: Mapping[ProviderId, int], opens: Callable[[Hole], bool]) -> None:
        self._lines = lines
        self._opens = opens
        self._breaks: dict[int, Break] = {}
        self._queues: dict[_Key, deque[Hole | Part]] = {}
        self._settled: dict[Hole, Sequence[Part]] = {}
        self._ready: deque[Part] = deque()
        self.holes: dict[Hole, _Key] = {}
        self.ticks = 0

    def note(self, found: Break) -> None:
        """Take what continuity knows of a gap; the gap itself comes with the next `take`."""
        self._breaks[id(found.gap)] = found

    def take(self, batch: Batch, ticks: Sequence[Tick]) -> tuple[Batch, Sequence[Tick]]:
        """Take what would be delivered of a batch; return what may go at once, and the batch without the rest."""
        if not self._breaks and not self._queues:
            return batch, ticks
        going: list[Tick] = []
        parts: dict[_Key, Part] = {}
        breaks: list[Break] = []
        for tick in ticks:
            found = self._breaks.pop(id(tick), None) if type(tick) is Gap else None
            if found is not None:
                breaks.append(found)  # the tick that it stands before is the next one
                continue
            key = self._key(tick, batch.provider)
            for late in self._open(breaks, tick, batch, key, parts):
                self._put(late, batch, key, parts, going)
            breaks = []
            self._put(tick, batch, key, parts, going)
        waiting = {id(tick) for part in parts.values() for tick in part.ticks}
        if not waiting or not batch.flagged:
            return batch, going
        flagged = [one for one in batch.flagged if id(one.tick) not in waiting]
        return msgspec.structs.replace(batch, flagged=flagged), going

    def settle(self, hole: Hole, parts: Sequence[Part]) -> None:
        """Put this in a hole's place; what is in order now is ready."""
        key = self.holes.pop(hole)
        self._settled[hole] = parts
        queue = self._queues[key]
        while queue:
            first = queue[0]
            if isinstance(first, Part):
                self.ticks -= len(first.ticks)
                self._ready.append(_alone(first))
            elif first in self._settled:
                self._ready.extend(self._settled.pop(first))
            else:
                return
            queue.popleft()
        del self._queues[key]

    def ready(self) -> Iterator[Part]:
        """Give up what is in order, part by part."""
        while self._ready:
            yield self._ready.popleft()

    def drain(self) -> Iterator[Part]:
        """Give up everything that waits, whatever is missing before it."""
        yield from self.ready()
        for queue in self._queues.values():
            for entry in queue:
                if isinstance(entry, Part):
                    yield _alone(entry)
                else:
                    yield from self._settled.get(entry, ())
        self._queues.clear()
        self._settled.clear()
        self.holes.clear()
        self.ticks = 0

    def _open(
        self,
        breaks: Sequence[Break],
        tick: Tick,
        batch: Batch,
        key: _Key | None,
        parts: dict[_Key, Part],
    ) -> Sequence[Gap]:
        """Begin to wait for what is missing before a tick; return the gaps where nobody waits for it."""
        if not breaks or key is None:
            return [one.gap for one in breaks]
        hole = Hole(breaks, tick, batch)
        if not self._opens(hole):
            return hole.gaps
        parts.pop(key, None)  # what comes from here on stands behind the hole
        self.holes[hole] = key
        self._queues.setdefault(key, deque()).append(hole)
        return ()

    def _put(
        self, tick: Tick, batch: Batch, key: _Key | None, parts: dict[_Key, Part], going: list[Tick]
    ) -> None:
        queue = None if key is None else self._queues.get(key)
        if queue is None or key is None:
            going.append(tick)
            return
        part = parts.get(key)
        if part is None:
            part = parts[key] = Part(batch)
            queue.append(part)
        part.ticks.append(tick)
        self.ticks += 1

    def _key(self, tick: Tick, provider: ProviderId) -> _Key | None:
        channel = tick.channel if type(tick) is Gap else CHANNEL_OF.get(type(tick))
        if channel is None:
            return None
        line = _OF_ONE_LEG if channel == "bars" else self._lines[provider]
        return line, tick.instrument, channel


def _alone(part: Part) -> Part:
    """Return the part with a batch of its own: what was rejected or went at once was recorded by then."""
    ids = {id(tick) for tick in part.ticks}
    flagged = [one for one in part.batch.flagged if id(one.tick) in ids]
    return Part(
        msgspec.structs.replace(part.batch, ticks=part.ticks, rejected=(), flagged=flagged), part.ticks
    )
