"""Keep one pair's order book from the venue's messages, proved by its checksum at every one.

Owns: the levels to the depth that was asked for; when a book is known; when it is published whole again.
Never: publishes what the checksum does not bear out, or asks for anything. Pure.

Nothing numbers the changes of a book: the checksum alone tells that one was lost or came twice. It covers the ten best
levels a side, so that in a deeper book a change below them may be missed until they rise into the ten.

Sources: docs.kraken.com, "Book checksum (WebSocket v2)" and "Book (Level 2)", read 2026-11: all changes of a message
are applied in their order before the checksum is compared; size 0 removes a level; a book is cut to the depth that was
asked for, since nothing tells of levels that fall out of it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from ticktrail.model import BookDelta, BookSnapshot, InstrumentId, Levels, ProviderId
from ticktrail.moments import ns_of_rfc3339
from ticktrail_kraken.checksum import CHECKED_LEVELS, MOST_DIGITS, checksum_of, is_endless, summed
from ticktrail_kraken.wire import BookRow, Level

__all__ = ["Book", "Mismatch"]

NOTHING = Decimal(0)
Precisions = tuple[int | None, int | None]


class Mismatch(ValueError):
    """The venue's checksum is another one than that of the book as it was built: a change was lost."""


@dataclass(slots=True)
class _Held:
    size: Decimal
    text: str


class _Side:
    """One side: levels by price, and the prices from the lowest on."""

    __slots__ = ("best_is_last", "bound", "levels", "prices")

    def __init__(self, *, best_is_last: bool) -> None:
        self.best_is_last = best_is_last
        self.prices: list[Decimal] = []
        self.levels: dict[Decimal, _Held] = {}
        self.bound: Decimal | None = None
        """The worst price of what was published whole last; None: that side was whole."""

    def clear(self) -> None:
        self.prices, self.levels, self.bound = [], {}, None

    def put(self, level: Level, precisions: Precisions) -> None:
        price, size = level.price, level.qty
        if is_endless(price) or is_endless(size) or price <= 0 or size < 0:
            raise ValueError(f"a level of {str(size)[:40]} at {str(price)[:40]} is none")
        if not size:
            if self.levels.pop(price, None) is not None:
                del self.prices[bisect_left(self.prices, price)]
            return
        if price not in self.levels:
            insort(self.prices, price)
        self.levels[price] = _Held(size, summed(price, size, precisions))

    def cut(self, depth: int) -> Sequence[Decimal]:
        """Forget what is deeper; return its prices."""
        over = len(self.prices) - depth
        if over <= 0:
            return ()
        gone = self.prices[:over] if self.best_is_last else self.prices[depth:]
        self.prices = self.prices[over:] if self.best_is_last else self.prices[:depth]
        for price in gone:
            del self.levels[price]
        return gone

    def texts(self) -> Sequence[str]:
        return [self.levels[price].text for price in self.best(CHECKED_LEVELS)]

    def best(self, count: int) -> Sequence[Decimal]:
        if self.best_is_last:
            return self.prices[: -count - 1 : -1]
        return self.prices[:count]

    def published(self, depth: int) -> Levels:
        """Return all levels, best first, as what the next changes are measured by."""
        prices = self.best(depth)
        self.bound = prices[-1] if len(prices) == depth else None
        return tuple((price, self.levels[price].size) for price in prices)

    def has_drifted(self, depth: int) -> bool:
        """Tell whether a reader of what was published whole last would be wrong about what he is sure of.

        That is so once a side that was whole has filled up, since levels are cut off from then on; and once fewer than
        half of the levels of one that was cut off are within what was published.
        """
        if self.bound is None:
            return len(self.prices) >= depth
        at = bisect_left(self.prices, self.bound)
        if self.best_is_last:
            sure = len(self.prices) - at
        else:
            sure = at + (at < len(self.prices) and self.prices[at] == self.bound)
        return sure < depth // 2


class Book:
    """The order book of one pair.

    Args:
        instrument: Whose.
        provider: The leg's name.
        depth: Levels a side that were asked for.

    Attributes:
        is_known: Whether there is a book: a snapshot came, and nothing has been lost since.
    """

    def __init__(self, instrument: InstrumentId, provider: ProviderId, *, depth: int) -> None:
        self.is_known = False
        self._precisions: Precisions = (None, None)
        self._instrument = instrument
        self._provider = provider
        self._depth = depth
        self._untold = False
        self._bids = _Side(best_is_last=True)
        self._asks = _Side(best_is_last=False)

    def learn(self, price_places: int | None, size_places: int | None) -> None:
        """Take how many places the pair's prices and sizes have, for what is put into the book from now on."""
        self._precisions = _places(price_places), _places(size_places)

    def begin(self, row: BookRow, recv_ns: int) -> BookSnapshot:
        """Take a whole book, whatever was known before.

        Raises:
            Mismatch: Its checksum is wrong.
            ValueError: It is no book that could be.
        """
        self.lose()
        for side, levels in ((self._bids, row.bids), (self._asks, row.asks)):
            for level in levels:
                side.put(level, self._precisions)
            side.cut(self._depth)
        event_ns = self._prove(row)
        self.is_known = True
        self._untold = False
        return self._whole(event_ns, recv_ns)

    def change(self, row: BookRow, recv_ns: int) -> BookSnapshot | BookDelta | None:
        """Apply changes; return them, or the whole book where a reader would be sure of few levels after them.

        None while there is no book: changes mean nothing then.

        Raises:
            Mismatch: The checksum shows that something was lost; there is no book any more.
            ValueError: They are none that could be; there is no book any more.
        """
        if not self.is_known:
            return None
        try:
            bids = self._apply(self._bids, row.bids)
            asks = self._apply(self._asks, row.asks)
            event_ns = self._prove(row)
        except ValueError:
            self.lose()
            raise
        if self._bids.has_drifted(self._depth) or self._asks.has_drifted(self._depth):
            return self._whole(event_ns, recv_ns)
        return BookDelta(
            instrument=self._instrument,
            provider=self._provider,
            event_ns=event_ns,
            recv_ns=recv_ns,
            bids=bids,
            asks=asks,
            first_update_id=None,
            update_id=None,
        )

    def lose(self) -> None:
        """Forget the book until the next whole one."""
        self._untold = self._untold or self.is_known
        self.is_known = False
        self._bids.clear()
        self._asks.clear()

    def take_loss(self) -> bool:
        """Tell, once, whether a reader still believes in a book that is known no more."""
        untold, self._untold = self._untold, False
        return untold

    @property
    def best(self) -> tuple[Decimal | None, Decimal | None]:
        """The best bid and offer; None for a side that is empty, or where there is no book."""
        bids, asks = self._bids.prices, self._asks.prices
        return (bids[-1] if bids else None), (asks[0] if asks else None)

    def _apply(self, side: _Side, levels: Sequence[Level]) -> Levels:
        changed: dict[Decimal, Decimal] = {}
        for level in levels:
            side.put(level, self._precisions)
            changed[level.price] = level.qty
        for price in side.cut(self._depth):
            changed[price] = NOTHING
        return _best_first(changed, best_is_last=side.best_is_last)

    def _prove(self, row: BookRow) -> int | None:
        found = checksum_of(chain(self._asks.texts(), self._bids.texts()))
        if found != row.checksum:
            raise Mismatch(f"the book's checksum is {found}, and Kraken says {row.checksum}")
        return None if row.timestamp is None else ns_of_rfc3339(row.timestamp)

    def _whole(self, event_ns: int | None, recv_ns: int) -> BookSnapshot:
        return BookSnapshot(
            instrument=self._instrument,
            provider=self._provider,
            event_ns=event_ns,
            recv_ns=recv_ns,
            bids=self._bids.published(self._depth),
            asks=self._asks.published(self._depth),
            update_id=None,
            depth=self._depth,
        )


def _places(told: int | None) -> int | None:
    """Return a precision that could be one."""
    return told if told is not None and 0 <= told <= MOST_DIGITS else None


def _best_first(changed: Mapping[Decimal, Decimal], *, best_is_last: bool) -> Levels:
    return tuple((price, changed[price]) for price in sorted(changed, reverse=best_is_last))
