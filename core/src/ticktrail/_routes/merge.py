"""Let several children speak at the same time: one best bid and offer of all, and every venue's trades.

Owns: what becomes of each channel's ticks where several bring them.
Never: merges books or bars (the one who leads brings them), opens a leg, or reads a clock.

A quote that changes the best one goes on as the consolidated quote, in its own place in its batch, so that no tick is
made where one came: what was received is still what was delivered, suppressed or rejected. Only where a quote ends by
time, or with its leg, does the node make a tick, and its batch says so (`derived`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated

import msgspec

from ticktrail._contracts.route import Batch, Forward, RouteContext, Ruling, Suppress
from ticktrail._contracts.settings import Settings
from ticktrail._routes.consolidated import Consolidated, Derived
from ticktrail._routes.copies import Copies
from ticktrail._routes.handover import silence_limits_ns
from ticktrail._routes.lead import LED, Lead
from ticktrail._routes.newest import NewestTickers
from ticktrail._routes.parts import key_of, keys_of
from ticktrail._routes.settings import SILENCE_S, Limit, Ref
from ticktrail.model import Channel, Flagged, InstrumentId, ProviderId, Quote, Tick, Ticker

__all__ = ["MergeArbiter", "MergeSettings"]


class MergeSettings(Settings, frozen=True):
    """Two or more children that speak at the same time; each is a leg's name or a table of its own.

    Attributes:
        legs: In the order in which they are preferred where two are equal, and in which they lead.
        stale_after_s: By channel, how old a quote or ticker may be and still count, and how long the one who leads may
            bring no book or bars while another does.
        failback_after_s: How long who stands earlier must be healthy before its books and bars are taken again.
        overlap_s: How far behind the one who leads another may lag without losing a tick at a hand-over.
        handover_ticks: Most ticks of books and bars that are held back for a hand-over.
        start_grace_s: How long the others wait for one that stands earlier and has not connected yet.
    """

    legs: tuple[Ref, ...]
    stale_after_s: Mapping[Channel, Limit] = msgspec.field(default_factory=dict)
    failback_after_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    overlap_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    handover_ticks: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    start_grace_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0

    def __post_init__(self) -> None:
        """Refuse a merge of less than two, and limits that would limit nothing."""
        if len(self.legs) < 2:
            raise ValueError('legs: names less than two children; write legs = ["a", "b"], or the leg itself')
        usual = {channel: SILENCE_S[channel] for channel in ("quotes", "ticker", "book")}
        msgspec.structs.force_setattr(self, "stale_after_s", {**usual, **self.stale_after_s})
        limitless = sorted(self.stale_after_s.keys() - {"quotes", "ticker"} - LED)
        if limitless:
            raise ValueError(
                f"stale_after_s: has no meaning for {', '.join(limitless)}, which every leg brings for itself; "
                "limit quotes, ticker, book or bars"
            )


class MergeArbiter:
    """The arbiter of a ``merge`` node; implements `ticktrail.plugin.Reassignable` and `Attentive`."""

    def __init__(self, settings: MergeSettings, context: RouteContext) -> None:
        limits_ns = silence_limits_ns(settings.stale_after_s, context.channels)
        self._instruments = frozenset(context.instruments)
        self._quotes = Consolidated(limits_ns.get("quotes"), context.id_spaces)
        self._tickers = NewestTickers(limits_ns.get("ticker"))
        self._copies = Copies(context.id_spaces)
        self._lead = Lead(
            context,
            limits_ns,
            failback_ns=round(settings.failback_after_s * 1e9),
            grace_ns=round(settings.start_grace_s * 1e9),
            overlap_s=settings.overlap_s,
            most_ticks=settings.handover_ticks,
        )

    @property
    def up(self) -> bool:
        """Whether any child can deliver."""
        return self._lead.up

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward what is new, in the order in which it came, and say of the rest why it is not."""
        names = self._instruments & {tick.instrument for tick in batch.ticks}
        self._copies.listen(child, batch)
        since_ns = {name: self._copies.since_ns(child, batch, name) for name in names}
        leads = child == self._lead.number and not self._lead.is_split
        rides = leads and all(at_ns == batch.session_ns for at_ns in since_ns.values())
        parts = _Parts(batch)
        led: list[Tick] = []
        for tick in batch.ticks:
            _, channel = key_of(tick)
            if tick.instrument not in self._instruments and channel not in LED:
                parts.out.append(tick)  # a broken venue may name any: nothing is to be kept of it
            elif channel == "quotes":
                self._take_quote(child, tick, parts, now_ns)
            elif channel in LED:
                led.append(tick)
                (parts.out if rides else parts.led).append(tick)
            elif type(tick) is Ticker and not self._tickers.is_newest(child, tick, batch.mono_ns, now_ns):
                parts.hold(tick, "not newest")
            elif self._copies.is_one(batch.provider, tick, batch.mono_ns):
                parts.hold(tick, "later copy")
            else:
                parts.out.append(tick)
        out, own, held = parts.batches()
        rulings: list[Ruling] = []
        if out is not None and led and rides:
            rulings += self._lead.take(child, out, keys_of(led))
        elif out is not None:
            rulings += [Forward(part) for part in _by_session(out, since_ns)]
        if own is not None:
            rulings += self._lead.take(child, own, keys_of(led))
        return [*rulings, *held]

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Take a child that came up into account."""
        return self._lead.on_up(child, now_ns)

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Go on without a child's quotes, and let another lead."""
        self._copies.lose(child)
        self._tickers.lose(child)
        lost = _made(self._quotes.lose(child, f"down: {cause}", now_ns), now_ns)
        return [*lost, *self._lead.on_down(child, cause, now_ns)]

    def on_part_down(self, child: int, instruments: AbstractSet[InstrumentId], now_ns: int) -> None:
        """Trust no more that a child that goes on listens to these."""
        del now_ns
        self._copies.lose(child, instruments)

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        """Route these from now on."""
        del now_ns
        gone = self._instruments - frozenset(instruments)
        self._instruments = frozenset(instruments)
        self._quotes.forget(gone)
        self._tickers.forget(gone)
        self._copies.forget(gone)
        return self._lead.reassign(instruments)

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Go on without quotes that are too old, and look at who leads."""
        return [*_made(self._quotes.expire(now_ns), now_ns), *self._lead.on_time(now_ns)]

    def deadline_ns(self) -> int | None:
        """Return when a quote may be too old, or the time of the next look at who leads."""
        times = [
            at_ns for at_ns in (self._quotes.deadline_ns(), self._lead.deadline_ns()) if at_ns is not None
        ]
        return min(times, default=None)

    def describe(self) -> Mapping[str, str]:
        """Return of whom the books and bars are, where there are any."""
        return self._lead.describe()

    def drain(self) -> Sequence[Ruling]:
        """Suppress the books and bars that are still held back."""
        return self._lead.drain()

    def _take_quote(self, child: int, tick: Tick, parts: _Parts, now_ns: int) -> None:
        shown = None
        if type(tick) is Quote:  # a gap of one leg's quotes is none of all the legs'
            shown = self._quotes.take(child, tick, parts.batch, now_ns)
        if shown is None or type(shown.tick) is not Quote:
            parts.hold(tick, "consolidated")
        if shown is not None:
            parts.out.append(shown.tick)
            parts.found += shown.flagged


class _Parts:
    """A batch's ticks by what becomes of them; each is in one part, or a consolidated quote stands for it.

    Attributes:
        batch: The whole of it.
        out: What goes on.
        led: Books and bars, where they do not go on with the rest.
        found: What the node found about its own quotes in `out`.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.out: list[Tick] = []
        self.led: list[Tick] = []
        self.found: list[Flagged] = []
        self._held: dict[str, list[Tick]] = {}

    def hold(self, tick: Tick, reason: str) -> None:
        """Suppress a tick."""
        self._held.setdefault(reason, []).append(tick)

    def batches(self) -> tuple[Batch | None, Batch | None, Sequence[Suppress]]:
        """Return what goes on, the books and bars, and what is suppressed.

        What was rejected goes with the first of them; with it goes the finding about a quote that another stands for.
        """
        batch = self.batch
        led = self._part(self.led) if self.led else None
        held = [Suppress(self._part(ticks), reason) for reason, ticks in self._held.items()]
        if not self.out and batch.ticks:
            first = led if led is not None else held[0].batch
            whole = msgspec.structs.replace(first, rejected=batch.rejected)
            if led is not None:
                return None, whole, held
            return None, None, [Suppress(whole, held[0].reason), *held[1:]]
        elsewhere = [one for part in (led, *(one.batch for one in held)) if part for one in part.flagged]
        own = [one for one in batch.flagged if not any(one is other for other in elsewhere)]
        return msgspec.structs.replace(batch, ticks=self.out, flagged=[*own, *self.found]), led, held

    def _part(self, ticks: Sequence[Tick]) -> Batch:
        flagged = [one for one in self.batch.flagged if any(one.tick is tick for tick in ticks)]
        return msgspec.structs.replace(self.batch, ticks=ticks, rejected=(), flagged=flagged)


def _by_session(batch: Batch, since_ns: Mapping[InstrumentId, int]) -> Sequence[Batch]:
    """Return the batch in parts by since when each instrument was listened to; most are in one.

    What was rejected goes with the first, and so do findings about what is not in the batch.
    """
    parts: dict[int, list[Tick]] = {}
    for tick in batch.ticks:
        parts.setdefault(since_ns.get(tick.instrument, batch.session_ns), []).append(tick)
    if len(parts) <= 1:
        return [msgspec.structs.replace(batch, session_ns=next(iter(parts), batch.session_ns))]
    _, *later = ({tick.instrument for tick in ticks} for ticks in parts.values())
    elsewhere = frozenset().union(*later)
    found = [
        [one for one in batch.flagged if one.tick.instrument not in elsewhere],
        *([one for one in batch.flagged if one.tick.instrument in names] for names in later),
    ]
    return [
        msgspec.structs.replace(
            batch, ticks=ticks, session_ns=at_ns, flagged=flagged, rejected=() if number else batch.rejected
        )
        for number, ((at_ns, ticks), flagged) in enumerate(zip(parts.items(), found, strict=True))
    ]


def _made(made: Sequence[Derived], now_ns: int) -> Sequence[Ruling]:
    """Forward what came of time or of a loss, a batch for each leg that it names."""
    by_leg: dict[tuple[ProviderId, int, int], list[Derived]] = {}
    for one in made:
        by_leg.setdefault((one.tick.provider, one.tick.recv_ns, one.session_ns), []).append(one)
    return [
        Forward(
            Batch(
                provider=provider,
                recv_ns=recv_ns,
                mono_ns=now_ns,
                session_ns=session_ns,
                ticks=[one.tick for one in own],
                flagged=[finding for one in own for finding in one.flagged],
                derived=True,
            )
        )
        for (provider, recv_ns, session_ns), own in by_leg.items()
    ]
