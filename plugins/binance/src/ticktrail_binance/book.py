"""Bring a snapshot and the differences that follow it together: one instrument's book, right or not published.

Owns: what is buffered while a snapshot is on the way, whether a difference continues the book, and what is wanted next.
Never: fetches, waits, or publishes a book that is not synchronised. Pure: times and events are arguments.

The rule is the same for every market: a difference says from which update on it tells (`U`; of futures, whose ids
have holes, one more than the `pu` that it follows), and it continues a book that holds all updates before that one.
Sizes are absolute, so that what overlaps does no harm.

Sources: developers.binance.com, "How to manage a local order book correctly", Binance Spot API docs (as corrected on
2025-11-12) and USDⓈ-M Futures, read 2026-11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap, InstrumentId, ProviderId, Tick
from ticktrail_binance.events import check_levels, check_snapshot, time_ns
from ticktrail_binance.wire import Depth, DepthUpdate

__all__ = ["BookSync"]

STUCK_CHANGES, STUCK_NS = 1_000, 10_000_000_000
"""A book that holds so many differences already, or for so long, was taken from a snapshot that cannot be right."""
MOST_OLDER = 5
"""Snapshots older than what was published that are waved off in a row: after that the venue counts anew."""
THIN = 10
"""A book is fetched anew once a side is sure for less than this part of the levels that its snapshot had."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A difference, and when it was received."""

    first: int
    last: int
    delta: BookDelta


class BookSync:
    """The book of one instrument.

    Args:
        instrument: Whose book.
        provider: The leg's name.
        ids_have_holes: Whether events name the one before them.
        most_buffered: Differences kept while there is no snapshot; beyond it the oldest are given up.

    Attributes:
        wants: ``snapshot``: there is no book before one comes. ``refresh``: the book is right and has become thin.
            None: nothing is wanted.
        synced: Whether what was published is the book.
        attempts: Snapshots that could not be used since the last that could.
        taken_in: Snapshots taken in so far, of use or not.
    """

    def __init__(
        self, instrument: InstrumentId, provider: ProviderId, *, ids_have_holes: bool, most_buffered: int
    ) -> None:
        self.wants: Literal["snapshot", "refresh"] | None = None
        self.synced = False
        self.attempts = 0
        self.taken_in = 0
        self._instrument = instrument
        self._provider = provider
        self._ids_have_holes = ids_have_holes
        self._buffer: deque[_Change] = deque(maxlen=most_buffered)
        self._book = OrderBook(instrument)
        self._depth = 0
        self._last_ns: int | None = None
        self._deeper: BookSnapshot | None = None
        self._published = -1
        self._older = 0
        self._contained = 0
        self._contained_since_ns = 0

    @property
    def update_id(self) -> int | None:
        """The last update that the published book holds."""
        return self._book.update_id if self.synced else None

    def restart(self) -> None:
        """Begin anew: a new connection brings the differences from now on.

        The hole between the two sessions is for who sees both to mark; here the book is just not known any more.
        """
        self.synced = False
        self.attempts = 0
        self._buffer.clear()
        self._deeper = None
        self.wants = None

    def begin(self) -> None:
        """Ask for a snapshot although nothing has happened yet: a sleepy market has a book as well."""
        if not self.synced and self.wants is None:
            self.wants = "snapshot"

    def change(self, event: DepthUpdate, recv_ns: int) -> Sequence[Tick]:
        """Take a difference, and return what is to be published.

        Raises:
            ValueError: It has a level that is none, or ids that go backwards; the next one will show the hole.
        """
        check_levels(event.b, event.a)
        first = event.U
        if self._ids_have_holes:
            if event.pu is None:
                raise ValueError("a difference of a future's book without pu, the one that it follows")
            first = event.pu + 1
        if event.u < event.U:
            raise ValueError(f"a difference from update {event.U} back to {event.u}")
        change = _Change(
            first,
            event.u,
            BookDelta(
                instrument=self._instrument,
                provider=self._provider,
                event_ns=time_ns(event.E),
                recv_ns=recv_ns,
                bids=event.b,
                asks=event.a,
                first_update_id=first,
                update_id=event.u,
            ),
        )
        if not self.synced:
            self._buffer.append(change)
            if self.wants is None:
                self.wants = "snapshot"
            return ()
        if self.wants == "refresh" or self._deeper is not None:
            self._buffer.append(change)
        return [*self._publish(change), *self._refresh()]

    def snapshot(self, depth: Depth, limit: int, recv_ns: int) -> Sequence[Tick]:
        """Take a snapshot, and return what is to be published; `wants` says whether it was of use.

        Raises:
            ValueError: It has a level that is none; another one is wanted.
        """
        self.attempts += 1
        self.taken_in += 1
        known = depth.lastUpdateId
        check_snapshot(depth.bids, depth.asks)
        if known < self._published and not self.synced:
            self._older += 1
            if self._older <= MOST_OLDER:
                return ()  # from before what was published: an archive that lags
        self._older = 0
        waiting = [change for change in self._buffer if self._continues_after(change, known)]
        if waiting and waiting[0].first > known + 1:
            self.wants = self.wants or "snapshot"
            return ()  # older than what was buffered: what lies between is in neither
        snapshot = BookSnapshot(
            instrument=self._instrument,
            provider=self._provider,
            event_ns=None if depth.T is None else time_ns(depth.T),
            recv_ns=recv_ns,
            bids=depth.bids,
            asks=depth.asks,
            update_id=known,
            depth=limit,
        )
        if self.synced:
            self._deeper, self.wants = snapshot, None
            return self._refresh()
        return self._begin(snapshot, waiting)

    def _continues_after(self, change: _Change, known: int) -> bool:
        # The update that a snapshot ends with is in it. A future's event that ends there is applied all the same,
        # as the venue's own procedure has it; absolute sizes make that harmless.
        return change.last >= known if self._ids_have_holes else change.last > known

    def _begin(self, snapshot: BookSnapshot, waiting: Sequence[_Change]) -> Sequence[Tick]:
        self._book.apply(snapshot)
        if self._book.is_crossed:
            self._lose()
            return ()
        self._depth = snapshot.depth or 0
        self._buffer.clear()
        self.synced, self.wants, self.attempts = True, None, 0
        self._last_ns = snapshot.recv_ns
        self._contained = 0
        self._published = snapshot.update_id or 0
        ticks: list[Tick] = [snapshot]
        for number, change in enumerate(waiting):
            ticks.extend(self._publish(change, in_snapshot=True))
            if not self.synced:
                self._buffer.extend(waiting[number + 1 :])
                break
        return ticks

    def _refresh(self) -> Sequence[Tick]:
        """Put a deeper book in the place of a thin one, once the differences have come as far as its snapshot."""
        deeper, now = self._deeper, self._book.update_id
        if (
            deeper is None
            or deeper.update_id is None
            or not self.synced
            or now is None
            or now < deeper.update_id
        ):
            return ()
        known = deeper.update_id
        self._deeper = None  # whatever comes of it: it is tried once
        book = OrderBook(self._instrument)
        book.apply(self._with_levels_beyond(deeper))
        for change in self._buffer:
            if self._continues_after(change, known):
                book.apply(change.delta)
        newest = self._buffer[-1].delta if self._buffer else deeper
        self._buffer.clear()
        if book.update_id != now or book.is_crossed:
            self.wants = "refresh"
            return ()
        self._book, self._depth, self.attempts = book, deeper.depth or 0, 0
        return [book.snapshot_of(newest)]

    def _with_levels_beyond(self, snapshot: BookSnapshot) -> BookSnapshot:
        limit = snapshot.depth or 0
        bids, asks = snapshot.bids, snapshot.asks
        if len(bids) >= limit > 0:
            bids += tuple(level for level in self._book.bids(beyond=True) if level.price < bids[-1][0])
        if len(asks) >= limit > 0:
            asks += tuple(level for level in self._book.asks(beyond=True) if level.price > asks[-1][0])
        return msgspec.structs.replace(snapshot, bids=bids, asks=asks)

    def _publish(self, change: _Change, *, in_snapshot: bool = False) -> Iterator[Tick]:
        """Yield the difference if it continues the book; where it does not, the gap, and start again from it."""
        book, delta = self._book, change.delta
        assert book.update_id is not None  # noqa: S101 - a synchronised book has the id of its snapshot
        known = book.update_id
        if change.last <= known and not (in_snapshot and self._continues_after(change, known)):
            if self._is_stuck(delta.recv_ns):
                yield self._gap(None, None, delta.recv_ns, "stuck")
                self._published = -1
                self._lose()
            return
        self._contained = 0
        if change.first > known + 1:
            yield self._gap(known + 1, change.first - 1, delta.recv_ns, "missing")
            self._lose()
            self._buffer.append(change)
            return
        book.apply(delta)
        if book.is_crossed:
            yield self._gap(None, None, delta.recv_ns, "crossed")
            self._published = change.last  # an older snapshot would be right, and of the past
            self._lose()
            return
        self._last_ns = delta.recv_ns
        self._published = change.last
        if self.wants is None and book.is_thin(max(1, self._depth // THIN)):
            self.wants = "refresh"
        yield delta

    def _is_stuck(self, recv_ns: int) -> bool:
        """Count a difference that the book holds already, and tell whether that has gone on for too long.

        A snapshot may be ahead of the stream by a moment; one that is ahead for ever has an id that cannot be right.
        """
        if self._contained == 0:
            self._contained_since_ns = recv_ns
        self._contained += 1
        return self._contained > STUCK_CHANGES or recv_ns - self._contained_since_ns > STUCK_NS

    def _lose(self) -> None:
        self.synced = False
        self._deeper = None
        self.wants = "snapshot"
        self._buffer.clear()

    def _gap(self, from_id: int | None, to_id: int | None, recv_ns: int, cause: str) -> Gap:
        return Gap(
            instrument=self._instrument,
            provider=self._provider,
            event_ns=None,
            recv_ns=recv_ns,
            channel="book",
            from_id=from_id,
            to_id=to_id,
            from_ns=self._last_ns,
            to_ns=recv_ns,
            cause=cause,
        )
