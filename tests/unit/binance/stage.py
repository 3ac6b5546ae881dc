"""A provider on a loopback venue, with an intake that decodes at once and keeps what came."""

import hashlib
import json
from contextlib import asynccontextmanager
from decimal import Decimal

import anyio
import trio

from recordings import recording
from ticktrail.book import OrderBook
from ticktrail.events import ConnectionOpened, IncrementsLearned
from ticktrail.plugin import ProviderContext, SystemClock
from ticktrail_binance.live.provider import BinanceProvider
from ticktrail_binance.markets import MARKETS
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.symbols import instrument_of
from ticktrail_binance.wire import SymbolInfo

LOOK_EVERY_S = 0.1
QUICK = {"answer_s": 2.0, "connect_s": 2.0, "time_every_s": 0.0}


def context(*instruments, channels=("trades", "quotes"), clock=None):
    return ProviderContext(
        name="leg",
        instruments=instruments or ("BTC/USDT",),
        channels=frozenset(channels),
        clock=clock or SystemClock(),
        base_dir=None,
        registry=None,
    )


class Listener:
    """An intake: decodes at once, keeps ticks, events and payloads, and wakes who waits for a state of them."""

    def __init__(self, provider, *, keep_payloads=False):
        self.provider = provider
        self.got = []
        self.events = []
        self.payloads = [] if keep_payloads else None
        self._changed = anyio.Event()

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await anyio.lowlevel.checkpoint()
        if self.payloads is not None:
            self.payloads += payloads
        self._keep(self.provider.decode(payloads, recv_ns))

    async def ticks(self, ticks, *, recv_ns, mono_ns):
        await anyio.lowlevel.checkpoint()
        self._keep(ticks)

    async def settled(self):
        return True

    def tell(self, event):
        self.events.append(event)
        self._keep(())

    def _keep(self, ticks):
        self.got += ticks
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, reached, within_s=20):
        """Wait until `reached()` is true; it may depend on more than what this one hears."""
        with trio.fail_after(within_s):
            while not reached():
                with trio.move_on_after(LOOK_EVERY_S):
                    await self._changed.wait()

    def of(self, *kinds):
        return [tick for tick in self.got if isinstance(tick, kinds)]

    def told(self, *kinds):
        return [event for event in self.events if isinstance(event, kinds)]

    def told_of_trouble(self):
        """Return every event but those that any session has."""
        return [event for event in self.events if not isinstance(event, IncrementsLearned | ConnectionOpened)]


class Unsteady(SystemClock):
    """Every other stamp is of a while ago, as those of a task that was overtaken by others."""

    def __init__(self):
        super().__init__()
        self._back_ns = 20_000_000

    def mono_ns(self):
        self._back_ns = 20_000_000 - self._back_ns
        return super().mono_ns() - self._back_ns


class Stamped(Listener):
    """Keeps the monotonic stamps too."""

    def __init__(self, provider, **more):
        super().__init__(provider, **more)
        self.mono_ns = []

    async def frames(self, payloads, *, recv_ns, mono_ns):
        self.mono_ns.append(mono_ns)
        await super().frames(payloads, recv_ns=recv_ns, mono_ns=mono_ns)


@asynccontextmanager
async def session(
    venue, *instruments, channels, keep_payloads=False, listening=Listener, clock=None, **settings
):
    """Run one session of a provider at the venue, as long as the context."""
    own = BinanceSettings(ws_url=venue.ws_url(), rest_url=venue.rest_url(), **{**QUICK, **settings})
    provider = BinanceProvider(own, context(*instruments, channels=channels, clock=clock))
    listener = listening(provider, keep_payloads=keep_payloads)
    async with anyio.create_task_group() as tasks:
        with trio.fail_after(30):
            await tasks.start(provider.run, listener)
        yield listener
        tasks.cancel_scope.cancel()


def expected(name):
    """By symbol, what EXPECTED.json says of a recording's books."""
    return json.loads(recording("EXPECTED.json").read_text())[name]["books"]


def market_of(name, tape):
    if "binance_spot" in name:
        return "spot"
    return "coinm" if any(listed.quote == "USD" for listed in tape.listing().values()) else "usdm"


def instruments_of(tape, market, symbols):
    listing = tape.listing()
    return {
        symbol: instrument_of(
            SymbolInfo(symbol=symbol, baseAsset=listing[symbol].base, quoteAsset=listing[symbol].quote,
                       marginAsset=listing[symbol].margin),
            MARKETS[market],
        )
        for symbol in symbols
    }  # fmt: skip


def digest(book: OrderBook):
    """As EXPECTED.json has it: lines of side, price and size, best first, without trailing zeros."""

    def plain(number):
        return format(Decimal(number).normalize(), "f")

    lines = [f"b {plain(p)} {plain(q)}" for p, q in book.bids(beyond=True)]
    lines += [f"a {plain(p)} {plain(q)}" for p, q in book.asks(beyond=True)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
