"""Add to a path what only Alpaca can do wrong, and its limits.

Owns: who is let in, and which errors come in place of an answer.
Never: delivers; the path of any venue does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from ticktrail.testing.venue import Fault, VenuePath
from ticktrail_mock.venue.alpaca.memory import Memory
from ticktrail_mock.venue.alpaca.quota import Quota

__all__ = ["AUTH", "AlpacaPath", "error_message"]

AUTH = "auth"
"""What an ``error_reply`` has as its `stream` to answer an authentication."""


class AlpacaPath(VenuePath):
    """One URL prefix of a loopback Alpaca.

    Args:
        prefix: Such as ``/a``; empty for the venue's root.
        faults: The venue's fault script.
        waits: Hold the tape while nobody is subscribed, so that a client that comes back misses nothing.
        memory: What the path has sent, for whoever asks by REST.
        quota: What is asked by REST, and how much of it is too much.
        symbols: All symbols of the tape.
        market: The books as the tape has them now, for a path that gets it from somewhere on; None for one that
            gets all of it.
        on_subscribed: Called when somebody is subscribed.
    """

    own_counted = frozenset({"loop_page", "empty_page", "drop_symbol"})
    own_kinds = own_counted | {"error"}

    def __init__(
        self,
        prefix: str,
        faults: Sequence[Fault],
        *,
        waits: bool,
        memory: Memory,
        quota: Quota,
        symbols: Sequence[str],
        market: Memory | None,
        on_subscribed: Callable[[], None],
    ) -> None:
        super().__init__(prefix, faults, waits=waits, memory=memory, quota=quota, on_subscribed=on_subscribed)
        self.memory = memory
        self.quota = quota
        self.symbols = symbols
        self._market = market

    def beginning(self) -> None:
        """Begin with the market's books."""
        if self._market is not None:
            self.memory.take_books(self._market)

    async def do_own(self, fault: Fault) -> None:
        """Send an error that nobody has caused."""
        for client in self.clients:
            await client.say(error_message(fault.code, fault.message))

    def refuse(self, action: Literal["auth", "subscribe"]) -> Fault | None:
        """Return the fault that refuses a client's request, or None."""
        waiting = self.waiting("error_reply")
        if waiting is None or (waiting.stream == AUTH) != (action == "auth"):
            return None
        return self.take("error_reply")


def error_message(code: int, text: str) -> bytes:
    """Return an error, as JSON."""
    return msgspec.json.encode([{"T": "error", "code": code, "msg": text}])
