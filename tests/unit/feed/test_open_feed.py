"""A feed inside a program: everything in order, leaving at any moment, and errors as they are."""

import anyio
import pytest

from ticktrail import open_feed
from ticktrail.errors import ConfigError, TransientError
from ticktrail.model import Quote, Trade

pytestmark = pytest.mark.anyio

FEED = """\
[feed]
name = "inside"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]
[providers.synthetic]
rate = 100000
{ticks}
[clock]
servers = []
[[sinks]]
plugin = "memory"
"""


@pytest.fixture(params=["trio", "asyncio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def feed_file(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FEED.format(ticks="ticks = 3000"))
    return path


@pytest.fixture
def endless(tmp_path):
    path = tmp_path / "endless.toml"
    path.write_text(FEED.format(ticks=""))
    return path


async def test_the_loop_sees_what_every_sink_sees(feed_file):
    """Each tick once and in order; the loop ends with the feed; the counts agree."""
    with anyio.fail_after(20):
        async with open_feed(feed_file) as feed:
            ticks = [tick async for tick in feed]
    assert {type(tick) for tick in ticks} == {Trade, Quote}
    assert len(ticks) == 3_000
    ids = [tick.id for tick in ticks if type(tick) is Trade]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    report = feed.report()
    assert report.sinks["memory"].written == report.sinks["feed"].written == 3_000
    assert feed.ended


async def test_batches(feed_file):
    """The fast way gives the same ticks."""
    with anyio.fail_after(20):
        async with open_feed(feed_file) as feed:
            sizes = [len(batch) async for batch in feed.batches()]
    assert sum(sizes) == 3_000
    assert len(sizes) < 3_000


async def test_leaving_the_loop_ends_the_feed(endless):
    """A break out of loop and context, with much still unread: the feed stops in good order, at once."""
    with anyio.fail_after(8):  # below stop_s, the deadline of a stop that has to give something up
        async with open_feed(endless, queue_ticks=100) as feed:
            async for _ in feed:
                break
            await anyio.sleep(0.3)
    assert feed.ended
    report = feed.report()
    assert report.sinks["memory"].written == sum(report.delivered.values()) > 0


async def test_stopping_drains(endless):
    """After stop the loop goes on to the last tick that was received."""
    with anyio.fail_after(20):
        async with open_feed(endless) as feed:
            count = 0
            async for _ in feed:
                count += 1
                if count == 500:
                    feed.stop()
    assert count == sum(feed.report().received["synthetic"].values())


async def test_a_loop_may_be_left_and_begun_again(feed_file):
    """The next loop goes on with the next tick, by ticks or by batches."""
    with anyio.fail_after(20):
        async with open_feed(feed_file) as feed:
            ticks = [await anext(feed) for _ in range(7)]
            async for tick in feed:
                ticks.append(tick)
                if len(ticks) == 100:
                    break
            async for batch in feed.batches():
                ticks += batch
    ids = [tick.id for tick in ticks if type(tick) is Trade]
    assert len(ticks) == 3_000
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_a_slow_loop_holds_the_feed(endless):
    """What waits for the loop is bounded, and nothing is dropped."""
    text = endless.read_text().replace("rate = 100000", "rate = 5000")
    endless.write_text(text + "[limits]\nintake_batches = 2\nroute_batches = 2\n")
    with anyio.fail_after(20):
        async with open_feed(endless, queue_ticks=100) as feed:
            await anyio.sleep(0.5)
            received = sum(feed.report().received["synthetic"].values())
            await anyio.sleep(0.3)
            assert sum(feed.report().received["synthetic"].values()) == received
            feed.stop()
            count = sum([len(batch) async for batch in feed.batches()])
    assert count == sum(feed.report().delivered.values())
    assert feed.report().sinks["feed"].dropped == 0


async def test_max_ticks(endless):
    """The feed ends by itself."""
    with anyio.fail_after(20):
        async with open_feed(endless, max_ticks=200) as feed:
            count = len([tick async for tick in feed])
    assert count >= 200


async def test_the_latest_values_are_there_at_once(endless):
    """Whether the loop has come to them or not; who asks for what cannot come is told so."""
    with anyio.fail_after(20):
        async with open_feed(endless) as feed:
            with pytest.raises(ConfigError, match="the feed has no ETH/USDT; it has BTC/USDT"):
                feed.latest("ETH/USDT", "quotes")
            async for tick in feed:
                if type(tick) is Quote:
                    break
            latest = feed.latest("BTC/USDT", "quotes")
            assert type(latest.tick) is Quote
            assert latest.tick.update_id >= tick.update_id
            assert 0 <= latest.age_s < 20
            assert type(feed.latest("BTC/USDT", channel="trades").tick) is Trade
            with pytest.raises(
                ConfigError, match="nothing is kept of book in this feed; of quotes, trades it is"
            ):
                feed.latest("BTC/USDT", "book")


async def test_fetching_needs_a_leg_with_a_history(endless):
    """Asked for what nobody has, the caller is told so, and the feed goes on."""
    with anyio.fail_after(20):
        async with open_feed(endless) as feed:
            with pytest.raises(ConfigError, match="no leg of the feed has a history of BTC/USDT trades"):
                await feed.fetch_latest("BTC/USDT", "trades")
            await anext(feed)


async def read(path, error=None):
    """Loop over a feed; the first tick raises the error."""
    with anyio.fail_after(20):
        async with open_feed(path) as feed:
            async for _ in feed:
                raise error or AssertionError("a tick came")


async def test_an_error_of_the_program_is_its_own(endless):
    """What the loop raises comes out as it was."""
    with pytest.raises(LookupError, match="mine"):
        await read(endless, LookupError("mine"))


async def test_a_broken_file_is_told_before_anything_runs(tmp_path):
    """As a ConfigError with the place."""
    with pytest.raises(ConfigError, match=r"none\.toml"):
        await read(tmp_path / "none.toml")


NOWHERE = """\
[feed]
name = "x"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[clock]
servers = []
[providers.binance]
ws_url = "ws://127.0.0.1:1"
rest_url = "http://127.0.0.1:1"
[[sinks]]
plugin = "memory"
"""


async def test_a_venue_that_is_not_there(tmp_path):
    """The leg's error comes out of the context, as itself."""
    path = tmp_path / "feed.toml"
    path.write_text(NOWHERE)
    with pytest.raises(TransientError, match="check rest_url"):
        await read(path)
