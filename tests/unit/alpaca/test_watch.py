"""Silence of a leg: whom it asks about it, and what the answer means."""

import anyio
import pytest

from ticktrail.errors import TransientError
from ticktrail.model import Trade
from ticktrail.testing.venue import Fault
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.hours import ALWAYS_OPEN
from ticktrail_alpaca.live.watch import watch
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import provider_at, tape
from unit.alpaca.rest_venue import (
    KEY_ID,
    SECRET_KEY,
    context,
    ok,
    serving,
    settings_of,
)
from unit.alpaca.test_live import ends
from unit.binance.stage import Listener

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


class Looked:
    """A connection that is looked at."""

    def __init__(self):
        self.times = 0

    def look(self, name, symbol):
        assert (name, symbol) == ("trades", "AAPL")
        self.times += 1


@pytest.mark.parametrize("feed", ["test", "overnight"])
async def test_silence_of_a_feed_that_cannot_be_asked(feed):
    """The connection itself is looked at, and REST is asked only where it knows the feed: the leg lives on."""
    own_context = context()
    decoder = AlpacaDecoder({"AAPL": "AAPL"}, frozenset({"trades"}), "leg")
    link = Looked()

    async def nothing(asked, stream):
        return ok({"trades": {}})

    async with serving(nothing) as venue:
        own = settings_of(venue.url, feed=feed, quiet_after_s={"trades": 0.2})
        async with RestClient(own, "leg", own_context.clock, None) as client:
            with anyio.move_on_after(1.0) as scope:
                await watch(link, decoder, own, own_context, ALWAYS_OPEN, client, lambda: 0)
    assert scope.cancelled_caught
    assert link.times >= 2
    assert bool(venue.asked) is (feed == "overnight")


async def test_a_question_that_no_feed_takes(monkeypatch):
    """Whatever REST does not know of a feed after all counts as not to be had."""
    monkeypatch.setattr(AlpacaSettings, "has_latest", True)
    own = settings_of("http://127.0.0.1:1", feed="test", quiet_after_s={"trades": 0.2})
    own_context, link = context(), Looked()
    decoder = AlpacaDecoder({"AAPL": "AAPL"}, frozenset({"trades"}), "leg")
    async with RestClient(own, "leg", own_context.clock, None) as client:
        with anyio.move_on_after(1.0) as scope:
            await watch(link, decoder, own, own_context, ALWAYS_OPEN, client, lambda: 0)
    assert scope.cancelled_caught
    assert link.times >= 2


@pytest.mark.parametrize(
    ("rest", "cause", "says"),
    [
        (True, "silent", "though BTC/USD moved, as the venue says by REST"),
        (False, "lost", "trades of BTC/USD"),
    ],
    ids=["by REST", "by the list"],
)
async def test_one_symbol_that_is_dropped_among_others_is_missed(tmp_path, rest, cause, says):
    """It had been regular, and the others speak on: whichever tells first, the new session fetches what it missed.

    The question over the connection names another stream, or the venue would give it back, unseen.
    """
    names, ended = ("BTC/USD", "ETH/USD"), []
    async with (
        serve_alpaca(tape(*names, market="crypto", rate=300.0)) as venue,
        anyio.create_task_group() as tasks,
    ):
        own = {"market": "crypto", "channels": ("trades",), "quiet_after_s": {"trades": 0.5}}
        provider = provider_at(venue, tmp_path, *names, **own)
        heard = Listener(provider)

        async def live():
            ended.append(await ends(provider, heard))

        tasks.start_soon(live)
        await heard.until(lambda: heard.of(Trade))
        if not rest:
            await venue.do(Fault(kind="html", at_s=0, count=10_000))
        at_ns = heard.got[-1].recv_ns
        await heard.until(
            lambda: heard.got[-1].recv_ns > at_ns + 4 * 10**9
        )  # long enough to be called regular
        await venue.do(Fault(kind="forget", at_s=0, stream="BTC/USD@trades"))
        await heard.until(lambda: ended)
        (error,) = ended
        assert type(error) is TransientError
        assert (error.cause, says in str(error)) == (cause, True)
