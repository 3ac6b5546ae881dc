"""Add to a path what only Binance can do wrong.

Owns: the states of symbols, the path's clock, and which trades it sent at a wrong price.
Never: delivers; the path of any venue does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec
import trio

from ticktrail.testing.venue import Fault, Message, VenuePath
from ticktrail_mock.venue.binance.memory import Memory
from ticktrail_mock.venue.binance.quota import Quota

__all__ = ["BinancePath"]

TRADES, QUOTES = "@trade", "@bookTicker"


class BinancePath(VenuePath):
    """One URL prefix of a loopback Binance.

    Args:
        prefix: Such as ``/a``; empty for the venue's root.
        faults: The venue's fault script.
        waits: Hold the tape while nobody is subscribed, so that a client that comes back misses nothing.
        memory: What the path has sent, for whoever asks by REST.
        quota: What is asked by REST, and how much of it is too much.
        now_ms: The venue's clock.
        on_subscribed: Called when somebody is subscribed.
    """

    own_counted = frozenset({"old_book"})
    own_kinds = own_counted | {"status", "shutdown", "lie"}

    def __init__(
        self,
        prefix: str,
        faults: Sequence[Fault],
        *,
        waits: bool,
        memory: Memory,
        quota: Quota,
        now_ms: Callable[[], int],
        on_subscribed: Callable[[], None],
    ) -> None:
        super().__init__(prefix, faults, waits=waits, memory=memory, quota=quota, on_subscribed=on_subscribed)
        self.memory = memory
        self.quota = quota
        self.states: dict[str, str] = {}
        self.clock_ahead_ms = 0
        self.lied: set[tuple[str, int]] = set()
        """Symbol and id of every trade that was sent at a wrong price."""
        self._now_ms = now_ms
        self._lie: Fault | None = None
        self._lie_until = -math.inf

    async def do_own(self, fault: Fault) -> None:
        """Change a symbol's state, begin to lie, or announce a shutdown."""
        if fault.kind == "lie":
            self._lie = fault
            self._lie_until = trio.current_time() + fault.for_s if fault.for_s else math.inf
            return
        if fault.kind == "status":
            self.states[fault.symbol] = fault.state
            return
        notice = {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": self._now_ms()}}
        for client in self.clients:
            await client.say(msgspec.json.encode(notice))

    def passing(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Leave out what is not listed any more, and make prices wrong while the path lies."""
        if self._lie is not None and trio.current_time() >= self._lie_until:
            self._lie = None
        if self._lie is not None:
            messages = [self._wrong(message, self._lie) for message in messages]
        if not self.states:
            return messages
        gone = {f"{symbol.lower()}@" for symbol, state in self.states.items() if state == ""}
        return [message for message in messages if message.stream[: message.stream.find("@") + 1] not in gone]

    def _wrong(self, message: Message, lie: Fault) -> Message:
        """Return a trade or a quote at another price, still in the venue's steps."""
        if not message.stream.endswith((TRADES, QUOTES)) or not message.stream.endswith(lie.stream):
            return message
        event = msgspec.json.decode(message.raw)
        data = event["data"]
        for key in ("p",) if message.stream.endswith(TRADES) else ("b", "a"):
            price = Decimal(data[key])
            data[key] = str((price * Decimal(str(lie.factor))).quantize(price))
        if message.stream.endswith(TRADES):
            self.lied.add((data["s"], data["t"]))
        return replace(message, raw=msgspec.json.encode(event))
