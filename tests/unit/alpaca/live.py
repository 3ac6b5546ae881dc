"""A provider on a loopback Alpaca, with an intake that decodes at once and keeps what came."""

import time
from contextlib import asynccontextmanager

import anyio
import trio

from ticktrail.plugin import ProviderContext, Secret, SystemClock
from ticktrail_alpaca.live.provider import AlpacaProvider
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_mock.venue.alpaca.synthetic import SyntheticAlpacaTape
from unit.binance.stage import Listener

QUICK = {"answer_s": 2.0, "connect_s": 2.0, "auth_s": 2.0}
KEY_ID, SECRET = "KEY", "SECRET"


def tape(*instruments, market="stocks", rate=1_000.0):
    names = instruments or (("AAPL",) if market == "stocks" else ("BTC/USD",))
    return SyntheticAlpacaTape(names, market=market, seed=1, rate=rate, now_ns=time.time_ns)


def context(*instruments, channels=("trades", "quotes"), clock=None, base_dir=None):
    return ProviderContext(
        name="leg",
        instruments=instruments or ("AAPL",),
        channels=frozenset(channels),
        clock=clock or SystemClock(),
        base_dir=base_dir,
        registry=None,
    )


def keys(folder, key_id=KEY_ID, secret=SECRET):
    """Put the venue's credentials into files; gives the references."""
    (folder / "id").write_text(key_id)
    (folder / "secret").write_text(secret)
    return {"key_id": Secret(file=str(folder / "id")), "secret_key": Secret(file=str(folder / "secret"))}


def provider_at(venue, folder, *instruments, channels=("trades", "quotes"), clock=None, **settings):
    credentials = {} if "key_id" in settings else keys(folder)
    own = AlpacaSettings(
        ws_url=venue.ws_url(), rest_url=venue.rest_url(), **{**QUICK, **credentials, **settings}
    )
    return AlpacaProvider(own, context(*instruments, channels=channels, clock=clock, base_dir=folder))


@asynccontextmanager
async def session(venue, folder, *instruments, channels=("trades", "quotes"), provider=None, **settings):
    """Run one session of a provider at the venue, as long as the context."""
    provider = provider or provider_at(venue, folder, *instruments, channels=channels, **settings)
    listener = Listener(provider)
    async with anyio.create_task_group() as tasks:
        with trio.fail_after(30):
            await tasks.start(provider.run, listener)
        yield listener
        tasks.cancel_scope.cancel()
