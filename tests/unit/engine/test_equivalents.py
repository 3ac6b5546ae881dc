"""A leg that serves one instrument in place of another: asked for the one, delivered under the other, and marked."""

import anyio
import pytest

from ticktrail.errors import ConfigError
from ticktrail.events import LegSwitched
from ticktrail.model import Switched
from ticktrail.testing import make_quote, make_trade
from unit.engine.stage import STAGE, feed, run

pytestmark = pytest.mark.anyio

HEAD = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USD", "ETH/USD"]
channels = ["trades", "quotes"]
[clock]
servers = []
[validation]
max_age_s = false
max_clock_offset_ms = false
"""
TWO = """
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
start_grace_s = 0.1
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
equivalents = { "BTC/USD" = "BTC/USDT" }
[[sinks]]
plugin = "collecting"
[watching]
"""


async def test_ticks_come_under_the_feed_s_name_and_say_what_they_are_of(tmp_path):
    """The leg is asked for BTC/USDT; the route, the sinks and the log know BTC/USD, marked."""
    switched = anyio.Event()

    def listen(record):
        if isinstance(record, LegSwitched):
            switched.set()

    async def real(session):
        session.up()
        await session.ticks(make_trade(id=1, instrument="BTC/USD", provider="a"))

    async def other(session):
        session.up()
        await switched.wait()
        await session.ticks(
            make_trade(id=7, instrument="BTC/USDT", provider="b"),
            make_quote(instrument="BTC/USDT", provider="b"),
            make_trade(id=8, instrument="ETH/USD", provider="b"),
        )

    await run(feed(tmp_path, TWO, head=HEAD, a=real, b=other), listener=listen)
    ticks = [tick for tick in STAGE.sinks["main"].ticks if not isinstance(tick, Switched)]
    marks = {(tick.provider, tick.instrument, tick.equivalent_of) for tick in ticks}
    assert ("a", "BTC/USD", None) in marks
    assert ("b", "BTC/USD", "BTC/USDT") in marks
    assert ("b", "ETH/USD", None) in marks
    assert not [tick for tick in ticks if tick.instrument == "BTC/USDT"]


def test_the_leg_is_asked_by_its_own_name(tmp_path):
    """What the provider is told is what its venue lists; the text of the plan tells both."""
    plan = feed(tmp_path, TWO, head=HEAD)
    by_name = {leg.name: leg for leg in plan.legs}
    assert by_name["a"].served == ("BTC/USD", "ETH/USD")
    assert by_name["b"].served == ("BTC/USDT", "ETH/USD")


@pytest.mark.parametrize(
    ("equivalents", "says"),
    [
        ('{ "SOL/USD" = "SOL/USDT" }', '"SOL/USD" is no instrument of the feed, which has'),
        ('{ "BTC/USD" = "ETH/USD" }', 'would serve "ETH/USD" for "BTC/USD" and for "ETH/USD"'),
        ('{ "BTC/USD" = 1 }', "feed.toml:23"),
        ('"BTC/USDT"', "feed.toml:23"),
    ],
)
def test_what_is_no_equivalent(tmp_path, equivalents, says):
    """It is told with its line and what would be right."""
    text = TWO.replace('{ "BTC/USD" = "BTC/USDT" }', equivalents)
    with pytest.raises(ConfigError) as caught:
        feed(tmp_path, text, head=HEAD)
    assert says in str(caught.value)
