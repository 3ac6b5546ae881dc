"""Make a market's trades wrong on purpose, and keep account of every trade that was sent.

Owns: which trades are falsified, and the ids of all of them.
Never: changes anything but a trade's price and times.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from ticktrail.testing.venue import Message
from ticktrail_mock.venue.binance.symbols import Listing
from ticktrail_mock.venue.binance.tape import Depth, Tape

__all__ = ["Meddler"]

TRADES = "@trade"


class Meddler:
    """A tape around a tape; implements `ticktrail_mock.venue.binance.tape.Tape`."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._wrongs: deque[tuple[Decimal, int]] = deque()
        self.trade_ids: dict[str, list[int]] = {}
        """By symbol, every trade that went out, in order."""
        self.falsified: list[tuple[str, int]] = []
        """Symbol and id of every trade that was made wrong."""

    def listing(self) -> Listing:
        """Return the tape's listing."""
        return self._tape.listing()

    def snapshots(self) -> Mapping[str, Depth]:
        """Return the tape's books."""
        return self._tape.snapshots()

    def falsify(self, *, factor: Decimal = Decimal(1), age_ms: int = 0, count: int = 1) -> None:
        """Make the next trades wrong: their prices times `factor`, their times `age_ms` earlier."""
        self._wrongs.extend([(factor, age_ms)] * count)

    def messages(self) -> Iterator[Message]:
        """Yield the tape's messages."""
        for message in self._tape.messages():
            yield self._passed(message) if message.stream.endswith(TRADES) else message

    def _passed(self, message: Message) -> Message:
        event = msgspec.json.decode(message.raw)
        data = event["data"]
        symbol, number = str(data["s"]), int(data["t"])
        self.trade_ids.setdefault(symbol, []).append(number)
        if not self._wrongs:
            return message
        factor, age_ms = self._wrongs.popleft()
        price = Decimal(data["p"])
        data["p"] = str((price * factor).quantize(price))  # false, and still in the venue's steps
        data["E"] -= age_ms
        data["T"] -= age_ms
        self.falsified.append((symbol, number))
        return Message(message.stream, msgspec.json.encode(event), message.due_ns)
