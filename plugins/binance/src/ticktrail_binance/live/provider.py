"""Live through sessions with Binance: connect, subscribe, hand on what comes, and run the errands beside it.

Owns: the order of a session and its tasks.
Never: connects again by itself once the session is lost; the leg does.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.abc

from ticktrail.model import Tick, Undecodable
from ticktrail.net import InOrder
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_binance.decoder import BinanceDecoder
from ticktrail_binance.increments import Increments
from ticktrail_binance.live.errands import Errands
from ticktrail_binance.live.polls import StatusPoll, measure_clock
from ticktrail_binance.live.shard import Shard
from ticktrail_binance.live.watch import watch
from ticktrail_binance.rest.client import RestClient
from ticktrail_binance.rest.listing import check_instruments
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import connections_of, streams_of, symbols_of

__all__ = ["BinanceProvider"]


class BinanceProvider:
    """One leg at Binance; implements `ticktrail.plugin.Provider`.

    Raises:
        ConfigError: The feed's instruments cannot be the venue's.
    """

    def __init__(self, settings: BinanceSettings, context: ProviderContext) -> None:
        self._settings = settings
        self._context = context
        self._symbols = symbols_of(settings, context)
        self._streams = streams_of(settings, context)
        self._increments = Increments(self._symbols)
        self._errands: Errands | None = None
        self._decoder = BinanceDecoder(self._streams, context.name, settings, on_want=self._wanted)
        self._instruments_checked = False

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks of the payloads."""
        return self._decoder.decode(payloads, recv_ns)

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload is a message of one of the leg's streams."""
        return self._decoder.wants(payload)

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return the trades that wait for missing ones."""
        return self._decoder.drain()

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session.

        Raises:
            TransientError: A connection was lost, refused for now, not answered in time, or is mute.
            PermanentError: The venue does not list an instrument, refuses a request as wrong, or its certificate
                is not to be trusted.
        """
        settings, context = self._settings, self._context
        intake = InOrder(intake)  # connections, errands and polls hand over side by side
        async with RestClient(settings, context.name, context.clock, intake.tell) as client:
            if not self._instruments_checked:
                await check_instruments(client, settings, self._symbols)
                self._instruments_checked = True
            plans = connections_of(settings, self._streams)
            shards = [
                Shard(plan, self._streams, settings, context, intake, alone=len(plans) == 1) for plan in plans
            ]
            errands = self._errands = Errands(
                self._decoder, self._streams, settings, context.name, context.clock, client, intake
            )
            taken_before = self._decoder.taken

            def handed() -> int:
                return taken_before + sum(shard.handed for shard in shards) + errands.handed

            status = StatusPoll(
                self._symbols,
                settings,
                context,
                lambda listed: _carry(shards, listed),
                self._increments,
            )
            try:
                async with anyio.create_task_group() as tasks:
                    async with anyio.create_task_group() as opening:
                        for shard in shards:
                            opening.start_soon(_start, tasks, shard)
                    task_status.started()
                    tasks.start_soon(errands.run)
                    tasks.start_soon(status.run, client, intake)
                    tasks.start_soon(watch, shards, self._decoder, settings, context, client, handed)
                    if settings.time_every_s:
                        tasks.start_soon(measure_clock, client, intake, settings, context)
            finally:
                self._errands = None

    def _wanted(self) -> None:
        if self._errands is not None:
            self._errands.wake()


async def _start(tasks: anyio.abc.TaskGroup, shard: Shard) -> None:
    await tasks.start(shard.run)


def _carry(shards: Sequence[Shard], listed: frozenset[str]) -> None:
    """Subscribe to what is listed, and give up what is not listed any more."""
    for shard in shards:
        shard.want([name for name, stream in shard.streams.items() if stream.symbol in listed])
