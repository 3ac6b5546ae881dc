"""Hold one market event: the ticks, and what became of each.

Owns: the shape of a tick in memory and on the wire (docs/reference/wire-format.md).
Never: knows a venue, reads a clock, does arithmetic.

Prices and sizes are `Decimal` with the very digits that the venue wrote. Times are integer nanoseconds since
the Unix epoch, UTC: `event_ns` is the venue's (None where it gives none), `recv_ns` is when the socket read that
brought the tick returned. `provider` is the leg's name in the feed file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Literal, NewType, TypeAlias, final

import msgspec

__all__ = [
    "SCHEMA_VERSION",
    "AggTrade",
    "Bar",
    "BookDelta",
    "BookSnapshot",
    "Channel",
    "Correction",
    "Flagged",
    "Gap",
    "Imbalance",
    "InstrumentId",
    "Levels",
    "Liquidation",
    "MarkPrice",
    "PriceBand",
    "ProviderId",
    "Quote",
    "Rejected",
    "Side",
    "Status",
    "Suppressed",
    "Switched",
    "Tick",
    "Ticker",
    "Trade",
    "Undecodable",
    "Violation",
]

SCHEMA_VERSION = 1
"""Version of the wire form; grows when a field changes its meaning or goes away."""

InstrumentId = NewType("InstrumentId", str)
"""Canonical name, never a venue's spelling: ``BTC/USDT`` for a pair, ``AAPL`` for a stock, ``BTC/USDT:USDT`` for the
perpetual future of the pair that settles in USDT, ``BTC/USDT:USDT-270326`` for the one that expires on 2027-03-26."""

ProviderId = NewType("ProviderId", str)
"""A leg's name: the key of its table under ``[providers]``."""

Channel: TypeAlias = Literal[
    "trades",
    "agg_trades",
    "quotes",
    "ticker",
    "bars",
    "book",
    "status",
    "mark_price",
    "liquidations",
    "price_bands",
    "imbalances",
]
Side: TypeAlias = Literal["buy", "sell"]
Levels: TypeAlias = tuple[tuple[Decimal, Decimal], ...]
"""Price and size pairs, best first; a size of 0 in a delta removes the level."""


class _Tick(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", omit_defaults=True):
    """What every tick carries; flags stand in the wire form only where they are true."""

    counted_as: ClassVar[str]
    """The name under which reports count this kind."""

    instrument: InstrumentId
    provider: ProviderId
    event_ns: int | None
    recv_ns: int
    backfilled: bool = False
    stale: bool = False
    synthetic: bool = False
    equivalent_of: InstrumentId | None = None
    flagged: bool = False


@final
class Trade(_Tick, frozen=True, tag="trade"):
    """One execution. `side` is the aggressor's, None where the venue does not tell."""

    counted_as: ClassVar[str] = "trades"

    id: int | str
    price: Decimal
    size: Decimal
    side: Side | None


@final
class AggTrade(_Tick, frozen=True, tag="agg_trade"):
    """The trades `first_id` to `last_id` of one order, at one price and on one side, taken together."""

    counted_as: ClassVar[str] = "agg_trades"

    id: int
    price: Decimal
    size: Decimal
    side: Side | None
    first_id: int
    last_id: int


@final
class Quote(_Tick, frozen=True, tag="quote"):
    """Best bid and offer. `update_id` grows with each change where the venue numbers them.

    One that a route made of the quotes of several legs says whose each side is, in `bid_provider` and `ask_provider`
    (None for a side that is empty): its `provider` is the leg whose word changed it.
    """

    counted_as: ClassVar[str] = "quotes"

    bid_price: Decimal
    bid_size: Decimal
    ask_price: Decimal
    ask_size: Decimal
    update_id: int | None = None
    bid_provider: ProviderId | None = None
    ask_provider: ProviderId | None = None

    @property
    def is_consolidated(self) -> bool:
        """Whether it is of several legs' quotes."""
        return self.bid_provider is not None or self.ask_provider is not None


@final
class Ticker(_Tick, frozen=True, tag="ticker"):
    """Last price, best bid and offer, and the volume of the last 24 hours in units of the base asset."""

    counted_as: ClassVar[str] = "ticker"

    last: Decimal
    bid_price: Decimal
    bid_size: Decimal
    ask_price: Decimal
    ask_size: Decimal
    volume_24h: Decimal


@final
class Bar(_Tick, frozen=True, tag="bar"):
    """Open, high, low, close and volume of `[start_ns, end_ns)`; `final` once it will not change.

    `trades` is how many trades the venue counts in it, None where it does not tell.
    """

    counted_as: ClassVar[str] = "bars"

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    start_ns: int
    end_ns: int
    final: bool
    trades: int | None = None


@final
class BookSnapshot(_Tick, frozen=True, tag="book_snapshot"):
    """An order book as of `update_id`, the last update that it holds.

    `depth` is how many levels a side are sure to be the best, where a venue gives no more: what stands beyond them is
    true, and between may be levels that nobody knows until an update touches them. A side with fewer levels is whole.
    None: both are.
    """

    counted_as: ClassVar[str] = "book"

    bids: Levels
    asks: Levels
    update_id: int | None
    depth: int | None = None


@final
class BookDelta(_Tick, frozen=True, tag="book_delta"):
    """Absolute sizes of the levels that the updates `first_update_id` to `update_id` changed.

    `first_update_id` is at most one more than the `update_id` of the delta or snapshot before, whatever holes the
    venue leaves in its numbers: where it is more, something is missing (`ticktrail.book.OrderBook` sees to that).
    """

    counted_as: ClassVar[str] = "book"

    bids: Levels
    asks: Levels
    first_update_id: int | None
    update_id: int | None


@final
class Status(_Tick, frozen=True, tag="status"):
    """A change of an instrument's trading state, such as a halt: `state` and `reason` in the venue's words."""

    counted_as: ClassVar[str] = "status"

    state: str
    reason: str | None = None


@final
class MarkPrice(_Tick, frozen=True, tag="mark_price"):
    """What a derivative is marked at, and the funding that its holders pay next; None where there is none."""

    counted_as: ClassVar[str] = "mark_price"

    mark: Decimal
    index: Decimal | None
    funding_rate: Decimal | None
    next_funding_ns: int | None


@final
class Liquidation(_Tick, frozen=True, tag="liquidation"):
    """A position closed by force: `side` of the order that closed it, its limit and average price, its size."""

    counted_as: ClassVar[str] = "liquidations"

    side: Side
    price: Decimal
    average_price: Decimal
    size: Decimal


@final
class PriceBand(_Tick, frozen=True, tag="price_band"):
    """The prices between which an instrument may trade now: limit down and limit up, and the venue's word for why."""

    counted_as: ClassVar[str] = "price_bands"

    lower: Decimal
    upper: Decimal
    indicator: str | None


@final
class Imbalance(_Tick, frozen=True, tag="imbalance"):
    """More to buy than to sell before an auction, or less: the price that it points to."""

    counted_as: ClassVar[str] = "imbalances"

    price: Decimal


@final
class Correction(_Tick, frozen=True, tag="correction"):
    """The trade `original_id` was corrected, or cancelled where the new values are None."""

    counted_as: ClassVar[str] = "corrections"

    original_id: int | str
    id: int | str | None
    price: Decimal | None
    size: Decimal | None


@final
class Gap(_Tick, frozen=True, tag="gap"):
    """Ticks of `channel` are missing: ids `from_id` to `to_id` inclusive where ids are known, and the times between.

    `from_ns` is the receive time of the last tick before the hole, `to_ns` of the first one after it, None where none
    has come yet. After a gap of
    the channel ``book`` the instrument's book is unknown until its next `BookSnapshot`.
    """

    counted_as: ClassVar[str] = "gaps"

    channel: Channel
    from_id: int | None
    to_id: int | None
    from_ns: int | None
    to_ns: int | None
    cause: str


@final
class Switched(_Tick, frozen=True, tag="switched"):
    """From here on `provider` speaks for the instrument, in place of `from_provider`."""

    counted_as: ClassVar[str] = "switches"

    from_provider: ProviderId | None
    cause: str


Tick: TypeAlias = (
    Trade
    | AggTrade
    | Quote
    | Ticker
    | Bar
    | BookSnapshot
    | BookDelta
    | Status
    | MarkPrice
    | Liquidation
    | PriceBand
    | Imbalance
    | Correction
    | Gap
    | Switched
)


@final
class Undecodable(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag_field="type", tag="undecodable"):
    """A frame that is no tick: the raw bytes, and why they could not be read."""

    counted_as: ClassVar[str] = "undecodable"

    provider: ProviderId
    recv_ns: int
    raw: bytes
    reason: str


class Violation(msgspec.Struct, frozen=True, kw_only=True, tag_field="rule"):
    """Base of every rule's finding; a subclass carries the rule's name as its tag and the numbers that tripped it."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """A tick that was not delivered, with every rule that it broke."""

    tick: Tick | Undecodable
    violations: Sequence[Violation]


class Flagged(msgspec.Struct, frozen=True, kw_only=True):
    """A tick that went on although rules objected, since their findings only flag; its own `flagged` is set."""

    tick: Tick
    violations: Sequence[Violation]


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """Good ticks that were not delivered, and why: another leg speaks, a duplicate at a hand-over."""

    reason: str
    ticks: Sequence[Tick]


CHANNEL_OF: Mapping[type, Channel] = {
    Trade: "trades",
    AggTrade: "agg_trades",
    Quote: "quotes",
    Ticker: "ticker",
    Bar: "bars",
    BookSnapshot: "book",
    BookDelta: "book",
    Status: "status",
    MarkPrice: "mark_price",
    Liquidation: "liquidations",
    PriceBand: "price_bands",
    Imbalance: "imbalances",
    Correction: "trades",
}
"""The subscription that brings each kind of tick; gaps and switches belong to none."""
