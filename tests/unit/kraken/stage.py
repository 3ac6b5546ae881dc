"""A provider on the loopback Kraken, with an intake that decodes at once and keeps what came."""

from contextlib import asynccontextmanager

import anyio
import trio

from ticktrail.errors import ProviderError
from ticktrail.plugin import ProviderContext, SystemClock
from ticktrail_kraken.live.provider import KrakenProvider
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.testing.tape import KrakenTape
from ticktrail_kraken.testing.venue import KrakenVenue
from unit.binance.stage import Listener

QUICK = {
    "answer_s": 2.0,
    "connect_s": 2.0,
    "silent_s": 2.0,
    "messages_per_s": 1_000.0,
    "connections_per_minute": 100_000,
    "requests_per_minute": 100_000,
}


def context(*instruments, channels=("trades", "quotes"), clock=None):
    return ProviderContext(
        name="leg",
        instruments=instruments or ("BTC/USD",),
        channels=frozenset(channels),
        clock=clock or SystemClock(),
        base_dir=None,
        registry=None,
    )


def venue(*symbols, rate=500.0, faults=(), past=(), depth=10, ends_after=None, seed=1):
    tape = KrakenTape(symbols or ("BTC/USD",), rate=rate, depth=depth, ends_after=ends_after, seed=seed)
    return KrakenVenue(tape, faults=faults, past=past).serve()


def settings_at(at, **more):
    return KrakenSettings(ws_url=at.ws_url("/v2"), rest_url=at.rest_url(), **{**QUICK, **more})


def provider_at(at, *instruments, channels=("trades", "quotes"), **settings):
    return KrakenProvider(settings_at(at, **settings), context(*instruments, channels=channels))


@asynccontextmanager
async def session(at, *instruments, channels=("trades", "quotes"), provider=None, listener=None, **settings):
    """Run one session of a provider at the venue, as long as the context."""
    provider = provider or provider_at(at, *instruments, channels=channels, **settings)
    listener = listener or Listener(provider)
    async with anyio.create_task_group() as tasks:
        with trio.fail_after(10):
            await tasks.start(provider.run, listener)
        yield listener
        tasks.cancel_scope.cancel()


async def ends(provider, listener=None):
    """Run one session to its end, and return the error that ended it."""
    with trio.fail_after(20):
        try:
            await provider.run(listener or Listener(provider), task_status=anyio.TASK_STATUS_IGNORED)
        except ProviderError as exc:
            return exc
    raise AssertionError("the session ended well")
