"""Tell the later copies of what several legs of one venue bring, and since when one of them at least has listened.

Owns: which trades were forwarded lately, of each set of legs whose ids mean the same, and since when they miss nothing.
Never: compares ids of two venues, or looks for repeats and holes (the route's continuity does).

A copy is what another leg brought a moment ago. A trade that a leg itself brought before is none, and neither is one
that was here long ago: either the venue sends it again or it counts anew, and continuity, which sees the whole count,
tells which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from ticktrail._contracts.route import Batch
from ticktrail.model import AggTrade, Correction, InstrumentId, ProviderId, Tick, Trade
from ticktrail.recent import Recent

__all__ = ["REMEMBERED", "Copies"]

REMEMBERED = 10_000
"""Trades kept an instrument and venue at least: legs of one venue lag behind each other by seconds."""

LAG_NS = 30_000_000_000
"""By how much a leg may lag behind another of its venue: what comes later than that is no copy."""

_Name: TypeAlias = tuple[type, int | str, int | str | None, int | None]


class Copies:
    """What the legs of a node have in common.

    Args:
        id_spaces: Of each leg, whose ids its ticks have.
    """

    def __init__(self, id_spaces: Mapping[ProviderId, str | None]) -> None:
        count = Counter(id_spaces.values())
        self._shared = {
            leg: space for leg, space in id_spaces.items() if space is not None and count[space] > 1
        }
        self._bits = {leg: 1 << number for number, leg in enumerate(self._shared)}
        # By name, when a trade was forwarded, and the legs that have brought it since, a bit each.
        self._seen: dict[tuple[str, InstrumentId], Recent[_Name, tuple[int, int]]] = {}
        # By instrument and child, by whose ids and by which session it listens.
        self._listening: dict[InstrumentId, dict[int, tuple[str, int]]] = {}
        self._since_ns: dict[tuple[str, InstrumentId], int] = {}
        self._last: dict[
            int, dict[InstrumentId, ProviderId]
        ] = {}  # by child, which leg brought an instrument last
        self._sessions: dict[tuple[int, ProviderId], int] = {}

    def is_one(self, leg: ProviderId, tick: Tick, mono_ns: int) -> bool:
        """Tell whether a tick, received then, is the copy of one that another leg brought, and remember it."""
        space = self._shared.get(leg)
        if space is None:
            return False
        name: _Name
        kind = type(tick)
        if type(tick) is Trade or type(tick) is AggTrade:
            name = (kind, tick.id, None, tick.event_ns)
        elif type(tick) is Correction:
            name = (kind, tick.original_id, tick.id, tick.event_ns)
        else:
            return False
        seen = self._seen.get((space, tick.instrument))
        if seen is None:
            seen = self._seen[space, tick.instrument] = Recent(REMEMBERED)
        bit = self._bits[leg]
        before = seen.get(name)
        if before is not None:
            if kind is Correction:  # nobody behind looks for its repeats
                return True
            since_ns, brought = before
            if not brought & bit and mono_ns - since_ns <= LAG_NS:
                seen.note(name, (since_ns, brought | bit))
                return True
        seen.note(name, (mono_ns, bit))
        return False

    def listen(self, child: int, batch: Batch) -> None:
        """Note that the leg of a batch listens, for all that it was the last below its child to bring."""
        leg, now = batch.provider, batch.session_ns
        if leg in self._shared and self._sessions.get((child, leg)) != now:
            self._sessions[child, leg] = now
            for name in [name for name, last in self._last.get(child, {}).items() if last == leg]:
                self._begin(child, leg, name, now)

    def since_ns(self, child: int, batch: Batch, name: InstrumentId) -> int:
        """Return since when one or another of the legs that bring an instrument alike has listened without a break.

        A leg that was opened just now has missed nothing, where another one listened all along. Which instruments a leg
        below a child is asked for only shows in what it brings.
        """
        leg, now = batch.provider, batch.session_ns
        space = self._shared.get(leg)
        if space is None:
            if name in self._listening:  # a child that is a node may speak by a leg of another venue now
                self._listening[name].pop(child, None)
            return now
        if self._listening.get(name, {}).get(child) != (space, now):
            self._begin(child, leg, name, now)
        self._last.setdefault(child, {})[name] = leg
        return self._since_ns[space, name]

    def _begin(self, child: int, leg: ProviderId, name: InstrumentId, now: int) -> None:
        """Let a child listen by a session that it had not for this instrument before."""
        space = self._shared[leg]
        listening = self._listening.setdefault(name, {})
        listening.pop(child, None)
        if not any(other == space for other, _ in listening.values()):
            self._since_ns[space, name] = now
        listening[child] = (space, now)

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop what is known of these."""
        for key in [key for key in self._seen if key[1] in instruments]:
            del self._seen[key]
        for since in [key for key in self._since_ns if key[1] in instruments]:
            del self._since_ns[since]
        for name in instruments:
            self._listening.pop(name, None)
            for last in self._last.values():
                last.pop(name, None)

    def lose(self, child: int, instruments: AbstractSet[InstrumentId] | None = None) -> None:
        """Note that a child listens no more, to these instruments or to any."""
        for name in self._listening if instruments is None else instruments & self._listening.keys():
            self._listening[name].pop(child, None)
