"""Hold one hole in a channel of an instrument: what is missing, what was found of it, what is left.

Owns: which ticks of an archive's answer are of the hole, and when it is closed. Pure.
Never: asks, waits, or decides that there is a hole (`continuity` does).

Where ids tell what is missing, they tell what is found. Elsewhere the hole is the time between two ticks: it is closed
only where an answer reaches up to the very tick that came after it, since an archive lags behind its streams. Bars
close it where they follow on one another without a break.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ticktrail._contracts.route import Batch
from ticktrail.model import AggTrade, Bar, Gap, InstrumentId, ProviderId, Tick, Trade

__all__ = ["Break", "Hole"]

SLACK_NS = 1_000_000
"""The same trade's time may be in milliseconds in an archive and finer in a stream, or the other way round."""
_Identity: TypeAlias = tuple[int | str, int | None]


@dataclass(frozen=True, slots=True)
class Break:
    """A gap, and what was delivered before it.

    Attributes:
        gap: It.
        last: The last tick before it, whichever leg brought it.
        own: The last tick before it whose id or name means the same as those of the tick after it; None: there was
            none.
    """

    gap: Gap
    last: Tick
    own: Tick | None


class Hole:
    """What lies between two ticks.

    Args:
        breaks: One for each gap that stands there, all of the same two ticks.
        after: The tick that came after it.
        batch: The batch that brought that tick.

    Attributes:
        gaps: What stands in its place where nothing is found.
        spans: The missing ids, both ends inclusive; empty where ids do not tell.
        leg: Whose archive gave what was found.
    """

    def __init__(self, breaks: Sequence[Break], after: Tick, batch: Batch) -> None:
        self.gaps = tuple(one.gap for one in breaks)
        self.channel = self.gaps[0].channel
        self.instrument: InstrumentId = after.instrument
        self.after = after
        self.last = breaks[0].last
        self.batch = batch
        self.leg: ProviderId = batch.provider
        self._own = breaks[0].own
        self._found: dict[_Identity, Tick] = {}
        self._is_passed = False
        spans = [
            (gap.from_id, gap.to_id) for gap in self.gaps if gap.from_id is not None and gap.to_id is not None
        ]
        self.spans: Sequence[tuple[int, int]] = spans if len(spans) == len(self.gaps) else ()

    @property
    def missing(self) -> int | None:
        """How many ticks are missing, as far as ids tell."""
        spans = self.spans
        return sum(end - start + 1 for start, end in spans) if spans else None

    @property
    def period_ns(self) -> tuple[int, int] | None:
        """From when to when an archive is to be asked, the end exclusive; None where no time is known."""
        last, after = self.last, self.after
        if isinstance(last, Bar) and isinstance(after, Bar):
            return (last.start_ns, after.start_ns) if last.start_ns < after.start_ns else None
        if last.event_ns is None or after.event_ns is None:
            return None
        start_ns = min(last.event_ns, after.event_ns) - SLACK_NS
        return start_ns, max(last.event_ns, after.event_ns) + SLACK_NS + 1

    def begin(self, leg: ProviderId) -> None:
        """Begin anew with another leg's archive: an answer is of one leg."""
        self.leg = leg
        self._found.clear()
        self._is_passed = False

    def take(self, ticks: Sequence[Tick]) -> None:
        """Take what an archive gave; what is not of the hole, or was found before, is left aside."""
        for tick in ticks:
            identity = _identity(tick)
            if identity is None:
                continue
            if self._is_of(tick):
                self._found[identity] = self._found.pop(identity, tick)  # in the order of the latest answer
            elif self._is_beyond(tick, identity):
                self._is_passed = True

    @property
    def is_answered(self) -> bool:
        """Whether asking again could bring nothing more."""
        if self.spans:
            return self._is_passed or len(self._found) == self.missing
        return self.is_closed

    @property
    def is_closed(self) -> bool:
        """Whether nothing is missing any more."""
        if self.spans:
            return len(self._found) == self.missing
        if isinstance(self.after, Bar):
            return self._follows_on(self.after)
        return self._is_passed

    @property
    def found(self) -> Sequence[Tick]:
        """What was found, in order."""
        ticks = list(self._found.values())
        if isinstance(self.after, Bar):
            ticks.sort(key=lambda tick: tick.start_ns if isinstance(tick, Bar) else 0)
        elif self._is_numbered:
            ticks.sort(key=lambda tick: _number(tick) or 0)
        else:
            ticks.sort(key=lambda tick: tick.event_ns or 0)
        return ticks

    def fill(self, good: Sequence[Tick]) -> Sequence[Tick]:
        """Return what stands in the hole's place: those of the found that the rules let pass, and what is missing.

        What was found and rejected is not missing: it was seen, and found wrong.
        """
        if not self.spans:
            return list(good) if self.is_closed else [*good, *self.gaps]
        known = {number for tick in self._found.values() if (number := _number(tick)) is not None}
        by_id: list[tuple[int, Tick]] = [
            (number, tick) for tick in good if (number := _number(tick)) is not None
        ]
        by_id += [(gap.from_id, gap) for gap in self._left(known) if gap.from_id is not None]
        return [tick for _, tick in sorted(by_id, key=lambda pair: pair[0])]

    @property
    def _is_numbered(self) -> bool:
        return _number(self.after) is not None

    def _left(self, known: set[int]) -> Iterator[Gap]:
        """Return a gap for each run of ids of which nothing was found."""
        for gap in self.gaps:
            assert gap.from_id is not None and gap.to_id is not None  # noqa: S101, PT018 - called where ids tell
            start = gap.from_id
            for seen in sorted(number for number in known if gap.from_id <= number <= gap.to_id):
                if seen > start:
                    yield _part(gap, start, seen - 1)
                start = seen + 1
            if start <= gap.to_id:
                yield _part(gap, start, gap.to_id)

    def _is_of(self, tick: Tick) -> bool:
        number = _number(tick)
        if self.spans:
            return number is not None and any(start <= number <= end for start, end in self.spans)
        if isinstance(tick, Bar):
            return self._is_missed(tick)
        return self._is_between_ids(tick, number) if self._is_numbered else self._is_between_times(tick)

    def _is_between_ids(self, tick: Tick, number: int | None) -> bool:
        first = _number(self.after)
        before = None if self._own is None else _number(self._own)
        if number is None or first is None or number >= first or (before is not None and number <= before):
            return False
        if before is not None and self._own is self.last:
            return True
        return _is_not_before(
            tick, self.last
        )  # what the one that spoke before brought is not asked for again

    def _is_between_times(self, tick: Tick) -> bool:
        own, after = self._own, self.after
        if tick.event_ns is None or after.event_ns is None or tick.event_ns > after.event_ns:
            return False
        if _identity(tick) in {_identity(after), _identity(self.last)} or not _is_not_before(tick, self.last):
            return False
        if own is self.last:
            return True  # of the same moment or later, and by its name another one
        # Names are remembered while their venue speaks, and not beyond: only what is newer is surely new.
        known_ns = (self.last.event_ns or 0, 0 if own is None else own.event_ns or 0)
        return tick.event_ns > max(known_ns)

    def _is_missed(self, bar: Bar) -> bool:
        last, after = self.last, self.after
        if not (bar.final and isinstance(last, Bar) and isinstance(after, Bar)):
            return False
        is_later = bar.start_ns > last.start_ns or (bar.start_ns == last.start_ns and not last.final)
        return is_later and bar.start_ns < after.start_ns

    def _is_beyond(self, tick: Tick, identity: _Identity) -> bool:
        """Tell whether a tick is the one after the hole, or a later one: the archive has come so far."""
        first, number = _number(self.after), _number(tick)
        if first is not None and number is not None:
            return number >= first
        return identity == _identity(self.after)

    def _follows_on(self, after: Bar) -> bool:
        """Tell whether the bars found lead from the last one to the first one without a break."""
        last = self.last
        if not isinstance(last, Bar):
            return False
        due_ns = last.end_ns if last.final else last.start_ns
        for bar in self.found:
            if not isinstance(bar, Bar) or bar.start_ns != due_ns:
                return False
            due_ns = bar.end_ns
        return due_ns == after.start_ns


def _is_not_before(tick: Tick, last: Tick) -> bool:
    return tick.event_ns is not None and last.event_ns is not None and tick.event_ns >= last.event_ns


def _number(tick: Tick) -> int | None:
    if type(tick) is AggTrade:
        return tick.id
    return tick.id if type(tick) is Trade and type(tick.id) is int else None


def _identity(tick: Tick) -> _Identity | None:
    """Return what tells the tick from any other of its channel; of a name, with its time."""
    if type(tick) is Trade and type(tick.id) is str:
        return tick.id, tick.event_ns
    if type(tick) is Bar:
        return tick.start_ns, None
    number = _number(tick)
    return None if number is None else (number, None)


def _part(gap: Gap, from_id: int, to_id: int) -> Gap:
    return Gap(
        instrument=gap.instrument,
        provider=gap.provider,
        event_ns=gap.event_ns,
        recv_ns=gap.recv_ns,
        channel=gap.channel,
        from_id=from_id,
        to_id=to_id,
        from_ns=gap.from_ns,
        to_ns=gap.to_ns,
        cause=gap.cause,
    )
