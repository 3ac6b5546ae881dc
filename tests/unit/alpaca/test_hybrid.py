"""Whole feeds that fall back from Alpaca to Binance for an equivalent instrument, over both loopback venues."""

from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.events import LegDown, LegSwitched, LegUp
from ticktrail.model import Quote, Trade
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.binance import serve_binance
from unit.alpaca.live import KEY_ID, SECRET, tape
from unit.binance.test_losses import Running
from unit.binance.test_session import tape as binance_tape
from unit.engine.stage import feed

pytestmark = pytest.mark.anyio

FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USD"]
channels = ["trades", "quotes"]
[clock]
servers = []
[backoff]
first_s = 0.2
cap_s = 0.5
[route]
kind = "hybrid"
primary = "alpaca"
fallback = "binance"
start_grace_s = 10.0
failback_after_s = 0.5
[providers.alpaca]
market = "crypto"
ws_url = "{alpaca_ws}"
rest_url = "{alpaca_rest}"
key_id = {{ file = "id" }}
secret_key = {{ file = "secret" }}
connection_limit_wait_s = 1.5
quiet_after_s = {{ trades = 0.5, quotes = 0.5 }}
[providers.binance]
ws_url = "{binance_ws}"
rest_url = "{binance_rest}"
time_every_s = 0.0
equivalents = {{ "BTC/USD" = "BTC/USDT" }}
[[sinks]]
plugin = "collecting"
[watching]
"""


@asynccontextmanager
async def both_venues(tmp_path, *faults):
    """Run the feed at the two venues as long as the context; `faults` are Alpaca's, from the start."""
    (tmp_path / "id").write_text(KEY_ID)
    (tmp_path / "secret").write_text(SECRET)
    async with AsyncExitStack() as stack:
        alpaca = await stack.enter_async_context(serve_alpaca(tape("BTC/USD", market="crypto", rate=200.0)))
        binance = await stack.enter_async_context(serve_binance(binance_tape(rate=200.0)))
        for fault in faults:
            await alpaca.do(fault)
        text = FEED.format(
            alpaca_ws=alpaca.ws_url(),
            alpaca_rest=alpaca.rest_url(),
            binance_ws=binance.ws_url(),
            binance_rest=binance.rest_url(),
        )
        running = Running()
        runner = Runner(feed(tmp_path, text, head=""))
        tasks = await stack.enter_async_context(anyio.create_task_group())
        await tasks.start(runner.run)
        yield running, alpaca
        runner.stop()


def heard_of(running, leg):
    return [tick for tick in running.of(Trade, Quote) if tick.provider == leg]


def switches(running):
    return [(event.from_leg, event.to_leg) for event in running.told(LegSwitched)]


async def speaks(running, leg, more=20):
    """Wait until the leg has been delivered some more."""
    count = len(heard_of(running, leg))
    await running.until(lambda: len(heard_of(running, leg)) >= count + more)


def check_marks(running):
    """All of it comes under the feed's name; what is of another instrument says so."""
    assert {(tick.provider, tick.instrument, tick.equivalent_of) for tick in running.of(Trade, Quote)} <= {
        ("alpaca", "BTC/USD", None),
        ("binance", "BTC/USD", "BTC/USDT"),
    }


@pytest.mark.parametrize(("code", "stream", "cause"), [(402, "auth", "credentials"), (405, "", "refused")])
async def test_what_no_second_try_would_change_stops_the_leg(tmp_path, code, stream, cause):
    """402 and 405: Alpaca is down for good, and Binance speaks."""
    fault = Fault(kind="error_reply", at_s=0, code=code, message="no", stream=stream)
    async with both_venues(tmp_path, fault) as (running, _):
        await speaks(running, "binance")
    assert {event.provider for event in running.told(LegUp)} == {"binance"}
    (down,) = [event for event in running.told(LegDown) if event.provider == "alpaca"]
    assert (down.permanent, down.retry_in_s, down.cause) == (True, None, cause)
    assert f"Alpaca says {code}, 'no'" in down.detail
    assert switches(running) == [("alpaca", "binance")]
    assert heard_of(running, "alpaca") == []
    check_marks(running)


async def test_too_many_connections_wait_long(tmp_path):
    """406: Binance speaks meanwhile; Alpaca is tried again after the pause, and has its turn again."""
    fault = Fault(kind="error_reply", at_s=0, code=406, message="connection limit exceeded", stream="auth")
    async with both_venues(tmp_path, fault) as (running, _):
        await speaks(running, "binance")
        assert not any(event.provider == "alpaca" for event in running.told(LegUp))
        await speaks(running, "alpaca")
    (down,) = [event for event in running.told(LegDown) if event.provider == "alpaca"]
    assert (down.permanent, down.cause) == (False, "limited")
    assert down.retry_in_s >= 1.5
    assert switches(running) == [("alpaca", "binance"), ("binance", "alpaca")]
    check_marks(running)


async def test_a_slow_client_begins_anew(tmp_path):
    """407: the leg is down as slow, Binance speaks, and Alpaca comes back."""
    async with both_venues(tmp_path) as (running, alpaca):
        await speaks(running, "alpaca")
        await alpaca.do(Fault(kind="error", at_s=0, code=407, message="slow client"))
        await speaks(running, "binance")
        await speaks(running, "alpaca")
    down = running.told(LegDown)[0]
    assert (down.provider, down.permanent, down.cause) == ("alpaca", False, "slow")
    assert "this machine took the data too slowly" in down.detail
    assert switches(running) == [("alpaca", "binance"), ("binance", "alpaca")]
    check_marks(running)


async def test_a_mute_connection_loses_its_turn(tmp_path):
    """Open, and silent though the market moves: the leg is down as silent, and Binance speaks."""
    async with both_venues(tmp_path) as (running, alpaca):
        await speaks(running, "alpaca")
        await alpaca.do(Fault(kind="mute", at_s=0, for_s=8.0))
        await speaks(running, "binance")
        await speaks(running, "alpaca")
    down = running.told(LegDown)[0]
    assert (down.provider, down.permanent, down.cause) == ("alpaca", False, "silent")
    assert switches(running)[0] == ("alpaca", "binance")
    assert switches(running)[-1] == ("binance", "alpaca")
    check_marks(running)
