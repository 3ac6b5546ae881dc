"""See that what is delivered has no repeats, and that every hole in it is marked with a `Gap`.

Owns: the last tick delivered of each instrument and channel, whichever leg brought it. Pure.
Never: decides who speaks (the route does).

Where a venue numbers its ticks, ids decide: an id that was delivered is a duplicate, a jump in consecutive ids is a
hole. Where it names its trades without an order, a name and time that were delivered lately are a duplicate. Where it
does neither, sessions decide: ticks of a session that began before the last delivered tick leave no hole; a session
that began after it does, unless the provider sees to its own holes.

A venue may count anew, after maintenance for one. So what is taken for duplicates is looked at as a whole: ids that
grow from tick to tick, all newer than what was delivered last, are no duplicates but a new count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ticktrail._contracts.provider import Capabilities
from ticktrail._contracts.route import Batch
from ticktrail.model import (
    CHANNEL_OF,
    AggTrade,
    Channel,
    Correction,
    Gap,
    InstrumentId,
    ProviderId,
    Quote,
    Rejected,
    Suppressed,
    Tick,
    Trade,
)
from ticktrail.recent import Recent

__all__ = ["Continuity"]

REMEMBERED_REJECTS = 10_000
"""Rejected trade ids kept an instrument, to tell a rejected trade from a missing one."""
REMEMBERED_NAMES = 10_000
"""Names of trades kept an instrument at least, where they have no order: a busy stock's for some minutes."""
RENUMBERED_AFTER = 10
"""Ticks in a row that tell a new count from duplicates."""
RENUMBERED_AFTER_NS = 30_000_000_000
"""How long nothing else was delivered, where ticks have no time of the venue's: a standby lags by less."""


class _Place:
    """Where one channel of one instrument stands."""

    __slots__ = (
        "_last_held", "event_ns", "held", "id", "mono_ns", "names", "provider", "recv_ns", "rejected",
        "session_ns",
    )  # fmt: skip

    def __init__(self) -> None:
        self.provider: ProviderId | None = None
        self.session_ns = 0
        self.mono_ns = 0
        self.recv_ns = 0
        self.event_ns: int | None = None
        self.id: int | None = None
        self.rejected: dict[int, None] = {}
        self.names: Recent[tuple[str, int | None], None] = Recent(REMEMBERED_NAMES)
        self.held = 0  # duplicates in a row that may be of a new count
        self._last_held = -1

    def knows(self, name: str, event_ns: int | None) -> bool:
        """Tell whether a trade of that name and time was here, and remember it."""
        key = (name, event_ns)
        if key in self.names:
            return True
        self.names.note(key, None)
        return False

    def counts_anew(self, tick: Tick, number: int, mono_ns: int) -> bool:
        """Tell whether a tick that seems a duplicate by its id completes a new count."""
        if tick.event_ns is not None and self.event_ns is not None:
            is_newer = tick.event_ns > self.event_ns
        else:
            is_newer = mono_ns - self.mono_ns >= RENUMBERED_AFTER_NS
        grows = number > self._last_held or self.held == 0
        self.held = 0 if tick.backfilled or not is_newer else self.held + 1 if grows else 1
        self._last_held = number
        return self.held >= RENUMBERED_AFTER


class Continuity:
    """The output of one route."""

    def __init__(self, legs: Mapping[ProviderId, Capabilities]) -> None:
        self._legs = legs
        self._places: dict[tuple[InstrumentId, Channel], _Place] = {}

    def place(self, batch: Batch) -> tuple[list[Tick], list[Suppressed]]:
        """Return the batch's ticks to deliver, gaps among them, and those that were delivered before."""
        for rejected in batch.rejected:
            self._remember(rejected)
        out: list[Tick] = []
        repeats: list[Tick] = []
        provider, session_ns = batch.provider, batch.session_ns
        mono_ns, recv_ns = batch.mono_ns, batch.recv_ns
        capabilities = self._legs[provider]
        consecutive = capabilities.consecutive_trade_ids
        places = self._places
        for tick in batch.ticks:
            kind: type[Tick] = type(tick)
            channel = CHANNEL_OF.get(kind)
            if channel is None or kind is Correction:  # what mends a trade is none itself
                out.append(tick)
                continue
            key = (tick.instrument, channel)
            place = places.get(key)
            if place is None:
                place = places[key] = _Place()
            number: int | None = None
            if type(tick) is Trade:
                if type(tick.id) is int:
                    number = tick.id
                elif self._is_known(place, tick, provider):
                    repeats.append(tick)
                    continue
            elif type(tick) is AggTrade:
                number = tick.id
            elif type(tick) is Quote:
                number = tick.update_id
            if place.provider is not provider or place.session_ns != session_ns:
                if self._is_repeat(place, tick, number, batch, capabilities):
                    repeats.append(tick)
                    continue
                out.extend(self._holes(place, tick, channel, number, batch, capabilities))
                place.provider, place.session_ns = provider, session_ns
            elif number is not None and place.id is not None:
                if number <= place.id:
                    if not place.counts_anew(tick, number, mono_ns):
                        repeats.append(tick)
                        continue
                    out.append(_gap(tick, channel, None, None, place.recv_ns, recv_ns, "renumbered"))
                elif consecutive and kind is not Quote and number != place.id + 1:
                    out.extend(_missing(place, tick, channel, number, recv_ns, "missing"))
            place.id = number
            place.mono_ns = mono_ns
            place.recv_ns = recv_ns
            place.event_ns = tick.event_ns
            place.held = 0
            out.append(tick)
        return out, [Suppressed(reason="duplicate", ticks=repeats)] if repeats else []

    def _is_repeat(
        self, place: _Place, tick: Tick, number: int | None, batch: Batch, capabilities: Capabilities
    ) -> bool:
        """After a change of leg or session: was this very tick, or a later one, delivered already?"""
        if place.provider is None:
            return False
        same_ids = self._same_ids(place.provider, batch.provider)
        if same_ids and number is not None and place.id is not None:
            return number <= place.id and not place.counts_anew(tick, number, batch.mono_ns)
        if same_ids and type(tick) is Trade and number is None:
            return False  # its name was looked for already
        if place.provider != batch.provider and batch.mono_ns <= place.mono_ns:
            return True
        same_market = place.provider == batch.provider or (capabilities.id_space is not None and same_ids)
        if same_market and tick.event_ns is not None and place.event_ns is not None:
            return tick.event_ns <= place.event_ns
        return False

    def _holes(
        self,
        place: _Place,
        tick: Tick,
        channel: Channel,
        number: int | None,
        batch: Batch,
        capabilities: Capabilities,
    ) -> Iterator[Tick]:
        """After a change of leg or session: mark what lies between the last delivered tick and this one."""
        if place.provider is None:
            return
        known = number is not None and place.id is not None and self._same_ids(place.provider, batch.provider)
        cause = "reconnect" if place.provider == batch.provider else "switch"
        if known and number is not None and place.id is not None and number <= place.id:
            yield _gap(tick, channel, None, None, place.recv_ns, batch.recv_ns, "renumbered")
        elif known and channel != "quotes" and capabilities.consecutive_trade_ids:
            assert number is not None  # noqa: S101 - known says so, for the type checker
            yield from _missing(place, tick, channel, number, batch.recv_ns, cause)
        elif batch.session_ns > place.mono_ns and (
            place.provider != batch.provider or channel not in capabilities.heals
        ):
            yield _gap(tick, channel, None, None, place.recv_ns, batch.recv_ns, cause)

    def _is_known(self, place: _Place, trade: Trade, provider: ProviderId) -> bool:
        """Tell whether a trade that has a name in place of a number was delivered already."""
        if place.provider is not None and not self._same_ids(place.provider, provider):
            place.names.clear()  # another venue's names mean nothing here
        return place.knows(str(trade.id), trade.event_ns)

    def _same_ids(self, one: ProviderId, other: ProviderId) -> bool:
        if one == other:
            return True
        space = self._legs[one].id_space
        return space is not None and space == self._legs[other].id_space

    def _remember(self, rejected: Rejected) -> None:
        """A rejected trade was seen: its id is no hole."""
        tick = rejected.tick
        if (type(tick) is Trade or type(tick) is AggTrade) and type(tick.id) is int:
            key: tuple[InstrumentId, Channel] = (tick.instrument, CHANNEL_OF[type(tick)])
            place = self._places.get(key)
            if place is None:
                place = self._places[key] = _Place()
            place.rejected[tick.id] = None
            if len(place.rejected) > REMEMBERED_REJECTS:
                del place.rejected[next(iter(place.rejected))]


def _missing(
    place: _Place, tick: Tick, channel: Channel, number: int, recv_ns: int, cause: str
) -> Sequence[Tick]:
    """Return a gap for each run of ids between the last delivered one and `number` that nobody has seen."""
    assert place.id is not None  # noqa: S101 - the callers compare ids only where one is known
    gaps: list[Tick] = []
    start = place.id + 1
    for seen in sorted(known for known in place.rejected if start <= known < number):
        if seen > start:
            gaps.append(_gap(tick, channel, start, seen - 1, place.recv_ns, recv_ns, cause))
        start = seen + 1
    if start < number:
        gaps.append(_gap(tick, channel, start, number - 1, place.recv_ns, recv_ns, cause))
    if place.rejected:
        place.rejected.clear()
    return gaps


def _gap(
    tick: Tick, channel: Channel, from_id: int | None, to_id: int | None, from_ns: int, to_ns: int, cause: str
) -> Gap:
    return Gap(
        instrument=tick.instrument,
        provider=tick.provider,
        event_ns=tick.event_ns,
        recv_ns=to_ns,
        channel=channel,
        from_id=from_id,
        to_id=to_id,
        from_ns=from_ns,
        to_ns=to_ns,
        cause=cause,
    )
