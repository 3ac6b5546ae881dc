"""The latest value by a venue's own archive: of a channel that the feed does not even carry."""

import anyio
import pytest

from ticktrail import open_feed
from ticktrail.errors import ConfigError
from ticktrail.model import Bar, Trade
from ticktrail_mock.venue.binance import serve_binance
from unit.binance.test_session import tape

pytestmark = pytest.mark.anyio

FEED = """\
[feed]
name = "quotes-alone"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["quotes"]
[clock]
servers = []
[providers.binance]
ws_url = "{ws_url}"
rest_url = "{rest_url}"
"""


@pytest.fixture
def anyio_backend():
    return "trio"


async def test_it_is_fetched_while_the_feed_goes_on(tmp_path):
    """Trades and bars beside the quotes that flow; ten callers have one answer; nothing of it is delivered."""
    path = tmp_path / "feed.toml"
    with anyio.fail_after(60):
        async with serve_binance(tape()) as venue:
            path.write_text(FEED.format(ws_url=venue.ws_url(), rest_url=venue.rest_url()))
            async with open_feed(path) as feed:
                for _ in range(200):
                    await anext(feed)
                found = {}

                async def fetch(caller, channel):
                    found[caller, channel] = await feed.fetch_latest("BTC/USDT", channel)

                async with anyio.create_task_group() as tasks:
                    for caller in range(10):
                        tasks.start_soon(fetch, caller, "trades")
                        tasks.start_soon(fetch, caller, "bars")
                assert {type(latest.tick) for latest in found.values()} == {Trade, Bar}
                assert len({id(latest.tick) for latest in found.values()}) == 2
                assert all(latest.tick.backfilled and latest.age_s >= 0 for latest in found.values())
                with pytest.raises(ConfigError, match="no leg of the feed has a history of BTC/USDT quotes"):
                    await feed.fetch_latest("BTC/USDT", "quotes")
                await anext(feed)
                assert "trades" not in feed.report().delivered
