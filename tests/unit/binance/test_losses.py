"""Whole feeds at a loopback venue: what is missing is fetched, and a mute connection is told from a sleepy market."""

from contextlib import asynccontextmanager
from itertools import islice

import anyio
import pytest
import trio

from ticktrail._engine.runner import Runner
from ticktrail.events import LegDown, LegUp
from ticktrail.model import Gap, Quote, Trade
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.meddler import Meddler
from unit.binance.stage import Listener, session
from unit.binance.test_session import tape
from unit.engine.stage import STAGE, Collecting, Stage, Watching, feed

pytestmark = pytest.mark.anyio

FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = [{instruments}]
channels = ["trades", "quotes"]
[clock]
servers = []
[backoff]
first_s = 0.2
cap_s = 1.0
[providers.binance]
ws_url = "{ws_url}"
rest_url = "{rest_url}"
time_every_s = 0.0
{provider}
[[sinks]]
plugin = "collecting"
[watching]
"""


class Running:
    """A feed that runs: what its sink and its observer have so far."""

    def __init__(self):
        STAGE.__dict__.update(Stage().__dict__)
        self.sink = STAGE.sinks["main"] = Collecting()
        self.watching = STAGE.observers["main"] = Watching()
        self.report = None

    def of(self, *kinds):
        return [tick for tick in self.sink.ticks if isinstance(tick, kinds)]

    def told(self, *kinds):
        return [record for record in self.watching.records if isinstance(record, kinds)]

    async def until(self, reached, within_s=30):
        with trio.fail_after(within_s):
            while not reached():  # noqa: ASYNC110 - sink and observer are the engine's own
                await anyio.sleep(0.02)


@asynccontextmanager
async def running_feed(tmp_path, venue, *instruments, provider=""):
    """Run a whole feed at the venue as long as the context."""
    names = ", ".join(f'"{name}"' for name in instruments or ("BTC/USDT",))
    text = FEED.format(instruments=names, ws_url=venue.ws_url(), rest_url=venue.rest_url(), provider=provider)
    running = Running()
    runner = Runner(feed(tmp_path, text, head=""))
    async with anyio.create_task_group() as tasks:
        await tasks.start(runner.run)
        yield running
        runner.stop()
    running.report = runner.report()


async def test_a_cut_of_five_seconds(tmp_path):
    """All trades are in the sink, in order; those of the hole, and no others, are marked as backfilled."""
    sent = Meddler(tape(rate=1_000.0))
    async with serve_binance(sent) as venue, running_feed(tmp_path, venue) as running:
        await running.until(lambda: len(running.of(Trade)) > 200)
        await venue.do(Fault(kind="refuse", at_s=0, for_s=5.0, status=503))
        await venue.do(Fault(kind="cut", at_s=0))
        await running.until(lambda: running.told(LegDown))
        before = len(sent.trade_ids["BTCUSDT"])
        await running.until(lambda: len(running.told(LegUp)) == 2)
        missed = len(sent.trade_ids["BTCUSDT"]) - before
        await running.until(lambda: any(trade.backfilled for trade in running.of(Trade)))
        count = len(running.of(Trade))
        await running.until(lambda: len(running.of(Trade)) > count + 200)
    trades = running.of(Trade)
    truth = sent.trade_ids["BTCUSDT"]
    begin = truth.index(trades[0].id)
    assert [trade.id for trade in trades] == truth[begin : begin + len(trades)]
    marks = [trade.backfilled for trade in trades]
    first = marks.index(True)
    assert sum(marks) == marks[first:].index(False)  # one hole, and nothing but the hole
    assert sum(marks) >= missed * 0.9 > 1_000
    assert [gap.channel for gap in running.of(Gap)] == ["quotes"]  # which the venue keeps no record of
    assert running.told(LegDown)[0].cause == "lost"


async def test_a_mute_connection_ends_and_is_told_as_silent(tmp_path):
    """Pings are answered, no data comes, the market moves: the leg is down for that, and the hole is fetched."""
    sent = Meddler(tape())
    quiet = "quiet_after_s = { trades = 0.5 }"
    async with serve_binance(sent) as venue, running_feed(tmp_path, venue, provider=quiet) as running:
        await running.until(lambda: len(running.of(Trade)) > 200)
        await venue.do(Fault(kind="mute", at_s=0, for_s=6.0))
        await running.until(lambda: running.told(LegDown))
        await running.until(lambda: any(trade.backfilled for trade in running.of(Trade)))
    down = running.told(LegDown)[0]
    assert down.cause == "silent"
    assert "nothing on btcusdt@trade" in down.detail
    assert "although the market moved" in down.detail
    ids = [trade.id for trade in running.of(Trade)]
    truth = sent.trade_ids["BTCUSDT"]
    begin = truth.index(ids[0])
    assert ids == truth[begin : begin + len(ids)]


async def test_one_channel_that_falls_silent_ends_the_connection(tmp_path):
    """Quotes go on, trades do not: each channel has its own watch."""
    quiet = "quiet_after_s = { trades = 0.5 }"
    async with serve_binance(tape()) as venue, running_feed(tmp_path, venue, provider=quiet) as running:
        await running.until(lambda: len(running.of(Trade)) > 200)
        await venue.do(Fault(kind="mute", at_s=0, for_s=5.0, stream="@trade"))
        quotes = len(running.of(Quote))
        await running.until(lambda: running.told(LegDown))
        assert len(running.of(Quote)) > quotes + 200
    assert running.told(LegDown)[0].cause == "silent"


class Sleepy:
    """A tape whose trades end after a while; quotes go on."""

    def __init__(self, inner, trades):
        self._inner = inner
        self._trades = trades
        self.listing, self.snapshots = inner.listing, inner.snapshots

    def messages(self):
        left = self._trades
        for message in self._inner.messages():
            if not message.stream.endswith("@trade"):
                yield message
            elif left:
                left -= 1
                yield message


async def test_a_market_that_sleeps_raises_no_alarm():
    """No trade for long, and the venue says by REST that there was none: the connection lives, and is asked rarely."""
    async with (
        serve_binance(Sleepy(tape(), 200)) as venue,
        session(venue, channels=("trades", "quotes"), quiet_after_s={"trades": 0.3}) as listener,
    ):
        await listener.until(lambda: len(listener.of(Trade)) == 200)
        await anyio.sleep(4)
        assert venue.connections() == 1
        asked = [one for one in venue.asked() if "rades" in one.what]
    assert 1 <= len(asked) <= 5  # after 0.3 s, 0.6 s, 1.2 s, 2.4 s
    assert not listener.told_of_trouble()


class Stuck(Listener):
    """An intake behind which somebody is slow: from a moment on it takes nothing."""

    def __init__(self, provider, *, keep_payloads=False):
        super().__init__(provider, keep_payloads=keep_payloads)
        self.gate = anyio.Event()
        self.gate.set()

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await self.gate.wait()
        await super().frames(payloads, recv_ns=recv_ns, mono_ns=mono_ns)


async def test_a_leg_that_is_behind_raises_no_alarm():
    """What came and was not read yet may be what is missed: the venue is not asked, and nothing is lost."""
    sent = Meddler(tape())
    async with (
        serve_binance(sent) as venue,
        session(venue, channels=("trades",), quiet_after_s={"trades": 0.3}, listening=Stuck) as listener,
    ):
        await listener.until(lambda: len(listener.of(Trade)) > 200)
        asked = len(venue.asked())
        listener.gate = anyio.Event()
        await anyio.sleep(3)
        assert len(venue.asked()) == asked
        assert venue.connections() == 1
        listener.gate.set()
        count = len(listener.of(Trade))
        await listener.until(lambda: len(listener.of(Trade)) > count + 500)
    assert not listener.told_of_trouble()
    ids = [trade.id for trade in listener.of(Trade)]
    assert ids == sent.trade_ids["BTCUSDT"][: len(ids)]


async def test_quotes_that_do_not_change_raise_no_alarm():
    """The best bid and offer may stand for long; what the venue says by REST is what was heard last."""

    class Still(Sleepy):
        def messages(self):
            quotes = 0
            for message in self._inner.messages():
                quotes += message.stream.endswith("@bookTicker")
                if quotes <= self._trades or not message.stream.endswith("@bookTicker"):
                    yield message

    async with (
        serve_binance(Still(tape(), 200)) as venue,
        session(venue, channels=("trades", "quotes"), quiet_after_s={"quotes": 0.3}) as listener,
    ):
        await listener.until(lambda: len(listener.of(Quote)) == 200)
        await anyio.sleep(2)
        assert venue.connections() == 1
    assert [one for one in venue.asked() if "bookTicker" in one.what]
    assert not listener.told_of_trouble()


async def test_a_feed_that_ends_in_a_repair_ends(tmp_path):
    """Stopped while trades are on their way: it ends at once, and what is missing is not passed over in silence."""
    async with serve_binance(tape(rate=1_000.0)) as venue:
        with trio.fail_after(20):
            async with running_feed(tmp_path, venue) as running:
                await running.until(lambda: len(running.of(Trade)) > 200)
                await venue.do(Fault(kind="late_rest", at_s=0, for_s=15.0, count=100))
                await venue.do(Fault(kind="skip", at_s=0, count=5, stream="@trade"))
                count = len(running.of(Trade))
                await running.until(lambda: len(running.of(Quote)) > count + 100)
    ids = [trade.id for trade in running.of(Trade)]
    assert list(islice(ids, 1, None)) == [number + 1 for number in ids[:-1]]
