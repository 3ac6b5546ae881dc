"""Keep which trades were rejected, so that their ids are no holes, and tell which of them happened all the same.

Owns: what a rejected trade means for the output, by who rejected it and who brought it well.
Never: delivers, or compares ids with what was delivered (continuity does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

from ticktrail._contracts.route import Batch
from ticktrail._engine.gaps import gap_of
from ticktrail._engine.place import Count, Place
from ticktrail.model import CHANNEL_OF, AggTrade, Channel, InstrumentId, ProviderId, Rejected, Tick, Trade

__all__ = ["Places", "Rejects"]

Places: TypeAlias = "dict[tuple[InstrumentId, Channel], Place]"


class Rejects:
    """What was rejected of one route's legs.

    Args:
        places: By leg, where each channel of each instrument stands.
        spaces: By leg, whose ids its ticks have.
        late: Of those, whose trades one leg may bring after what another brought.

    Attributes:
        instruments: Those that the feed has; of others nothing is remembered. None: any.
    """

    def __init__(
        self,
        places: Mapping[ProviderId, Places],
        spaces: Mapping[ProviderId, str],
        late: AbstractSet[str],
    ) -> None:
        self.instruments: AbstractSet[InstrumentId] | None = None
        self._places = places
        self._spaces = spaces
        self._late = late

    def suppressed(self, batch: Batch) -> Sequence[Tick]:
        """Take in a batch of which nothing is delivered; return the gaps that it makes known."""
        for rejected in batch.rejected:
            self._set_aside(rejected, batch.provider)
        return self.contradicted(batch.ticks, batch)

    def contradicted(self, suppressed: Sequence[Tick], batch: Batch) -> Sequence[Tick]:
        """Return a gap for each suppressed trade of a batch whose other copy was rejected: nobody delivers it.

        A trade that is rejected wherever it comes is no hole: it was seen, and found wrong. One that the output has not
        passed yet may still come of another leg, of those that speak at the same time or one that takes its turn.
        """
        gaps: list[Tick] = []
        for tick in suppressed:
            kind = type(tick)
            if kind is not Trade and kind is not AggTrade:
                continue
            channel = CHANNEL_OF[kind]
            place = self._places[batch.provider].get((tick.instrument, channel))
            count = None if place is None else self._speaking(place, batch.provider)
            number: object = getattr(tick, "id", None)
            if place is None or count is None or type(number) is not int or not count.has_rejected(number):
                continue
            gap = gap_of(tick, channel, number, number, place.recv_ns, batch.recv_ns, "rejected")
            if count.id is None or number > count.id:
                count.doubt(number, gap)
            else:
                count.unreject(number)
                gaps.append(gap)
        return gaps

    def remember(self, rejected: Rejected, provider: ProviderId) -> None:
        """A rejected trade was seen: its id is no hole."""
        tick = rejected.tick
        if (type(tick) is Trade or type(tick) is AggTrade) and type(tick.id) is int:
            if self.instruments is not None and tick.instrument not in self.instruments:
                return  # a broken venue may name any, and of one that nobody asked for nothing is delivered
            key: tuple[InstrumentId, Channel] = (tick.instrument, CHANNEL_OF[type(tick)])
            places = self._places[provider]
            place = places.get(key)
            if place is None:
                place = places[key] = Place()
            space = self._spaces[provider]
            count = place.counts.get(space)
            if count is None:
                count = place.begin(space, at_once=space in self._late)
            if count.id is None or tick.id > count.id:  # or it was delivered, or told as missing
                count.reject(tick.id)

    def _set_aside(self, rejected: Rejected, provider: ProviderId) -> None:
        """A trade that was rejected of a leg that does not speak is no hole where that leg takes its turn.

        While another one speaks it says nothing: what that one missed is missing, be this one right or wrong.
        """
        tick = rejected.tick
        if (type(tick) is Trade or type(tick) is AggTrade) and type(tick.id) is int:
            place = self._places[provider].get((tick.instrument, CHANNEL_OF[type(tick)]))
            count = None if place is None else self._speaking(place, provider)
            if place is None or count is None or count.id is None or tick.id <= count.id:
                return  # before anything was delivered there is no hole
            if provider == place.provider:
                count.reject(tick.id)  # it speaks: its record went with what was suppressed of it
            else:
                count.set_aside(provider, tick.id)

    def take_up(self, place: Place, count: Count, provider: ProviderId) -> None:
        """Let count what was rejected of a leg before it spoke, where that is not past."""
        numbers = count.aside.pop(provider, ())
        if count is self._speaking(place, provider):
            for number in numbers:
                if count.id is not None and number > count.id:
                    count.reject(number)

    def _speaking(self, place: Place, leg: ProviderId) -> Count | None:
        """Return what the ids of a leg's venue tell, if it is that venue which speaks."""
        if place.provider is None or self._spaces[place.provider] != self._spaces[leg]:
            return None
        return place.counts.get(self._spaces[leg])
