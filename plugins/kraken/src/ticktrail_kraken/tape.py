"""Keep one pair's trades in the order of their ids, and find among the last ones those that were missed.

Owns: what of a snapshot is new: nothing on the first connection, later what came while nobody listened.
Never: fetches, or marks a gap: what is still missing stays a jump in the ids, which the route marks and may have
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

    __slots__ = ("newest_id",)

    def __init__(self) -> None:
        self.newest_id: int | None = None

    def take(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        """Take new trades, and return them: a repeat among them is the route's to find."""
        for trade in trades:
            self._note(trade)
        return trades

    def recall(self, trades: Sequence[Trade]) -> Sequence[Trade]:
        """Take the pair's last trades, and return those that were missed, in order, marked as backfilled.

        On the first connection of a leg nothing was: they are older than its feed.
        """
        known = self.newest_id
        ordered = sorted(trades, key=_id)
        for trade in ordered:
            self._note(trade)
        if known is None:
            return ()
        return [msgspec.structs.replace(trade, backfilled=True) for trade in ordered if _id(trade) > known]

    def _note(self, trade: Trade) -> None:
        number = _id(trade)
        if self.newest_id is None or number > self.newest_id:
            self.newest_id = number


def _id(trade: Trade) -> int:
    assert isinstance(trade.id, int)  # noqa: S101 - the wire has no other
    return trade.id
