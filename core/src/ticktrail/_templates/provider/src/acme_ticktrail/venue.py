"""Be the venue on this machine: what the tests speak to, and what the feed file of this folder leads to.

Run it with ``python -m acme_ticktrail.venue``.
Write here how your venue answers; each fault of `ticktrail.testing.venue.Fault` (cut, mute, refused,
garbled …) comes with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import ClassVar

import trio
from ticktrail.testing.venue import Fault, JsonClient, JsonVenue, LiveTape

SYMBOL = "BTC-USDT"
PORT = 8765


class AcmeVenue(JsonVenue):
    """Takes subscriptions, confirms them, beats, and refuses what it does not have."""

    heartbeat_every_s: ClassVar[float] = 0.2

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Answer a client's message."""
        if not isinstance(message, Mapping) or message.get("op") != "subscribe":
            return ({"ch": "error", "reason": "unknown op"},)
        streams = [str(stream) for stream in message.get("streams", ())]
        if any(stream not in {f"trades:{SYMBOL}", f"quotes:{SYMBOL}"} for stream in streams):
            return ({"ch": "error", "reason": "unknown stream"},)
        client.subscribe(*streams)
        return ({"ch": "subscribed", "streams": streams},)

    def refusal(self, message: object, fault: Fault) -> object | None:
        """Answer in place of a confirmation, when a test wants it."""
        del message
        return {"ch": "error", "reason": fault.message}

    def heartbeat(self) -> object:
        """Say that the connection lives."""
        return {"ch": "heartbeat"}


def market(number: int, now_ns: int) -> Iterable[tuple[str, object]]:
    """Return what happens next: a trade, and the quote behind it."""
    price = 100 + number % 7
    trade = {"id": number, "price": f"{price}.50", "size": "0.10", "side": "sell" if number % 2 else "buy"}
    quote = {"bid": f"{price}.40", "bid_size": "1.0", "ask": f"{price}.60", "ask_size": "2.00"}
    yield f"trades:{SYMBOL}", {"ch": "trades", "symbol": SYMBOL, **trade, "time": now_ns}
    yield f"quotes:{SYMBOL}", {"ch": "quotes", "symbol": SYMBOL, **quote, "time": now_ns}


async def serve(port: int = PORT) -> None:
    """Run until cancelled."""
    made = AcmeVenue(LiveTape(market, rate=20.0))
    async with made.serve(port=port) as venue:
        print(f"the venue listens on {venue.ws_url()}; end it with Ctrl-C", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(serve)
