"""A feed that is changed while it runs: a market that goes on whoever listens, and the way to its control socket."""

from contextlib import asynccontextmanager

import anyio
import msgspec

from ticktrail._engine.runner import Runner
from ticktrail.events import FeedReloaded
from ticktrail.model import Gap, Trade
from ticktrail.plugin import Routed
from ticktrail.testing import make_trade

NAMES = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
EVERY_NS = 200_000
START_NS = 1_700_000_000_000_000_000
HEAD = """\
[feed]
name = "changing"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades"]
[clock]
servers = []
[control]
[validation]
max_age_s = false
max_clock_offset_ms = false
[backoff]
first_s = 0.001
cap_s = 0.002
rest_s = 0.002
"""
ONE = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
[watching]
"""
TWO = (
    """
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
[providers.b]
plugin = "scripted"
script = "a"
"""
    + ONE
)


PROVIDERS = """
[providers.b]
plugin = "scripted"
script = "a"
[providers.c]
plugin = "scripted"
script = "a"
"""
MERGE = 'route = { kind = "merge", legs = ["a", "b"] }\n'
CANARY = 'route = { kind = "canary", incumbent = "a", candidate = "b", steps = [50, 100] }\n'
SPLIT = (
    'route = { kind = "split", parts = [{ child = "a", instruments = ["BTC/*"] }, '
    '{ child = { kind = "hybrid", primary = "b", fallback = "c" }, instruments = ["*"] }] }\n'
)
NESTED = 'route = { kind = "hybrid", primary = { kind = "merge", legs = ["a", "b"] }, fallback = "c" }\n'


class Market:
    """Trades of each instrument, numbered by the time: who does not listen has missed them."""

    def __init__(self, price="100.00"):
        self.price = price
        self._begun_ns = None

    async def __call__(self, session):
        """Bring what happens from now on, of what the session was asked for."""
        clock = session._clock
        if self._begun_ns is None:
            self._begun_ns = clock.mono_ns()
        session.up()
        seen = self._number(clock)
        while True:
            await anyio.sleep(0.001)
            until = self._number(clock)
            for name in session.instruments:
                ids = range(seen + 1, until + 1)
                await session.ticks(*(self._trade(number, name, session.name) for number in ids))
            seen = until

    def _trade(self, number, name, provider):
        """Return the trade of that number, the same for every leg."""
        at_ns = START_NS + number * EVERY_NS
        return make_trade(self.price, id=number, instrument=name, provider=provider, event_ns=at_ns)

    def _number(self, clock):
        return (clock.mono_ns() - self._begun_ns) // EVERY_NS


class Told:
    """A running feed, and what it answers."""

    def __init__(self, path, runner):
        self.path = path
        self.runner = runner

    async def tell(self, do, *, done=True, **more):
        """Send an order through the socket, as `ticktrail ctl` does; with `done` None it may be refused."""
        async with await anyio.connect_unix(self.path.parent / "feed.sock") as line:
            await line.send(msgspec.json.encode({"do": do, **more}) + b"\n")
            received = b""
            while not received.endswith(b"\n"):
                received += await line.receive()
        answer = msgspec.json.decode(received)
        assert done is None or answer["done"] is done, answer
        return answer

    async def status(self):
        return (await self.tell("status"))["status"]

    def rewrite(self, before, after):
        text = self.path.read_text()
        assert before in text
        self.path.write_text(text.replace(before, after))


@asynccontextmanager
async def running(tmp_path, plan):
    """Run a plan beside the body, and stop it in good order at the end."""
    runner = Runner(plan)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            await _until_it_listens(tmp_path / "feed.sock")
            try:
                yield Told(tmp_path / "feed.toml", runner)
            finally:
                runner.stop()


async def _until_it_listens(path):
    while True:
        try:
            async with await anyio.connect_unix(path):
                return
        except OSError:
            await anyio.sleep(0.005)


async def until(seen):
    while not seen():  # noqa: ASYNC110 - what a sink has written has no event
        await anyio.sleep(0.002)


def trades_of(ticks, name):
    return [tick for tick in ticks if type(tick) is Trade and tick.instrument == name]


def assert_whole(records):
    """Each id of an instrument, from the first to the last that the feed had it, came once or stands in one gap."""
    last = {}
    for record in records:
        if type(record) is FeedReloaded:
            for name in record.removed:
                last.pop(name, None)
        for tick in record.delivered if type(record) is Routed else ():
            name = tick.instrument
            if type(tick) is Gap and tick.from_id is not None:
                assert tick.from_id == last[name] + 1
                last[name] = tick.to_id
            elif type(tick) is Trade:
                assert tick.id == last.get(name, tick.id - 1) + 1, (name, last, record)
                last[name] = tick.id


def assert_accounted(report):
    """All that was received was delivered, rejected or suppressed."""
    accounted = report.delivered.get("trades", 0) + report.rejected_ticks + sum(report.suppressed.values())
    assert sum(sum(kinds.values()) for kinds in report.received.values()) == accounted


def assert_asked_for(records, has):
    """Nothing is delivered of an instrument that the feed did not have at that moment."""
    for record in records:
        if type(record) is FeedReloaded:
            has = (has | set(record.added)) - set(record.removed)
        elif type(record) is Routed:
            assert {tick.instrument for tick in record.delivered} <= has
