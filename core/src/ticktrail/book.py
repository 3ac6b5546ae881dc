"""Keep one instrument's order book from the ticks of its channel, right or known not to be.

Owns: the levels of one book, whether they can be trusted, and how deep they are known.
Never: guesses. After a gap, a switch of legs or a missing update the book is empty until the next snapshot.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from ticktrail.model import BookDelta, BookSnapshot, Gap, InstrumentId, Levels, ProviderId, Switched, Tick

__all__ = ["Level", "OrderBook"]


class Level(NamedTuple):
    """One price and all that is offered or wanted at it."""

    price: Decimal
    size: Decimal


class _Side:
    """The levels of one side: sizes by price, and the prices in rising order."""

    __slots__ = ("bound", "prices", "sizes")

    def __init__(self) -> None:
        self.prices: list[Decimal] = []
        self.sizes: dict[Decimal, Decimal] = {}
        self.bound: Decimal | None = None
        """The worst price of a snapshot that may have left levels out; beyond it not all levels are known."""

    def replace(self, levels: Levels, depth: int | None) -> None:
        self.sizes = {price: size for price, size in levels if size}
        self.prices = sorted(self.sizes)
        self.bound = levels[depth - 1][0] if depth is not None and len(levels) >= depth > 0 else None

    def apply(self, levels: Iterable[tuple[Decimal, Decimal]]) -> None:
        sizes, prices = self.sizes, self.prices
        for price, size in levels:
            if size:
                if price not in sizes:
                    insort(prices, price)
                sizes[price] = size
            elif sizes.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]


class OrderBook:
    """An order book that is fed with ticks.

    Give it every tick of a feed, or those of its instrument: what is none of its business is passed over. Prices and
    sizes are exact, and keep the venue's digits. Applying one level costs a binary search, whatever the depth.

    ::

        book = OrderBook(InstrumentId("BTC/USDT"))
        async for tick in feed:
            if book.apply(tick) and book.best_bid and book.best_ask:
                print(book.best_bid.price, book.best_ask.price)

    Attributes:
        instrument: Whose book it is.
        provider: The leg that it came from; None before the first snapshot.
        update_id: The last update that it holds, where the venue numbers them.
        why_unknown: Why there is no book now; None while there is one.
    """

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.provider: ProviderId | None = None
        self.update_id: int | None = None
        self.why_unknown: str | None = "no snapshot yet"
        self._bids = _Side()
        self._asks = _Side()

    @property
    def is_known(self) -> bool:
        """Whether the book can be trusted: a snapshot came, and nothing has been missing since."""
        return self.why_unknown is None

    def apply(self, tick: Tick) -> bool:
        """Take a tick; return whether it changed what is known of the book.

        A delta that is older than the book changes nothing. One that leaves updates out, or comes from another leg,
        makes the book unknown, as a `Gap` of the channel ``book`` and a `Switched` do.
        """
        if tick.instrument != self.instrument:
            return False
        kind = type(tick)
        if kind is BookDelta:
            assert isinstance(tick, BookDelta)  # noqa: S101 - for the type checker; `type` is the quicker test
            return self._apply_delta(tick)
        if isinstance(tick, BookSnapshot):
            self._bids.replace(tick.bids, tick.depth)
            self._asks.replace(tick.asks, tick.depth)
            self.provider, self.update_id, self.why_unknown = tick.provider, tick.update_id, None
            return True
        if isinstance(tick, Gap) and tick.channel == "book":
            return self._forget(f"gap: {tick.cause}")
        if isinstance(tick, Switched) and tick.provider != self.provider:
            return self._forget(f"switched to {tick.provider}")
        return False

    @property
    def best_bid(self) -> Level | None:
        """The highest price that somebody pays; None where there is no book, no bid, or none that is sure."""
        prices, bound = self._bids.prices, self._bids.bound
        if not prices or (bound is not None and prices[-1] < bound):
            return None
        return Level(prices[-1], self._bids.sizes[prices[-1]])

    @property
    def best_ask(self) -> Level | None:
        """The lowest price that somebody sells at; None where there is no book, no ask, or none that is sure."""
        prices, bound = self._asks.prices, self._asks.bound
        if not prices or (bound is not None and prices[0] > bound):
            return None
        return Level(prices[0], self._asks.sizes[prices[0]])

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is above the best ask: no market is, so that one of them is wrong."""
        bids, asks = self._bids.prices, self._asks.prices
        return bool(bids and asks) and bids[-1] > asks[0]

    @property
    def is_locked(self) -> bool:
        """Whether the best bid is the best ask."""
        bids, asks = self._bids.prices, self._asks.prices
        return bool(bids and asks) and bids[-1] == asks[0]

    def bids(self, count: int | None = None, *, beyond: bool = False) -> list[Level]:
        """Return the bids, best first.

        Args:
            count: The best so many; None for all.
            beyond: Include levels deeper than the last snapshot's. What stands there is true, but between them may be
                others that nobody has touched since.
        """
        side = self._bids
        first = 0 if beyond or side.bound is None else bisect_left(side.prices, side.bound)
        if count is not None:
            first = max(first, len(side.prices) - count)
        return [Level(price, side.sizes[price]) for price in reversed(side.prices[first:])]

    def asks(self, count: int | None = None, *, beyond: bool = False) -> list[Level]:
        """Return the asks, best first; arguments as in `bids`."""
        side = self._asks
        end = len(side.prices)
        if not beyond and side.bound is not None:
            end = bisect_left(side.prices, side.bound)
            end += end < len(side.prices) and side.prices[end] == side.bound
        if count is not None:
            end = min(end, count)
        return [Level(price, side.sizes[price]) for price in side.prices[:end]]

    def is_thin(self, levels: int) -> bool:
        """Whether a side is sure for fewer than `levels` levels, with others unknown beyond them."""
        bids, asks = self._bids, self._asks
        return (
            bids.bound is not None and len(bids.prices) - bisect_left(bids.prices, bids.bound) < levels
        ) or (asks.bound is not None and bisect_left(asks.prices, asks.bound) + 1 < levels)

    def snapshot_of(self, tick: BookDelta | BookSnapshot) -> BookSnapshot:
        """Return all that is known of the book as a snapshot with the times of the tick that was applied last.

        Its `depth` is None where every level is known; otherwise as many as are sure on the shallower bounded side.

        Raises:
            ValueError: There is no book now, or no level of a side is sure any more.
        """
        if self.why_unknown is not None:
            raise ValueError(f"no book of {self.instrument}: {self.why_unknown}")
        sure = ((self.bids(), self._bids), (self.asks(), self._asks))
        limits = [len(levels) for levels, side in sure if side.bound is not None]
        depth = min(limits, default=None)
        if depth == 0:
            raise ValueError(f"no level of a side of {self.instrument} is sure any more")
        return BookSnapshot(
            instrument=self.instrument,
            provider=tick.provider,
            event_ns=tick.event_ns,
            recv_ns=tick.recv_ns,
            synthetic=tick.synthetic,
            bids=tuple(self.bids(beyond=True)),
            asks=tuple(self.asks(beyond=True)),
            update_id=self.update_id,
            depth=depth,
        )

    def _apply_delta(self, tick: BookDelta) -> bool:
        if self.why_unknown is not None:
            return False
        if tick.provider != self.provider:
            return self._forget(f"a delta of {tick.provider} without a snapshot before it")
        last, first = self.update_id, tick.first_update_id
        if last is not None and tick.update_id is not None:
            if tick.update_id <= last:
                return False
            if first is not None and first > last + 1:
                return self._forget(f"updates {last + 1} to {first - 1} are missing")
        self._bids.apply(tick.bids)
        self._asks.apply(tick.asks)
        self.update_id = tick.update_id
        return True

    def _forget(self, why: str) -> bool:
        was_known = self.why_unknown is None
        self.why_unknown = why
        self._bids, self._asks = _Side(), _Side()
        return was_known
