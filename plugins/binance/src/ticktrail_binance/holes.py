"""Notice missing trades of one stream, and hold newer ones back until the missing were fetched or given up.

Owns: the order: what was missing comes before what was there, marked as backfilled.
Never: fetches, waits, or marks a gap: what cannot be had stays a jump in the ids, which the route marks. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

import msgspec

from ticktrail.model import AggTrade, ProviderId, Trade
from ticktrail_binance.events import time_ns
from ticktrail_binance.streams import Stream
from ticktrail_binance.wire import RestAggTrade, RestTrade

__all__ = ["Hole", "TradeHoles", "Traded", "read_row", "split_rows"]

Traded: TypeAlias = Trade | AggTrade
ABSURD = 100_000_000
"""Ids that no market passes in any outage that a session lives through."""
_rows = msgspec.json.Decoder(list[msgspec.Raw] | None).decode
_single = msgspec.json.Decoder(RestTrade).decode
_aggregate = msgspec.json.Decoder(RestAggTrade).decode


class Hole(msgspec.Struct, frozen=True):
    """The ids that are missing, both inclusive."""

    from_id: int
    to_id: int


class TradeHoles:
    """The trades of one stream.

    Args:
        most_missing: Larger holes are left as they are.
        most_held: Trades that wait for a hole at most; beyond it the hole is given up.

    Attributes:
        wants: The hole that is to be fetched.
        next_id: The id that may go straight on; whoever lets it through counts it up by one. -1 where `take` decides.
    """

    __slots__ = ("_held", "_most_held", "_most_missing", "_odd", "next_id", "wants")

    def __init__(self, *, most_missing: int, most_held: int) -> None:
        self.wants: Hole | None = None
        self.next_id = -1
        self._most_missing = most_missing
        self._most_held = most_held
        self._held: list[Traded] = []
        self._odd = -1

    def take(self, trade: Traded) -> Sequence[Traded]:
        """Take a trade, and return what may go on: it, nothing yet, or all that was held.

        Raises:
            ValueError: Its id is absurdly far ahead, and nothing else says so: it would hide all that comes after.
        """
        number, due = trade.id, self.next_id
        if isinstance(number, int) and due >= 0 and number - due > ABSURD and number != self._odd:
            self._odd = number + 1  # the next one of it makes it believable: then the venue counts anew
            raise ValueError(f"the id {number} is {number - due} ahead of the one that was due")
        if self.wants is not None:
            self._held.append(trade)
            return self.give_up() if len(self._held) > self._most_held else ()
        if not isinstance(number, int) or (due >= 0 and number < due):
            return (trade,)  # not numbered, or a repeat: the route sees to that
        if due < 0 or number - due > self._most_missing or number == due:
            self.next_id = number + 1
            return (trade,)
        self.wants = Hole(due, number - 1)
        self.next_id = -1
        self._held.append(trade)
        return ()

    def fetched(self, hole: Hole, trades: Sequence[Traded]) -> Sequence[Traded]:
        """Take what the venue gave for a hole, and return it with what waited; an answer to another hole is no use."""
        if hole != self.wants:
            return ()
        inside = {trade.id: trade for trade in trades if isinstance(trade.id, int)}
        found = [inside[number] for number in sorted(inside) if hole.from_id <= number <= hole.to_id]
        return [*found, *self.give_up()]

    def give_up(self) -> Sequence[Traded]:
        """Return what waited, up to the next hole in it if there is one."""
        held, self._held = self._held, []
        hole, self.wants = self.wants, None
        if hole is not None:
            self.next_id = hole.to_id + 1
        out: list[Traded] = []
        for trade in held:
            out.extend(self.take(trade))
        return out


def split_rows(rows: bytes) -> Sequence[bytes]:
    """Return a REST answer's rows one by one, so that one that cannot be read costs no other; ``null`` gives none.

    Raises:
        ValueError: They are no rows.
    """
    return [bytes(row) for row in _rows(rows) or ()]


def read_row(
    row: bytes, stream: Stream, provider: ProviderId, recv_ns: int, *, aggregates: bool
) -> Traded | None:
    """Return the trade of a REST answer's row, marked as backfilled; None where the row stands for none.

    Raises:
        ValueError: It cannot be read, or is no trade that could be.
    """
    if not aggregates:
        one = _single(row)
        return _trade(
            stream, provider, recv_ns, one.id, one.price, one.qty, one.time, by_seller=one.isBuyerMaker
        )
    many = _aggregate(row)
    if many.f < 0:
        return None
    if stream.channel == "agg_trades":
        return _agg_trade(stream, provider, recv_ns, many)
    return _trade(stream, provider, recv_ns, many.a, many.p, many.q, many.T, by_seller=many.m)


def _trade(
    stream: Stream,
    provider: ProviderId,
    recv_ns: int,
    number: int,
    price: Decimal,
    size: Decimal,
    time: int,
    *,
    by_seller: bool,
) -> Trade:
    _check_numbers(price, size)
    return Trade(
        instrument=stream.instrument,
        provider=provider,
        event_ns=time_ns(time),
        recv_ns=recv_ns,
        backfilled=True,
        id=number,
        price=price,
        size=size,
        side="sell" if by_seller else "buy",
    )


def _agg_trade(stream: Stream, provider: ProviderId, recv_ns: int, row: RestAggTrade) -> AggTrade:
    _check_numbers(row.p, row.q)
    return AggTrade(
        instrument=stream.instrument,
        provider=provider,
        event_ns=time_ns(row.T),
        recv_ns=recv_ns,
        backfilled=True,
        id=row.a,
        price=row.p,
        size=row.q,
        side="sell" if row.m else "buy",
        first_id=row.f,
        last_id=row.l,
    )


def _check_numbers(price: Decimal, size: Decimal) -> None:
    if not (price.is_finite() and size.is_finite() and price > 0 and size > 0):
        raise ValueError(f"a trade of {size} at {price} is none")
