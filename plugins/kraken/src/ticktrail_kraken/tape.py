"""Keep one pair's trades in the order of their ids, and find among the last ones those that were missed.

Owns: what of a snapshot is new: nothing on the first connection, later what came while nobody listened; and the hole
that may lie before the first trade that is brought, of which nobody else can know.
Never: fetches, or marks a later gap: what is still missing stays a jump in the ids, which the route marks and may have
repaired. Pure.

Source: docs.kraken.com, "Trades" (WebSocket v2), read 2026-11: `trade_id` is a sequence number, unique per book; the
snapshot after a subscription reflects the most recent 50 trades.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.model import Trade

__all__ = ["Tape"]


class Tape:
    """The trades of one pair.

    Attributes:
        newest_id: The highest id so far, of those that were passed over as well; None before the first.
    """

    __slots__ = ("_connections", "_has_brought", "_since_ns", "newest_id")

    def __init__(self) -> None:
        self.newest_id: int | None = None
        self._has_brought = False
        self._connections = 0
        self._since_ns = 0

    def begin(self, at_ns: int) -> None:
        """Note that a connection begins.

        Args:
            at_ns: When, UTC nanoseconds.
        """
        self._connections += 1
        if self._connections == 1:
            self._since_ns = at_ns

    def hole_before(self, trades: Sequence[Trade]) -> tuple[int, int] | None:
        """Return the first and the last id that are missing between what was passed over and trades that come.

        None once a trade has been brought: from then on the ids jump where something is missing.
        """
        if self.newest_id is None or self._has_brought:
            return None
        first = min((_id(trade) for trade in trades if _id(trade) > self.newest_id), default=None)
        return None if first is None or first == self.newest_id + 1 else (self.newest_id + 1, first - 1)

    def take(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        """Take new trades, and return them in the order of their ids: a repeat among them is the route's to find.

        One that came after a later one would be taken for a repeat there.
        """
        for trade in trades:
            self._note(trade)
        self._has_brought = self._has_brought or bool(trades)
        return sorted(trades, key=_id)

    def recall(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        """Take the pair's last trades, and return those that were missed, in order, marked as backfilled.

        On the first connection of a leg nothing was: they are older than its feed. Of a pair of which no connection has
        brought anything, such as one that is new at the venue, those were missed that are not.
        """
        known = self.newest_id
        ordered = sorted(trades, key=_id)
        for trade in ordered:
            self._note(trade)
        if known is None and self._connections < 2:
            return ()
        missed = [
            msgspec.structs.replace(trade, backfilled=True)
            for trade in ordered
            if (_id(trade) > known if known is not None else _moment(trade) >= self._since_ns)
        ]
        self._has_brought = self._has_brought or bool(missed)
        return missed

    def _note(self, trade: Trade) -> None:
        number = _id(trade)
        if self.newest_id is None or number > self.newest_id:
            self.newest_id = number


def _moment(trade: Trade) -> int:
    assert trade.event_ns is not None  # noqa: S101 - the wire has no other
    return trade.event_ns


def _id(trade: Trade) -> int:
    assert isinstance(trade.id, int)  # noqa: S101 - the wire has no other
    return trade.id
