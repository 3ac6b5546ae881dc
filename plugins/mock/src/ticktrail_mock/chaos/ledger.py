"""Keep account of what the market truly was.

Owns: every trade of the tape, with its price.
Never: changes a message; the paths of the venue do that to what they send.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from ticktrail.testing.venue import Message
from ticktrail_mock.venue.binance.symbols import Listing
from ticktrail_mock.venue.binance.tape import Depth, Tape

__all__ = ["Ledger"]

_TRADES = "@trade"


class _Trade(msgspec.Struct):
    s: str
    t: int
    p: Decimal


class _Event(msgspec.Struct):
    data: _Trade


_read = msgspec.json.Decoder(_Event).decode


class Ledger:
    """A tape around a tape; implements `ticktrail_mock.venue.binance.tape.Tape`.

    Attributes:
        trades: By symbol and in order, the price of every trade that there was, by its id.
    """

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.trades: dict[str, dict[int, Decimal]] = {}

    def listing(self) -> Listing:
        """Return the tape's listing."""
        return self._tape.listing()

    def snapshots(self) -> Mapping[str, Depth]:
        """Return the tape's books."""
        return self._tape.snapshots()

    def messages(self) -> Iterator[Message]:
        """Yield the tape's messages."""
        for message in self._tape.messages():
            if message.stream.endswith(_TRADES):
                trade = _read(message.raw).data
                self.trades.setdefault(trade.s, {})[trade.t] = trade.p
            yield message
