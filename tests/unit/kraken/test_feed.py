"""Whole feeds at the loopback Kraken, alone and with Binance to fall back on."""

from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import anyio
import pytest
import trio

from ticktrail import open_feed
from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Status, Trade
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.binance import serve_binance
from unit.binance.test_session import tape as binance_tape
from unit.kraken.stage import venue

pytestmark = pytest.mark.anyio

FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USD"]
channels = [{channels}]
[clock]
servers = []
[backoff]
first_s = 0.1
cap_s = 0.2
[validation]
max_price_jump = false
max_spread = false
[providers.kraken]
ws_url = "{ws}"
rest_url = "{rest}"
requests_per_minute = 10000
connections_per_minute = 10000
messages_per_s = 1000
quiet_after_s = {{ trades = 1.0 }}
[[sinks]]
plugin = "memory"
{more}
"""
BINANCE = """\
[route]
kind = "hybrid"
primary = "kraken"
fallback = "binance"
start_grace_s = 10.0
failback_after_s = 0.5
[providers.binance]
ws_url = "{ws}"
rest_url = "{rest}"
time_every_s = 0.0
equivalents = {{ "BTC/USD" = "BTC/USDT" }}
"""


@pytest.fixture
def anyio_backend():
    return "trio"


class Running:
    """What a feed has delivered so far."""

    def __init__(self):
        self.ticks = []
        self.news = anyio.Event()

    def of(self, *kinds):
        return [tick for tick in self.ticks if isinstance(tick, kinds)]

    async def until(self, reached, within_s=20):
        with trio.fail_after(within_s):
            while not reached():
                with trio.move_on_after(0.1):
                    await self.news.wait()

    async def read(self, feed):
        async for batch in feed.batches():
            self.ticks += batch
            self.news.set()
            self.news = anyio.Event()


@asynccontextmanager
async def running_feed(tmp_path, at, *channels, more=""):
    path = tmp_path / "feed.toml"
    named = ", ".join(f'"{channel}"' for channel in channels)
    path.write_text(FEED.format(channels=named, ws=at.ws_url("/v2"), rest=at.rest_url(), more=more))
    running = Running()
    async with open_feed(path) as feed, anyio.create_task_group() as tasks:
        tasks.start_soon(running.read, feed)
        yield running
        tasks.cancel_scope.cancel()


async def test_a_cut_leaves_no_hole(tmp_path):
    """Trades that came meanwhile are recalled in their place; the book is unknown until it comes whole."""
    async with (
        venue(rate=200.0) as at,
        running_feed(tmp_path, at, "trades", "quotes", "book", "status") as feed,
    ):
        await feed.until(lambda: len(feed.of(Trade)) > 20 and feed.of(Quote) and feed.of(Status))
        await at.do(Fault(kind="cut", at_s=0))
        await feed.until(lambda: any(trade.backfilled for trade in feed.of(Trade)))
        seen = len(feed.of(Trade))
        await feed.until(lambda: len(feed.of(Trade)) > seen + 20 and feed.of(BookSnapshot)[1:])
    assert all(b.id == a.id + 1 for a, b in pairwise(feed.of(Trade)))
    assert [gap.channel for gap in feed.of(Gap) if gap.channel == "trades"] == []
    book, was_unknown = OrderBook("BTC/USD"), False
    for tick in feed.ticks:
        book.apply(tick)
        was_unknown = was_unknown or (isinstance(tick, Gap) and tick.channel == "book")
        if isinstance(tick, BookDelta):
            assert book.is_known
    assert was_unknown
    assert book.is_known


async def test_what_the_venue_no_longer_recalls_is_repaired(tmp_path):
    """More than fifty trades are missed: the others come out of the archive, where [repair] is."""
    async with venue(rate=600.0) as at, running_feed(tmp_path, at, "trades", more="[repair]") as feed:
        await feed.until(lambda: len(feed.of(Trade)) > 20)
        await at.do(Fault(kind="refuse", status=503, for_s=1.5, at_s=0))
        await at.do(Fault(kind="cut", at_s=0))
        await feed.until(lambda: sum(trade.backfilled for trade in feed.of(Trade)) > 100)
        seen = len(feed.of(Trade))
        await feed.until(lambda: len(feed.of(Trade)) > seen + 20)
    assert all(b.id == a.id + 1 for a, b in pairwise(feed.of(Trade)))
    assert feed.of(Gap) == []


async def test_without_repair_they_are_a_gap(tmp_path):
    """With the ids that are missing."""
    async with venue(rate=600.0) as at, running_feed(tmp_path, at, "trades") as feed:
        await feed.until(lambda: len(feed.of(Trade)) > 20)
        await at.do(Fault(kind="refuse", status=503, for_s=1.5, at_s=0))
        await at.do(Fault(kind="cut", at_s=0))
        await feed.until(lambda: feed.of(Gap) and any(trade.backfilled for trade in feed.of(Trade)))
    (gap,) = feed.of(Gap)
    ids = [trade.id for trade in feed.of(Trade)]
    assert gap.from_id - 1 in ids
    assert gap.to_id + 1 in ids
    assert not set(range(gap.from_id, gap.to_id + 1)) & set(ids)


async def test_a_mute_venue_is_spoken_for(tmp_path):
    """Binance's pair stands in, marked, once Kraken is silent though its market moves."""
    async with AsyncExitStack() as stack:
        at = await stack.enter_async_context(venue(rate=200.0))
        binance = await stack.enter_async_context(serve_binance(binance_tape(rate=200.0)))
        more = BINANCE.format(ws=binance.ws_url(), rest=binance.rest_url())
        feed = await stack.enter_async_context(running_feed(tmp_path, at, "trades", more=more))
        await feed.until(lambda: len(feed.of(Trade)) > 20)
        await at.do(Fault(kind="mute", for_s=4.0, at_s=0))
        await feed.until(lambda: any(trade.equivalent_of == "BTC/USDT" for trade in feed.of(Trade)))
        spoke = len(feed.of(Trade))
        await feed.until(lambda: any(trade.provider == "kraken" for trade in feed.of(Trade)[spoke:]))
    assert {trade.provider for trade in feed.of(Trade)} == {"kraken", "binance"}
