"""See that what is delivered has no repeats, and that every hole in it is marked with a `Gap`.

Owns: the last tick delivered of each line, instrument and channel, whichever leg of the line brought it. Pure.
Never: decides who speaks (the route does), or which legs make a line (`lines` does).

Where a venue numbers its ticks, ids decide: an id that was delivered is a duplicate, a jump in consecutive ids is a
hole. Where it names its trades without an order, a name and time that were delivered lately are a duplicate. Where it
does neither, sessions decide: ticks of a session that began before the last delivered tick leave no hole; a session
that began after it does, unless the provider sees to its own holes.

Legs of which one speaks for another are one line. Where a node lets several speak at the same time, each of them is a
line of its own, unless they number the same ticks alike: ids of two venues may then come in any order, and neither
repeat each other nor leave holes. Books and bars are of one leg at a time in any route, and so are one line.
Where legs of one venue speak at the same time and no id tells what lies between two of them, one may bring what the
other missed after a later tick: an id that was not delivered is no duplicate then, whatever its place in the order.

A venue may count anew, after maintenance for one. So what is taken for duplicates is looked at as a whole: ids that
grow from tick to tick, all newer than what was delivered last, are no duplicates but a new count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ticktrail._contracts.provider import Capabilities
from ticktrail._contracts.route import Batch
from ticktrail._engine.gaps import follows, gap_of, missing_of
from ticktrail._engine.hole import Break
from ticktrail._engine.place import Place
from ticktrail._engine.rejects import Places, Rejects
from ticktrail.model import (
    CHANNEL_OF,
    AggTrade,
    Bar,
    BookDelta,
    BookSnapshot,
    Channel,
    Correction,
    Gap,
    InstrumentId,
    ProviderId,
    Quote,
    Suppressed,
    Tick,
    Trade,
)

__all__ = ["Continuity"]

_BOOK = frozenset({BookDelta, BookSnapshot})
_OF_ONE_LEG = frozenset({BookDelta, BookSnapshot, Bar})


class Continuity:
    """The output of one route.

    Args:
        legs: What each leg can.
        lines: Of each leg, the line that it is of; None: all legs are one.
        mute: Legs of which nothing is ever delivered: what they bring or reject says nothing of the output.
        at_once: Legs whose ids another leg brings at the same time.

    Attributes:
        tell: Takes what is known of both sides of a hole that may be filled, before `place` returns its gap.
    """

    def __init__(
        self,
        legs: Mapping[ProviderId, Capabilities],
        lines: Mapping[ProviderId, int] | None = None,
        *,
        mute: AbstractSet[ProviderId] = frozenset(),
        at_once: AbstractSet[ProviderId] = frozenset(),
    ) -> None:
        self.tell: Callable[[Break], None] | None = None
        self._legs = legs
        self._mute = mute
        line_of = dict.fromkeys(legs, 0) if lines is None else lines
        by_line: dict[int, Places] = {line: {} for line in line_of.values()}
        self._places = {leg: by_line[line] for leg, line in line_of.items()}
        self._of_one_leg: Places = {} if len(by_line) > 1 else next(iter(by_line.values()), {})
        self._spaces = {leg: self._space(leg) for leg in legs}
        told = {self._spaces[leg] for leg, what in legs.items() if what.consecutive_trade_ids}
        self._late = frozenset(self._spaces[leg] for leg in at_once) - told
        self._rejects = Rejects(self._places, self._spaces, self._late)

    def place(self, batch: Batch) -> tuple[list[Tick], list[Suppressed]]:  # noqa: PLR0915 - a call a tick costs more
        """Return the batch's ticks to deliver, gaps among them, and those that were delivered before."""
        for rejected in batch.rejected:
            self._rejects.remember(rejected, batch.provider)
        out: list[Tick] = []
        repeats: list[Tick] = []
        provider, session_ns = batch.provider, batch.session_ns
        mono_ns, recv_ns = batch.mono_ns, batch.recv_ns
        capabilities = self._legs[provider]
        consecutive = capabilities.consecutive_trade_ids
        own, of_one_leg = self._places[provider], self._of_one_leg
        space = self._spaces[provider]
        for tick in batch.ticks:
            kind: type[Tick] = type(tick)
            channel = CHANNEL_OF.get(kind)
            if (
                channel is None
                or kind is Correction
                or (type(tick) is Quote and (tick.bid_provider or tick.ask_provider))
            ):
                # What mends a trade is none itself; a quote of several legs has its holes marked by its node.
                out.append(tick)
                continue
            places = of_one_leg if kind in _OF_ONE_LEG else own
            key = (tick.instrument, channel)
            place = places.get(key)
            if place is None:
                place = places[key] = Place()
            count = place.counts.get(space)
            if count is None:
                comes_late = space in self._late and (kind is Trade or kind is AggTrade)
                count = place.begin(space, at_once=comes_late)
            number: int | None = None
            if type(tick) is Trade:
                if type(tick.id) is int:
                    number = tick.id
                elif count.knows(str(tick.id), tick.event_ns):
                    repeats.append(tick)
                    continue
            elif type(tick) is AggTrade:
                number = tick.id
            elif type(tick) is Quote:
                number = tick.update_id
            if place.lost:
                out.extend(self._lost(place, tick, channel, number, batch, capabilities))
            if place.provider != provider or place.session_ns != session_ns:
                if count.aside:
                    self._rejects.take_up(place, count, provider)
                if self._is_repeat(place, tick, number, batch):
                    (out if count.comes_late(number) else repeats).append(tick)
                    continue
                out.extend(self._holes(place, tick, channel, number, batch, capabilities))
                place.provider, place.session_ns, place.unhealed = provider, session_ns, False
            elif number is not None and count.id is not None:
                if number <= count.id:
                    if not count.counts_anew(tick, number, mono_ns - place.mono_ns):
                        (out if count.comes_late(number) else repeats).append(tick)
                        continue
                    out.append(gap_of(tick, channel, None, None, place.recv_ns, recv_ns, "renumbered"))
                elif consecutive and kind is not Quote and number != count.id + 1:
                    gaps = missing_of(count, tick, channel, number, place.recv_ns, recv_ns, "missing")
                    out.extend(self._told(place, provider, gaps))
            count.id = number
            if number is not None:
                if count.rejected:
                    count.unreject(number)  # what was rejected was a second copy
                if count.doubted:
                    out.extend(count.passed(number))
                if count.delivered is not None:
                    count.delivered.note(number)
            place.mono_ns = mono_ns
            place.recv_ns = recv_ns
            place.last = count.last = tick
            count.held = 0
            out.append(tick)
        if not repeats:
            return out, []
        out.extend(self._rejects.contradicted(repeats, batch))
        return out, [Suppressed(reason="duplicate", ticks=repeats)]

    def lose(self, leg: ProviderId, instrument: InstrumentId, channel: Channel) -> None:
        """Note that something of a channel was suppressed which nobody of the leg's line delivered."""
        place = self._places[leg].get((instrument, channel))
        if place is not None and place.provider is not None:  # before anything was delivered there is no hole
            place.lost = True

    def heed(self, instruments: Collection[InstrumentId]) -> None:
        """Remember what was rejected of these alone: a broken venue may name any."""
        self._rejects.instruments = frozenset(instruments)

    def renewed(self, leg: ProviderId) -> None:
        """Note that a leg was opened anew: what it missed before its next session it does not heal."""
        for place in self._all_places():
            if place.provider == leg:
                place.unhealed = True

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop what is known of these: when one of them is added again, it begins like any other."""
        for places in (*self._places.values(), self._of_one_leg):
            for key in [key for key in places if key[0] in instruments]:
                del places[key]

    def _all_places(self) -> Iterator[Place]:
        for places in (*self._places.values(), self._of_one_leg):
            yield from places.values()

    def is_new(self, leg: ProviderId, instrument: InstrumentId, tick: Tick) -> bool:
        """Tell whether a fetched tick was not delivered before, where its name alone can tell; it is known then."""
        if type(tick) is not Trade or type(tick.id) is int:
            return True
        place = self._places[leg].get((instrument, "trades"))
        count = None if place is None else place.counts.get(self._spaces[leg])
        return count is None or not count.knows(str(tick.id), tick.event_ns)

    def suppressed(self, batch: Batch) -> Sequence[Tick]:
        """Take in a batch of which nothing is delivered; return the gaps that it makes known."""
        return () if batch.provider in self._mute else self._rejects.suppressed(batch)

    def finish(self) -> Sequence[Gap]:
        """Return a gap for each trade that somebody could still have delivered: nobody will."""
        counts = [count for place in self._all_places() for count in place.counts.values()]
        return [gap for count in counts for gap in count.passed()]

    def _lost(
        self,
        place: Place,
        tick: Tick,
        channel: Channel,
        number: int | None,
        batch: Batch,
        capabilities: Capabilities,
    ) -> Iterator[Tick]:
        """Mark what was suppressed and is nobody's repeat, where ids do not tell what is missing."""
        place.lost = False
        assert place.provider is not None  # noqa: S101 - `lose` sees to it
        if type(tick) is Bar and type(place.last) is Bar and follows(tick, place.last):
            return
        counts = channel != "quotes" and capabilities.consecutive_trade_ids
        own = place.counts[self._spaces[batch.provider]]
        ids_tell = counts and number is not None and own.id is not None
        if not ids_tell or not self._same_ids(place.provider, batch.provider):
            gap = gap_of(tick, channel, None, None, place.recv_ns, batch.recv_ns, "suppressed")
            yield from self._told(place, batch.provider, (gap,))

    def _is_repeat(self, place: Place, tick: Tick, number: int | None, batch: Batch) -> bool:
        """After a change of leg or session: was this very tick, or a later one, delivered already?"""
        if place.provider is None or (place.provider != batch.provider and type(tick) in _BOOK):
            return False  # what a hand-over might repeat of a book, the route's books see to
        same_ids = self._same_ids(place.provider, batch.provider)
        count = place.counts[self._spaces[batch.provider]]
        ids_tell = number is not None and count.id is not None
        if number is not None and count.id is not None and number <= count.id:  # whoever spoke in between
            return not count.counts_anew(tick, number, batch.mono_ns - place.mono_ns)
        ids_tell = ids_tell or (type(tick) is Trade and number is None)  # its name was looked for already
        if same_ids and ids_tell:
            return False
        if place.provider != batch.provider and batch.mono_ns <= place.mono_ns:
            return True
        if ids_tell or tick.event_ns is None or count.event_ns is None:
            return False
        return tick.event_ns <= count.event_ns

    def _holes(
        self,
        place: Place,
        tick: Tick,
        channel: Channel,
        number: int | None,
        batch: Batch,
        capabilities: Capabilities,
    ) -> Iterator[Tick]:
        """After a change of leg or session: mark what lies between the last delivered tick and this one."""
        if place.provider is None:
            return
        count = place.counts[self._spaces[batch.provider]]
        same_ids = self._same_ids(place.provider, batch.provider)
        if not same_ids:  # nobody brings what that venue's legs could still have brought
            yield from place.counts[self._spaces[place.provider]].passed()
        known = number is not None and count.id is not None and same_ids
        cause = "reconnect" if place.provider == batch.provider else "switch"
        if known and number is not None and count.id is not None and number <= count.id:
            yield gap_of(tick, channel, None, None, place.recv_ns, batch.recv_ns, "renumbered")
        elif known and channel != "quotes" and capabilities.consecutive_trade_ids:
            assert number is not None  # noqa: S101 - known says so, for the type checker
            gaps = missing_of(count, tick, channel, number, place.recv_ns, batch.recv_ns, cause)
            yield from self._told(place, batch.provider, gaps)
        elif batch.session_ns > place.mono_ns and (
            place.provider != batch.provider or place.unhealed or channel not in capabilities.heals
        ):
            gap = gap_of(tick, channel, None, None, place.recv_ns, batch.recv_ns, cause)
            yield from self._told(place, batch.provider, (gap,))

    def _told(self, place: Place, provider: ProviderId, gaps: Sequence[Gap]) -> Sequence[Gap]:
        """Return the gaps, after telling what lies on their near side."""
        if self.tell is not None and place.last is not None and place.provider is not None:
            own = place.counts[self._spaces[provider]]
            for gap in gaps:
                self.tell(Break(gap, place.last, own.last))
        return gaps

    def _space(self, leg: ProviderId) -> str:
        """Return whose ids a leg's ticks have, as a key."""
        space = self._legs[leg].id_space
        return f"leg {leg}" if space is None else f"space {space}"

    def _same_ids(self, one: ProviderId, other: ProviderId) -> bool:
        return self._spaces[one] == self._spaces[other]
