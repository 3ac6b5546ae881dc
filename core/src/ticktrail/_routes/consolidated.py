"""Make the best bid and offer of several children's quotes.

Owns: each child's current quote by instrument, how long it may count, and what was shown last. Pure.
Never: shows what has not changed, hides a market that is locked or crossed between venues, or adds sizes up.

At equal prices the child that stands earlier has the side, with its own size: so each side is one venue's word, to the
digit, and can be found in the audit. Children whose ids mean the same bring one venue's quote twice: of these the
newest alone takes part, and no older one takes its place, whoever brings it and whoever is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush
from typing import NamedTuple, TypeAlias

import msgspec

from ticktrail._contracts.route import Batch
from ticktrail.model import Flagged, Gap, InstrumentId, ProviderId, Quote, Violation

__all__ = ["Consolidated", "CrossedMarket", "Derived"]

_Venue: TypeAlias = tuple[str, str | int]
_NOTHING = Decimal(0)
_WITHOUT_LIMIT_NS = 30_000_000_000
"""For how long the newest quote keeps others of its venue back that seem older, where quotes have no limit."""


class CrossedMarket(Violation, frozen=True, tag="crossed_market"):
    """One venue's bid is above another's ask, or equal to it (`locked`)."""

    bid_price: Decimal
    bid_provider: ProviderId
    ask_price: Decimal
    ask_provider: ProviderId
    locked: bool


class Derived(NamedTuple):
    """A tick that the node made, with what was found about it, and the session of the leg that it names."""

    tick: Quote | Gap
    flagged: Sequence[Flagged]
    session_ns: int


@dataclass(frozen=True, slots=True)
class _Voice:
    """One child's current quote."""

    quote: Quote
    child: int
    provider: ProviderId
    venue: _Venue
    mono_ns: int
    session_ns: int
    number: int

    def is_newer_than(self, other: _Voice) -> bool:
        """Tell which of two quotes of one venue is the newer; of two copies the first is kept."""
        mine, theirs = self.quote.update_id, other.quote.update_id
        if mine is None or theirs is None or mine == theirs:
            return (
                self.number < other.number
                if mine is not None and mine == theirs
                else self.number > other.number
            )
        return mine > theirs

    def seems_older_than(self, other: _Voice) -> bool:
        """Tell whether a venue's own numbers, or times where it has none, put a quote before another of its own."""
        mine, theirs = self.quote, other.quote
        if mine.update_id is not None and theirs.update_id is not None:
            if mine.update_id >= theirs.update_id:
                return False
            if mine.event_ns is None or theirs.event_ns is None:
                return True
            return mine.event_ns <= theirs.event_ns  # or the venue counts anew
        if mine.event_ns is None or theirs.event_ns is None:
            return False
        return mine.event_ns < theirs.event_ns

    def may_be_copy_of(self, other: _Voice) -> bool:
        """Tell whether both may be the same quote of their venue, or nothing tells which is the older."""
        return self.quote.update_id == other.quote.update_id and not self.seems_older_than(other)


class _Best(NamedTuple):
    """What is shown: equal where nothing that a reader can see has changed."""

    bid_price: Decimal
    bid_size: Decimal
    bid_provider: ProviderId | None
    ask_price: Decimal
    ask_size: Decimal
    ask_provider: ProviderId | None


class Consolidated:
    """The best quotes of one node.

    Args:
        limit_ns: How old a child's quote may be and still count; None: any.
        id_spaces: Of each leg below, whose ids its quotes have.
    """

    def __init__(self, limit_ns: int | None, id_spaces: Mapping[ProviderId, str | None]) -> None:
        self._limit_ns = limit_ns
        self._spaces = id_spaces
        self._voices: dict[InstrumentId, dict[int, _Voice]] = {}
        self._newest: dict[InstrumentId, dict[_Venue, _Voice]] = {}
        self._shown: dict[InstrumentId, tuple[_Best, _Voice]] = {}
        self._expiries: list[tuple[int, InstrumentId, int]] = []
        self._queued: dict[tuple[InstrumentId, int], int] = {}
        self._number = 0
        self._wall_minus_mono_ns = 0

    def take(self, child: int, quote: Quote, batch: Batch, now_ns: int) -> Derived | None:
        """Take in a child's quote; return what is to be shown in its place, None where that has not changed."""
        name = quote.instrument
        self._wall_minus_mono_ns = batch.recv_ns - batch.mono_ns
        voices = self._voices.setdefault(name, {})
        if quote.backfilled:  # it tells of the past, and nothing of now
            return None
        self._number += 1
        space = None if quote.is_consolidated else self._spaces.get(batch.provider)
        voice = _Voice(
            quote=quote,
            child=child,
            provider=batch.provider,
            venue=_venue(child, quote, batch.provider, space),
            mono_ns=batch.mono_ns,
            session_ns=batch.session_ns,
            number=self._number,
        )
        if not self._is_news(name, voice, now_ns):
            return None
        if _has_bid(quote) or _has_ask(quote):
            voices[child] = voice
            self._queue(name, voice)
        else:
            voices.pop(child, None)
        return self._shows(name, "empty", now_ns, voice)

    def lose(self, child: int, cause: str, now_ns: int) -> list[Derived]:
        """Leave a child's quotes out from here on; return what is to be shown because of it."""
        lost = [name for name, voices in self._voices.items() if voices.pop(child, None) is not None]
        return self._all(lost, cause, now_ns)

    def expire(self, now_ns: int) -> list[Derived]:
        """Leave out what became too old; return what is to be shown because of it."""
        old: dict[InstrumentId, None] = {}
        while self._expiries and self._expiries[0][0] < now_ns:
            entry = heappop(self._expiries)
            expires_ns, name, child = entry
            if self._queued.get((name, child)) != expires_ns:
                continue
            del self._queued[name, child]
            voice = self._voices[name].get(child)
            if voice is None:
                continue
            if self._is_live(voice, now_ns):
                self._queue(name, voice)
            else:
                old[name] = None
        return self._all(old, "stale", now_ns)

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop what is known of these."""
        for name in instruments:
            self._voices.pop(name, None)
            self._newest.pop(name, None)
            self._shown.pop(name, None)
        for key in [key for key in self._queued if key[0] in instruments]:
            del self._queued[key]

    def deadline_ns(self) -> int | None:
        """Return when a quote may become too old, None where none can."""
        return self._expiries[0][0] + 1 if self._expiries else None

    def _is_news(self, name: InstrumentId, voice: _Voice, now_ns: int) -> bool:
        """Tell whether a quote is not older than what its venue said last, and leave out what is older than it."""
        newest = self._newest.setdefault(name, {})
        last = newest.get(voice.venue)
        if last is not None:
            if voice.seems_older_than(last) and not self._begins_anew(voice, last, now_ns):
                return False
            voices = self._voices[name]
            for other in [one for one in voices.values() if one.venue == voice.venue]:
                if not other.may_be_copy_of(voice):
                    del voices[other.child]
            if last.quote.update_id is not None and last.quote.update_id == voice.quote.update_id:
                return True
        newest[voice.venue] = voice
        return True

    def _begins_anew(self, voice: _Voice, last: _Voice, now_ns: int) -> bool:
        """Tell whether a quote that seems older is of a new count, or of a clock that was set right."""
        limit_ns = _WITHOUT_LIMIT_NS if self._limit_ns is None else self._limit_ns
        is_timed = voice.quote.event_ns is not None and last.quote.event_ns is not None
        return now_ns - last.mono_ns > limit_ns or (not is_timed and voice.session_ns > last.mono_ns)

    def _queue(self, name: InstrumentId, voice: _Voice) -> None:
        """See to it that the quote is looked at when it becomes too old; one look a child and instrument is enough."""
        if self._limit_ns is None:
            return
        expires_ns = voice.mono_ns + self._limit_ns
        queued_ns = self._queued.get((name, voice.child))
        if queued_ns is None or expires_ns < queued_ns:
            self._queued[name, voice.child] = expires_ns
            heappush(self._expiries, (expires_ns, name, voice.child))

    def _is_live(self, voice: _Voice, now_ns: int) -> bool:
        return self._limit_ns is None or now_ns - voice.mono_ns <= self._limit_ns

    def _all(self, names: Iterable[InstrumentId], cause: str, now_ns: int) -> list[Derived]:
        return [shown for name in names if (shown := self._shows(name, cause, now_ns, None)) is not None]

    def _shows(self, name: InstrumentId, cause: str, now_ns: int, arrived: _Voice | None) -> Derived | None:
        """Return what is to be shown of an instrument where it differs from what is shown."""
        voices = self._voices[name]
        for voice in [voice for voice in voices.values() if not self._is_live(voice, now_ns)]:
            del voices[voice.child]
            cause = "stale"
        before = self._shown.get(name)
        bid, ask = self._sides(voices)
        if bid is None and ask is None:
            if before is None:
                return None
            del self._shown[name]
            return self._gap(before[1], cause, now_ns)
        best = _Best(
            _NOTHING if bid is None else bid.quote.bid_price,
            _NOTHING if bid is None else bid.quote.bid_size,
            None if bid is None else bid.quote.bid_provider or bid.provider,
            _NOTHING if ask is None else ask.quote.ask_price,
            _NOTHING if ask is None else ask.quote.ask_size,
            None if ask is None else ask.quote.ask_provider or ask.provider,
        )
        sources = [voice for voice in (bid, ask) if voice is not None]
        teller = arrived or max(sources, key=lambda voice: voice.number)
        if before is not None and before[0] == best:
            return None
        self._shown[name] = (best, teller)
        return self._quote(name, best, sources, teller, None if arrived else now_ns)

    def _sides(self, voices: Mapping[int, _Voice]) -> tuple[_Voice | None, _Voice | None]:
        """Return whose bid is the highest, and whose ask the lowest; None for a side that nobody has."""
        newest: dict[_Venue, _Voice] = {}
        for voice in voices.values():
            other = newest.get(voice.venue)
            if other is None or voice.is_newer_than(other):
                newest[voice.venue] = voice
        bid: _Voice | None = None
        ask: _Voice | None = None
        for voice in sorted(newest.values(), key=lambda voice: voice.child):
            quote = voice.quote
            if _has_bid(quote) and (bid is None or quote.bid_price > bid.quote.bid_price):
                bid = voice
            if _has_ask(quote) and (ask is None or quote.ask_price < ask.quote.ask_price):
                ask = voice
        return bid, ask

    def _quote(
        self, name: InstrumentId, best: _Best, sources: Sequence[_Voice], teller: _Voice, made_ns: int | None
    ) -> Derived:
        """Return the consolidated quote; with `made_ns` it is of that moment, and of no venue's."""
        quotes = [voice.quote for voice in sources]
        found = list(_crossed(best))
        quote = msgspec.structs.replace(
            teller.quote,
            instrument=name,
            provider=teller.provider,
            event_ns=teller.quote.event_ns if made_ns is None else None,
            recv_ns=teller.quote.recv_ns if made_ns is None else made_ns + self._wall_minus_mono_ns,
            stale=any(one.stale for one in quotes),
            synthetic=any(one.synthetic for one in quotes),
            equivalent_of=next((one.equivalent_of for one in quotes if one.equivalent_of), None),
            flagged=bool(found) or any(one.flagged for one in quotes),
            bid_price=best.bid_price,
            bid_size=best.bid_size,
            bid_provider=best.bid_provider,
            ask_price=best.ask_price,
            ask_size=best.ask_size,
            ask_provider=best.ask_provider,
            update_id=None,
        )
        flagged = [Flagged(tick=quote, violations=found)] if found else []
        return Derived(quote, flagged, teller.session_ns)

    def _gap(self, last: _Voice, cause: str, now_ns: int) -> Derived:
        """Return the mark behind the last quote; when the next one comes, nobody knows yet."""
        at_ns = now_ns + self._wall_minus_mono_ns
        gap = Gap(
            instrument=last.quote.instrument,
            provider=last.provider,
            event_ns=None,
            recv_ns=at_ns,
            channel="quotes",
            from_id=None,
            to_id=None,
            from_ns=last.quote.recv_ns,
            to_ns=None,
            cause=cause,
        )
        return Derived(gap, (), last.session_ns)


def _venue(child: int, quote: Quote, leg: ProviderId, space: str | None) -> _Venue:
    """Return whose quote it is: a venue's, a leg's that shares its ids with nobody, or a node's own."""
    if quote.is_consolidated:
        return "node", child
    return ("leg", leg) if space is None else ("space", space)


def _has_bid(quote: Quote) -> bool:
    return _is_there(quote.bid_price, quote.bid_size)


def _has_ask(quote: Quote) -> bool:
    return _is_there(quote.ask_price, quote.ask_size)


def _is_there(price: Decimal, size: Decimal) -> bool:
    """Tell whether a side is one: an empty side is price 0 and size 0, and what is no number has no order."""
    return price.is_finite() and size.is_finite() and bool(price or size)


def _crossed(best: _Best) -> Iterator[CrossedMarket]:
    if best.bid_provider is None or best.ask_provider is None or best.bid_price < best.ask_price:
        return
    yield CrossedMarket(
        bid_price=best.bid_price,
        bid_provider=best.bid_provider,
        ask_price=best.ask_price,
        ask_provider=best.ask_provider,
        locked=best.bid_price == best.ask_price,
    )
