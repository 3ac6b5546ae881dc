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
    "Bar",
    "BookDelta",
    "BookSnapshot",
    "Channel",
    "Correction",
    "Gap",
    "InstrumentId",
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
"""Canonical name: ``BTC/USDT`` for a pair, ``AAPL`` for a stock; never a venue's spelling."""

ProviderId = NewType("ProviderId", str)
"""A leg's name: the key of its table under ``[providers]``."""

Channel: TypeAlias = Literal["trades", "quotes", "ticker", "bars", "book", "status"]
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


@final
class Trade(_Tick, frozen=True, tag="trade"):
    """One execution. `side` is the aggressor's, None where the venue does not tell."""

    counted_as: ClassVar[str] = "trades"

    id: int | str
    price: Decimal
    size: Decimal
    side: Side | None


@final
class Quote(_Tick, frozen=True, tag="quote"):
    """Best bid and offer. `update_id` grows with each change where the venue numbers them."""

    counted_as: ClassVar[str] = "quotes"

    bid_price: Decimal
    bid_size: Decimal
    ask_price: Decimal
    ask_size: Decimal
    update_id: int | None = None


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
    """Open, high, low, close and volume of `[start_ns, end_ns)`; `final` once it will not change."""

    counted_as: ClassVar[str] = "bars"

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    start_ns: int
    end_ns: int
    final: bool


@final
class BookSnapshot(_Tick, frozen=True, tag="book_snapshot"):
    """A whole order book as of `update_id`, the last update that it holds."""

    counted_as: ClassVar[str] = "book"

    bids: Levels
    asks: Levels
    update_id: int | None


@final
class BookDelta(_Tick, frozen=True, tag="book_delta"):
    """Absolute sizes of changed levels for updates `first_update_id` to `update_id`."""

    counted_as: ClassVar[str] = "book"

    bids: Levels
    asks: Levels
    first_update_id: int | None
    update_id: int | None


@final
class Status(_Tick, frozen=True, tag="status"):
    """A change of an instrument's trading state: `state` in the venue's word, `reason` where it gives one."""

    counted_as: ClassVar[str] = "status"

    state: str
    reason: str | None = None


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

    `from_ns` is the receive time of the last tick before the hole, `to_ns` of the first one after it.
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
    Trade | Quote | Ticker | Bar | BookSnapshot | BookDelta | Status | Correction | Gap | Switched
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


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """Good ticks that were not delivered, and why: another leg speaks, a duplicate at a hand-over."""

    reason: str
    ticks: Sequence[Tick]


CHANNEL_OF: Mapping[type, Channel] = {
    Trade: "trades",
    Quote: "quotes",
    Ticker: "ticker",
    Bar: "bars",
    BookSnapshot: "book",
    BookDelta: "book",
    Status: "status",
    Correction: "trades",
}
"""The subscription that brings each kind of tick; gaps and switches belong to none."""
