"""Keep the value delivered last, by instrument and channel.

Owns: what is kept of a batch, how old it may be, and which entry goes when there are too many. Pure: time arrives as
an argument.
Never: asks anybody, or keeps an order book: the newest change of one says nothing without all that came before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from ticktrail.latest import Latest
from ticktrail.model import CHANNEL_OF, AggTrade, Bar, Channel, InstrumentId, Quote, Tick, Ticker, Trade

__all__ = ["KEPT", "LatestCache"]

KEPT = frozenset({Trade, AggTrade, Quote, Ticker, Bar})
"""Kinds of which the newest means something by itself."""

_Key: TypeAlias = tuple[InstrumentId, Channel]


class LatestCache:
    """The latest values of one feed.

    Args:
        ttl_s: A value older than this is stale; it is kept all the same.
        max_entries: The most pairs of instrument and channel; those that were renewed longest ago go first.
    """

    def __init__(self, *, ttl_s: float, max_entries: int) -> None:
        self.ttl_s = ttl_s
        self.max_entries = max_entries
        self._entries: OrderedDict[_Key, tuple[Tick, int]] = OrderedDict()
        self._lost_ns: int | None = None

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._entries)

    def note(self, ticks: Sequence[Tick], mono_ns: int) -> None:
        """Keep the last of each instrument and kind; the batch was received at `mono_ns`.

        A tick that was fetched later than it happened does not take the place of a newer one, and one that is delivered
        again as stale renews nothing.
        """
        newest: dict[tuple[InstrumentId, type[Tick]], Tick] = {}
        settled: set[tuple[InstrumentId, type[Tick]]] = set()
        for tick in reversed(ticks):
            kind: type[Tick] = type(tick)
            if kind not in KEPT or tick.stale:
                continue
            key = (tick.instrument, kind)
            if key in settled:
                continue
            later = newest.get(key)
            if later is None or not _takes_the_place(later, tick):
                newest[key] = tick
            if not tick.backfilled or tick.event_ns is None:
                settled.add(key)
        entries = self._entries
        for key, tick in reversed(newest.items()):
            place = (key[0], CHANNEL_OF[key[1]])
            known = entries.get(place)
            if known is None or key in settled or _takes_the_place(tick, known[0]):
                entries[place] = (tick, mono_ns)
                entries.move_to_end(place)
        while len(entries) > self.max_entries:
            entries.popitem(last=False)

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop the values of these."""
        for key in [key for key in self._entries if key[0] in instruments]:
            del self._entries[key]

    def limit(self, *, ttl_s: float, max_entries: int) -> None:
        """Hold other limits from now on."""
        self.ttl_s, self.max_entries = ttl_s, max_entries
        while len(self._entries) > max_entries:
            self._entries.popitem(last=False)

    def get(self, instrument: InstrumentId, channel: Channel, mono_ns: int) -> Latest | None:
        """Return the latest value as it stands at `mono_ns`; None where none was delivered, or it had to go."""
        entry = self._entries.get((instrument, channel))
        if entry is None:
            return None
        tick, received_ns = entry
        age_s = max(0, mono_ns - received_ns) / 1e9
        is_lost = self._lost_ns is not None and received_ns <= self._lost_ns
        return Latest(tick=tick, age_s=age_s, is_stale=is_lost or age_s > self.ttl_s)

    def lose_all(self, mono_ns: int) -> Sequence[Tick]:
        """Note that every leg is lost, so that whatever is known is stale until it is renewed; returns all of it."""
        self._lost_ns = mono_ns
        return [tick for tick, _ in self._entries.values()]


def _takes_the_place(later: Tick, earlier: Tick) -> bool:
    """Tell whether what was delivered later is also the newer value."""
    if not later.backfilled or later.event_ns is None or earlier.event_ns is None:
        return True
    return later.event_ns >= earlier.event_ns
