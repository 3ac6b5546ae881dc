"""Make ticks up, for trying things out; each is marked synthetic for ever.

Owns: the pace at which a synthetic market is taken, and the mark.
Never: passes for a venue: a production profile refuses it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import anyio
import anyio.abc
from msgspec import Meta

from ticktrail.model import Channel, Quote, Tick, Ticker, Trade, Undecodable
from ticktrail.plugin import Capabilities, Intake, ProviderContext, Registry, Settings
from ticktrail_mock.market import MadeQuote, MadeTicker, MadeTrade, Move, SyntheticMarket, price_of, size_of

__all__ = ["SyntheticProvider", "SyntheticSettings", "describe_synthetic"]

MOST_BATCHES_A_SECOND = 100
CATCH_UP_S = 1.0
"""A provider that was held back makes up for this much, and lets go what it missed beyond."""

CHANNEL: dict[type, Channel] = {MadeTrade: "trades", MadeQuote: "quotes", MadeTicker: "ticker"}


class SyntheticSettings(Settings, frozen=True):
    """The table of a provider with ``plugin = "synthetic"``.

    Attributes:
        seed: The same seed gives the same prices, sizes and ids.
        rate: Ticks a second, over all instruments.
        ticks: End after so many; without it, never.
    """

    seed: int = 1
    rate: Annotated[float, Meta(gt=0, le=1_000_000)] = 100.0
    ticks: Annotated[int, Meta(ge=1)] | None = None


def describe_synthetic(_settings: SyntheticSettings, _registry: Registry) -> Capabilities:
    """Return the channels, and that all of it is made up."""
    return Capabilities(channels=frozenset(CHANNEL.values()), synthetic=True, consecutive_trade_ids=True)


class SyntheticProvider:
    """One made-up market; implements `ticktrail.plugin.Provider`. A new session goes on where the last one ended."""

    def __init__(self, settings: SyntheticSettings, context: ProviderContext) -> None:
        self._settings = settings
        self._context = context
        self._moves = SyntheticMarket(context.instruments, seed=settings.seed).moves()
        self._made = 0

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return an `Undecodable` each: there are no messages of a market that is made up."""
        return [
            Undecodable(
                provider=self._context.name, recv_ns=recv_ns, raw=bytes(payload), reason="no venue sends this"
            )
            for payload in payloads
        ]

    def wants(self, payload: bytes) -> bool:
        """Return False: nothing that was recorded belongs here."""
        del payload
        return False

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Hand over ticks at the rate asked for, until there were `ticks`."""
        task_status.started()
        clock, rate = self._context.clock, self._settings.rate
        size = max(1, round(rate / MOST_BATCHES_A_SECOND))
        due = anyio.current_time()
        while self._settings.ticks is None or self._made < self._settings.ticks:
            count = size if self._settings.ticks is None else min(size, self._settings.ticks - self._made)
            recv_ns, mono_ns = clock.now_ns(), clock.mono_ns()
            ticks = [self._next(recv_ns) for _ in range(count)]
            self._made += count
            await intake.ticks(ticks, recv_ns=recv_ns, mono_ns=mono_ns)
            due = max(due + count / rate, anyio.current_time() - CATCH_UP_S)
            await anyio.sleep_until(due)

    def _next(self, now_ns: int) -> Tick:
        while True:
            move = next(self._moves)
            if CHANNEL[type(move)] in self._context.channels:
                return self._tick(move, now_ns)

    def _tick(self, move: Move, now_ns: int) -> Tick:
        provider = self._context.name
        match move:
            case MadeTrade():
                return Trade(
                    instrument=move.instrument,
                    provider=provider,
                    event_ns=now_ns,
                    recv_ns=now_ns,
                    synthetic=True,
                    id=move.id,
                    price=price_of(move.cents),
                    size=size_of(move.units),
                    side="sell" if move.by_seller else "buy",
                )
            case MadeQuote():
                return Quote(
                    instrument=move.instrument,
                    provider=provider,
                    event_ns=now_ns,
                    recv_ns=now_ns,
                    synthetic=True,
                    bid_price=price_of(move.bid_cents),
                    bid_size=size_of(move.bid_units),
                    ask_price=price_of(move.ask_cents),
                    ask_size=size_of(move.ask_units),
                    update_id=move.update_id,
                )
            case MadeTicker(quote, last_cents, volume_units):
                return Ticker(
                    instrument=quote.instrument,
                    provider=provider,
                    event_ns=now_ns,
                    recv_ns=now_ns,
                    synthetic=True,
                    last=price_of(last_cents),
                    bid_price=price_of(quote.bid_cents),
                    bid_size=size_of(quote.bid_units),
                    ask_price=price_of(quote.ask_cents),
                    ask_size=size_of(quote.ask_units),
                    volume_24h=size_of(volume_units),
                )
