"""Begin an order book anew where another leg takes its turn: with a snapshot of that leg's own book.

Owns: each leg's books while several legs bring them, and which leg's book the sinks have.
Never: fetches. Where the leg's book is not known, its changes are suppressed until its next snapshot.

The changes of one venue's book mean nothing on top of another's. A standby's snapshot was suppressed long ago, so its
book is kept here, as the sinks would have it, and stands complete at the moment of the hand-over. Changes and snapshots
that were held back for it are in that one already.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from ticktrail._contracts.route import Batch
from ticktrail._plan.model import Plan
from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap, InstrumentId, ProviderId, Suppressed, Tick

__all__ = ["Books", "books_of"]

_OF_A_BOOK = (BookDelta, BookSnapshot, Gap)


class Books:
    """The order books of a route's legs."""

    def __init__(self) -> None:
        self._books: dict[tuple[ProviderId, InstrumentId], OrderBook] = {}
        self._newest: dict[tuple[ProviderId, InstrumentId], tuple[BookDelta | BookSnapshot, int]] = {}
        self._shown: dict[InstrumentId, ProviderId] = {}
        self._through: dict[InstrumentId, tuple[int | None, int]] = {}
        self._told: set[InstrumentId] = set()
        self._session_ns: dict[ProviderId, int] = {}

    def see(self, batch: Batch) -> None:
        """Take in what a leg brought, whether it is delivered or not."""
        provider = batch.provider
        self._session_ns[provider] = batch.session_ns
        for tick in batch.ticks:
            if type(tick) in _OF_A_BOOK:
                key = (provider, tick.instrument)
                book = self._books.get(key)
                if book is None:
                    book = self._books[key] = OrderBook(tick.instrument)
                book.apply(tick)
                if isinstance(tick, BookDelta | BookSnapshot):
                    self._newest[key] = (tick, batch.mono_ns)

    def begin(
        self, leg: ProviderId, instruments: Sequence[InstrumentId], recv_ns: int, mono_ns: int
    ) -> Batch:
        """Return a snapshot for each instrument whose book is known: the switch ended what the sinks had."""
        for name in instruments:
            self._shown.pop(name, None)
        found = [self._snapshot(leg, name, recv_ns) for name in instruments]
        return Batch(
            provider=leg,
            recv_ns=recv_ns,
            mono_ns=mono_ns,
            session_ns=self._session_ns.get(leg, mono_ns),
            ticks=[snapshot for snapshot in found if snapshot is not None],
        )

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop what is known of these."""
        for by_leg in (self._books, self._newest):
            for key in [key for key in by_leg if key[1] in instruments]:
                del by_leg[key]
        for name in instruments:
            self._shown.pop(name, None)
            self._through.pop(name, None)
            self._told.discard(name)

    def place(self, batch: Batch) -> tuple[Batch, Sequence[Suppressed]]:
        """Return the batch as the sinks can use it, and what they cannot: changes that no snapshot came before."""
        if not any(type(tick) in _OF_A_BOOK for tick in batch.ticks):
            return batch, ()
        out: list[Tick] = []
        contained: list[Tick] = []
        baseless: list[Tick] = []
        leg = batch.provider
        for tick in batch.ticks:
            name = tick.instrument
            if isinstance(tick, BookSnapshot | Gap):
                if self._is_older(leg, tick, batch.mono_ns):
                    contained.append(tick)
                    continue
                if isinstance(tick, BookSnapshot):
                    self._show(leg, name)
                out.append(tick)
            elif not isinstance(tick, BookDelta):
                out.append(tick)
            elif self._shown.get(name) != leg:
                snapshot = self._snapshot(leg, name, batch.recv_ns)
                if snapshot is not None:
                    out.append(snapshot)
                    contained.append(tick)
                else:
                    baseless.append(tick)
                    if name not in self._told:
                        self._told.add(name)
                        out.append(_gap(tick, batch.recv_ns))
            elif name in self._through and self._is_contained(name, tick, batch.mono_ns):
                contained.append(tick)
            else:
                out.append(tick)
        held = [
            Suppressed(reason=reason, ticks=ticks)
            for reason, ticks in (("in_snapshot", contained), ("no_snapshot", baseless))
            if ticks
        ]
        if not held and len(out) == len(batch.ticks):
            return batch, ()
        return msgspec.structs.replace(batch, ticks=out), held

    def _snapshot(self, leg: ProviderId, name: InstrumentId, recv_ns: int) -> BookSnapshot | None:
        """Return the leg's book as it stands, and note that the sinks have it; None where it is not known."""
        book, newest = self._books.get((leg, name)), self._newest.get((leg, name))
        if book is None or newest is None or not book.is_known:
            return None
        tick, mono_ns = newest
        try:
            snapshot = book.snapshot_of(tick)
        except ValueError:  # no level of a side is sure any more
            return None
        self._show(leg, name)
        self._through[name] = (snapshot.update_id, mono_ns)
        return msgspec.structs.replace(snapshot, recv_ns=recv_ns)

    def _show(self, leg: ProviderId, name: InstrumentId) -> None:
        self._shown[name] = leg
        self._through.pop(name, None)
        self._told.discard(name)

    def _is_older(self, leg: ProviderId, tick: BookSnapshot | Gap, mono_ns: int) -> bool:
        """Tell whether a book, or the loss of one, came before the snapshot that a hand-over began with.

        Time tells, since a venue may count anew with any book.
        """
        through = self._through.get(tick.instrument)
        if through is None or self._shown.get(tick.instrument) != leg:
            return False
        return mono_ns <= through[1] and not (isinstance(tick, Gap) and tick.channel != "book")

    def _is_contained(self, name: InstrumentId, delta: BookDelta, mono_ns: int) -> bool:
        """Tell whether a change was in the snapshot that a hand-over began with; the first that was not ends it."""
        last_id, last_ns = self._through[name]
        if last_id is not None and delta.update_id is not None:
            is_contained = delta.update_id <= last_id
        else:
            is_contained = mono_ns <= last_ns
        if not is_contained:
            del self._through[name]
        return is_contained


def books_of(plan: Plan) -> Books | None:
    """Return the books that a route must keep; None where one leg alone brings any."""
    if "book" not in plan.channels:
        return None
    return Books() if sum("book" in leg.capabilities.channels for leg in plan.legs) > 1 else None


def _gap(delta: BookDelta, recv_ns: int) -> Gap:
    return Gap(
        instrument=delta.instrument,
        provider=delta.provider,
        event_ns=delta.event_ns,
        recv_ns=recv_ns,
        channel="book",
        from_id=None,
        to_id=None,
        from_ns=delta.recv_ns,
        to_ns=recv_ns,
        cause="no_snapshot",
    )
