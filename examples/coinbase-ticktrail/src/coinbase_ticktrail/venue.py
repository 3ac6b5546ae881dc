"""Be Coinbase on this machine: what tests speak to. Run it with ``python -m coinbase_ticktrail.venue``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

import trio
from ticktrail.testing.venue import Fault, JsonClient, JsonVenue, LiveTape

PRODUCT = "BTC-USD"
PORT = 8766


class CoinbaseVenue(JsonVenue):
    """Takes subscriptions, confirms them, beats, and refuses a product that it does not have."""

    heartbeat_every_s: ClassVar[float] = 0.1

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Answer a subscription: all channels, and the last trade where `matches` is one."""
        channels = message.get("channels", ()) if isinstance(message, Mapping) else ()
        asked = [(one["name"], product) for one in channels for product in one["product_ids"]]
        if unknown := [product for _, product in asked if product != PRODUCT]:
            return (error(f"{unknown[0]} is not a valid product"),)
        client.subscribe(*(f"{name}:{product}" for name, product in asked))
        said: list[object] = [{"type": "subscriptions", "channels": list(channels)}]
        if self.told and ("matches", PRODUCT) in asked:
            said.append(match("last_match", self.told[-1].number, time.time_ns()))
        return said

    def refusal(self, message: object, fault: Fault) -> object | None:
        """Answer in place of a confirmation, when a test wants it."""
        del message
        return error(fault.message)

    def heartbeat(self) -> object:
        """Say that the connection lives, and which trade was the last."""
        last = self.told[-1].number if self.told else 0
        return {"type": "heartbeat", "sequence": 10 * last, "last_trade_id": last, "product_id": PRODUCT}


def error(reason: str) -> object:
    """Return a refusal."""
    return {"type": "error", "message": "Failed to subscribe", "reason": reason}


def match(kind: str, number: int, now_ns: int) -> object:
    """Return a trade."""
    side = "sell" if number % 2 else "buy"
    price, now = f"{64_000 + number % 7}.50", written(now_ns)
    trade = {"trade_id": number, "side": side, "size": "0.00120000", "price": price}
    return {"type": kind, **trade, "product_id": PRODUCT, "sequence": 10 * number, "time": now}


def written(now_ns: int) -> str:
    """Return a moment as the venue writes it, to the microsecond."""
    now = datetime.fromtimestamp(now_ns // 1_000_000_000, UTC)
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now_ns % 1_000_000_000 // 1_000:06d}Z"


def market(number: int, now_ns: int) -> Iterable[tuple[str, object]]:
    """Return what happens next: a trade, and the quote behind it."""
    price = 64_000 + number % 7
    bid = {"best_bid": f"{price}.49", "best_bid_size": "0.50000000"}
    ask = {"best_ask": f"{price}.51", "best_ask_size": "0.25000000"}
    about = {"type": "ticker", "product_id": PRODUCT, "sequence": 10 * number, "trade_id": number}
    yield f"matches:{PRODUCT}", match("match", number, now_ns)
    yield f"ticker:{PRODUCT}", {**about, **bid, **ask, "time": written(now_ns)}


async def serve(port: int = PORT) -> None:
    """Run until cancelled."""
    async with CoinbaseVenue(LiveTape(market, rate=20.0)).serve(port=port) as venue:
        print(f"the venue listens on {venue.ws_url()}; end it with Ctrl-C", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(serve)
