"""Several connections, renewed while they run: no trade is missed or doubled, and the venue's limits are kept."""

import json

import anyio
import pytest
import trio

from ticktrail.events import ConnectionReplaced, ConnectionRotated, VenueTrouble
from ticktrail.model import Gap, Quote, Trade
from ticktrail.net import Window
from ticktrail.testing.venue import Fault
from ticktrail_binance.live import shard as shards
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.meddler import Meddler
from unit.binance.stage import session
from unit.binance.test_session import fails, tape, venue_and_provider

pytestmark = pytest.mark.anyio


def check_whole(listener, sent, symbol="BTCUSDT"):
    """Every trade that the venue sent from the first that came to the last, once and in order."""
    ids = [trade.id for trade in listener.of(Trade) if trade.instrument.replace("/", "") == symbol]
    truth = sent.trade_ids[symbol]
    begin = truth.index(ids[0])
    assert ids == truth[begin : begin + len(ids)]
    assert listener.of(Gap) == []
    return len(ids)


async def test_twenty_rotations_at_two_thousand_messages_a_second():
    """The new connection, or the old one, gets everything late: each trade comes once, in order, none is missing."""
    sent = Meddler(tape())
    async with (
        serve_binance(sent) as venue,
        session(venue, channels=("trades", "quotes"), rotate_after_s=0.5, overlap_s=5.0) as listener,
    ):
        for number in range(1, 21):
            await listener.until(lambda number=number: len(listener.told(ConnectionRotated)) >= number)
            assert venue.connections() <= 2
            if number % 2:
                await venue.do(Fault(kind="lag", at_s=0, for_s=0.03 * (number % 3)))
    rotations = listener.told(ConnectionRotated)
    assert {rotation.cause for rotation in rotations} == {"age"}
    assert sum(rotation.repeated for rotation in rotations) > 1_000
    assert max(rotation.overlap_ms for rotation in rotations) < 5_000
    assert check_whole(listener, sent) > 5_000
    updates = [quote.update_id for quote in listener.of(Quote)]
    assert updates == sorted(set(updates))


async def test_a_server_that_shuts_down_is_left_at_once():
    """Its notice starts the same rotation, whatever the connection's age."""
    sent = Meddler(tape())
    async with serve_binance(sent) as venue, session(venue, channels=("trades",), overlap_s=2.0) as listener:
        await listener.until(lambda: len(listener.got) > 100)
        await venue.do(Fault(kind="shutdown", at_s=0))
        await listener.until(lambda: listener.told(ConnectionRotated))
        count = len(listener.got)
        await listener.until(lambda: len(listener.got) > count + 500)
        assert venue.connections() == 1
    (rotation,) = listener.told(ConnectionRotated)
    assert rotation.cause == "serverShutdown"
    check_whole(listener, sent)


async def test_a_server_that_shuts_down_while_it_takes_over():
    """The notice of the old one is no news; the new one's is not lost: it is left in its turn."""
    sent = Meddler(tape())
    async with serve_binance(sent) as venue, session(venue, channels=("trades",), overlap_s=5.0) as listener:
        await listener.until(lambda: len(listener.got) > 100)
        await venue.do(
            Fault(kind="lag", at_s=0, for_s=0.3)
        )  # the second connection, on which the first waits not
        await venue.do(Fault(kind="shutdown", at_s=0))
        with trio.fail_after(10):
            while venue.connections() < 2 or venue.subscribed() < 2:  # noqa: ASYNC110 - a venue tells nobody
                await trio.sleep(0.01)
        await venue.do(Fault(kind="shutdown", at_s=0))
        await listener.until(lambda: len(listener.told(ConnectionRotated)) == 2)
        await listener.until(lambda: venue.connections() == 1)
    check_whole(listener, sent)


async def test_a_rotation_that_fails_leaves_the_old_connection():
    """The venue takes no new one: an event says so, data goes on, and it is tried again."""
    sent = Meddler(tape())
    async with (
        serve_binance(sent) as venue,
        session(venue, channels=("trades",), rotate_after_s=0.4, overlap_s=2.0) as listener,
    ):
        await listener.until(lambda: len(listener.got) > 100)
        await venue.do(Fault(kind="refuse", at_s=0, status=503, count=2))
        await listener.until(lambda: len(listener.told(VenueTrouble)) == 2)
        await listener.until(lambda: listener.told(ConnectionRotated))
    for trouble in listener.told(VenueTrouble):
        assert "could not be renewed, and the old one goes on" in trouble.detail
        assert trouble.retry_in_s == 0.4
    check_whole(listener, sent)


@pytest.mark.parametrize("which", ["newest", "oldest"])
async def test_a_connection_that_is_lost_in_a_rotation(which):
    """One of the two is cut while both run: the other has it all."""
    sent = Meddler(tape())
    async with (
        serve_binance(sent) as venue,
        session(venue, channels=("trades", "quotes"), rotate_after_s=0.5, overlap_s=20.0) as listener,
    ):
        await listener.until(lambda: len(listener.got) > 100)
        await venue.do(Fault(kind="lag", at_s=0, for_s=0.2))
        with trio.fail_after(10):
            while venue.connections() < 2 or venue.subscribed() < 4:  # noqa: ASYNC110 - a venue tells nobody
                await trio.sleep(0.01)
        count = len(listener.got)
        await listener.until(
            lambda: len(listener.got) > count + 50
        )  # the old one has what the new one begins with
        await venue.do(Fault(kind="cut", at_s=0, only=which))
        await listener.until(lambda: listener.told(ConnectionRotated))
        count = len(listener.got)
        await listener.until(lambda: len(listener.got) > count + 500)
    assert len(listener.told(VenueTrouble)) == (1 if which == "newest" else 0)
    check_whole(listener, sent)


async def test_one_of_several_connections_is_lost():
    """The others go on; it is opened anew, told as an event, and what it missed is fetched."""
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    sent = Meddler(tape(*names))
    async with (
        serve_binance(sent) as venue,
        session(venue, *names, channels=("trades",), max_streams=1) as listener,
    ):
        await listener.until(lambda: {trade.instrument for trade in listener.of(Trade)} == set(names))
        assert venue.connections() == 4
        await venue.do(Fault(kind="late_handshake", at_s=0, for_s=0.3))
        await venue.do(Fault(kind="cut", at_s=0, only="oldest"))
        await listener.until(lambda: listener.told(ConnectionReplaced))
        await listener.until(lambda: any(trade.backfilled for trade in listener.of(Trade)))
        count = len(listener.got)
        await listener.until(lambda: len(listener.got) > count + 2_000)
    (replaced,) = listener.told(ConnectionReplaced)
    assert (replaced.cause, replaced.streams) == ("lost", 1)
    assert len({trade.instrument for trade in listener.of(Trade) if trade.backfilled}) == 1
    for name in names:
        assert check_whole(listener, sent, name.replace("/", "")) > 300


async def test_a_connection_that_cannot_be_opened_anew_ends_the_session():
    """Once is tried; then it is the leg's to wait and to fail over."""
    async with venue_and_provider(
        Fault(kind="cut", at_message=200, only="oldest"),
        Fault(kind="refuse", at_message=200, for_s=60),
        instruments=("BTC/USDT", "ETH/USDT"),
        max_streams=2,
        time_every_s=0.0,
    ) as (venue, provider):
        error = await fails(provider)
        assert "503" in str(error)
        with trio.fail_after(30):
            while venue.connections():  # noqa: ASYNC110 - a venue tells nobody
                await trio.sleep(0.01)


async def test_three_thousand_streams():
    """Three connections' worth: all acknowledged, never more than five messages a second on one of them."""
    names = [f"C{number:04}/USDT" for number in range(1_000)]
    async with (
        serve_binance(tape(*names)) as venue,
        session(venue, *names, channels=("trades", "quotes", "ticker"), streams_per_request=50) as listener,
    ):
        await listener.until(lambda: len(listener.got) > 1_000)
        assert venue.connections() == 3
        assert venue.subscribed() == 3_000
        assert venue.busiest_second() <= 5
    assert not listener.told_of_trouble()


async def test_subscriptions_that_the_venue_drops_are_renewed():
    """A channel goes quiet; the venue says what it carries, and what is missing is asked for again."""
    sent = Meddler(tape("BTC/USDT", "ETH/USDT"))
    async with (
        serve_binance(sent) as venue,
        session(
            venue, "BTC/USDT", "ETH/USDT", channels=("trades", "quotes"), quiet_after_s={"trades": 0.4}
        ) as listener,
    ):
        await listener.until(lambda: len(listener.got) > 500)
        await venue.do(Fault(kind="forget", at_s=0, stream="@trade"))
        assert venue.subscribed() == 2
        await listener.until(lambda: venue.subscribed() == 4)
        await listener.until(lambda: any(trade.backfilled for trade in listener.of(Trade)))
        count = len(listener.got)
        await listener.until(lambda: len(listener.got) > count + 500)
    check_whole(listener, sent)
    check_whole(listener, sent, "ETHUSDT")


async def test_connections_are_limited_for_the_process(monkeypatch):
    """The next one waits until the venue takes it, and an event says for how long."""
    window = Window(3, 1.0)
    monkeypatch.setattr(shards, "attempts_of", lambda host: window)
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT")
    async with serve_binance(tape(*names)) as venue:
        began = trio.current_time()
        async with session(venue, *names, channels=("trades",), max_streams=1) as listener:
            await listener.until(lambda: len({trade.instrument for trade in listener.of(Trade)}) == 4)
        assert trio.current_time() - began >= 0.9
    (trouble,) = listener.told(VenueTrouble)
    assert "3 connections" in trouble.detail
    assert 0 < trouble.retry_in_s <= 1


async def test_a_session_that_is_stopped_in_a_rotation_ends():
    """Cancelled at any moment, nothing hangs and no socket stays."""
    async with serve_binance(tape()) as venue:
        for wait_s in (0.2, 0.25, 0.3, 0.35, 0.4):
            with trio.fail_after(10):
                async with session(venue, channels=("trades",), rotate_after_s=0.2, overlap_s=3.0):
                    await anyio.sleep(wait_s)
            with trio.fail_after(30):
                while venue.connections():  # noqa: ASYNC110 - a venue tells nobody
                    await trio.sleep(0.01)


async def test_what_the_venue_says_of_the_session_is_no_tick():
    """Answers and the notice of a shutdown are read, and nothing becomes of them."""
    async with (
        serve_binance(tape()) as venue,
        session(venue, channels=("trades",), keep_payloads=True) as listener,
    ):
        await venue.do(Fault(kind="shutdown", at_s=0))
        await listener.until(lambda: listener.told(ConnectionRotated) and len(listener.got) > 100)
    told = [json.loads(payload) for payload in listener.payloads if b"serverShutdown" in payload]
    assert len(told) == 1
    assert all(isinstance(tick, Trade) for tick in listener.got)
