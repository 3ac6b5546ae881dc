"""Whole sessions with a loopback venue: what each thing that a venue does means to the leg."""

import time
from contextlib import asynccontextmanager

import anyio
import pytest
import trio

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import VenueClockMeasured, VenueTrouble
from ticktrail.model import Quote, Status, Trade
from ticktrail.testing.venue import Fault
from ticktrail_binance.live.provider import BinanceProvider
from ticktrail_binance.settings import BinanceSettings
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.tape import SyntheticTape
from unit.binance.stage import Listener, Stamped, Unsteady, context, session
from unit.net.test_web_socket import accept_by_hand

pytestmark = pytest.mark.anyio
QUICK = {"answer_s": 0.5, "connect_s": 2.0, "time_every_s": 0.0}


def tape(*instruments, rate=2_000.0):
    return SyntheticTape(instruments or ("BTC/USDT",), seed=1, rate=rate, now_ns=time.time_ns)


@asynccontextmanager
async def venue_and_provider(*faults, instruments=("BTC/USDT",), listed=(), **settings):
    async with serve_binance(tape(*(listed or instruments)), faults=faults) as venue:
        own = BinanceSettings(ws_url=venue.ws_url(), rest_url=venue.rest_url(), **{**QUICK, **settings})
        yield venue, BinanceProvider(own, context(*instruments, channels=("trades", "quotes")))


async def fails(provider, listener=None):
    """Run one session to its end, and return the error that ended it."""
    with trio.fail_after(15):
        try:
            await provider.run(listener or Listener(provider), task_status=anyio.TASK_STATUS_IGNORED)
        except ProviderError as exc:
            return exc
        except ExceptionGroup as group:
            error = group
            while isinstance(error, ExceptionGroup):
                assert len(error.exceptions) == 1
                error = error.exceptions[0]
            assert isinstance(error, ProviderError)
            return error
    raise AssertionError("the session ended well")


async def test_a_session_brings_the_market():
    """Connected, subscribed, and handing on what comes; cancelled, it ends."""
    async with (
        serve_binance(tape()) as venue,
        session(venue, "BTC/USDT", channels=("trades", "quotes")) as listener,
    ):
        await listener.until(lambda: len(listener.got) > 500)
    ids = [trade.id for trade in listener.of(Trade)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert len(listener.of(Trade, Quote)) == len(listener.got)


async def test_an_instrument_that_is_not_listed_ends_the_leg():
    """The message names it and what comes near; no web socket is opened."""
    async with venue_and_provider(instruments=("BTC/USDT", "BTC/USDC"), listed=("BTC/USDT",)) as (
        venue,
        provider,
    ):
        error = await fails(provider)
    assert isinstance(error, PermanentError)
    assert '"BTC/USDC" is not listed; did you mean "BTC/USDT"' in str(error)
    assert venue.sent() == 0


async def test_the_right_symbol_of_another_pair_is_refused():
    """BT/CUSDT has the symbol of BTC/USDT, and is not what the venue trades under it."""
    async with venue_and_provider(instruments=("BT/CUSDT",), listed=("BTC/USDT",)) as (_, provider):
        error = await fails(provider)
    assert isinstance(error, PermanentError)
    assert '"BT/CUSDT" is written "BTC/USDT"' in str(error)


@pytest.mark.parametrize(
    ("fault", "kind", "says", "retry_after_s"),
    [
        (Fault(kind="cut", at_message=50), TransientError, "without a close frame", None),
        (Fault(kind="error_reply", at_s=0), PermanentError, "code 2", None),
        (Fault(kind="error_reply", at_s=0, code=-1000, message="busy"), TransientError, "busy", None),
        (Fault(kind="refuse", at_s=0, status=429, retry_after_s=7), TransientError, "429", 7.0),
    ],
    ids=["cut", "wrong request", "busy", "too many"],
)
async def test_what_the_venue_does_is_told_apart(fault, kind, says, retry_after_s):
    """A lost connection, a notice, an answer: each becomes the error with its remedy."""
    async with venue_and_provider(*([fault] if fault.at_message else [])) as (venue, provider):
        provider._instruments_checked = True
        if fault.at_message is None:
            await venue.do(fault)
        error = await fails(provider)
    assert type(error) is kind
    assert says in str(error)
    assert getattr(error, "retry_after_s", None) == retry_after_s


async def test_rest_that_is_refused_waits_as_long_as_it_is_told():
    """A ban of the REST side names its end."""
    async with venue_and_provider() as (venue, provider):
        await venue.do(Fault(kind="refuse", at_s=0, status=418, retry_after_s=120))
        error = await fails(provider)
    assert isinstance(error, TransientError)
    assert error.retry_after_s == pytest.approx(120, abs=5)
    assert error.cause == "limited"
    assert "418" in str(error)


async def test_a_venue_that_never_answers_is_given_up():
    """Requests have a deadline; the streams that were not granted are named."""

    async def mute(stream):
        await stream.send_all(await accept_by_hand(stream))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, mute, 0)
        port = listeners[0].socket.getsockname()[1]
        settings = BinanceSettings(ws_url=f"ws://127.0.0.1:{port}", rest_url="http://127.0.0.1:1", **QUICK)
        provider = BinanceProvider(settings, context("BTC/USDT", channels=("trades",)))
        provider._instruments_checked = True
        error = await fails(provider)
        nursery.cancel_scope.cancel()
    assert isinstance(error, TransientError)
    assert "btcusdt@trade" in str(error)


async def test_a_closed_port_is_told_with_the_remedy():
    """Nobody listens at either address."""
    settings = BinanceSettings(ws_url="ws://127.0.0.1:1", rest_url="http://127.0.0.1:1", **QUICK)
    provider = BinanceProvider(settings, context("BTC/USDT", channels=("trades",)))
    error = await fails(provider)
    assert isinstance(error, TransientError)
    assert "check rest_url" in str(error)
    provider._instruments_checked = True
    error = await fails(provider)
    assert isinstance(error, TransientError)
    assert "Connection refused" in str(error)


async def test_the_status_of_instruments():
    """Told at first, and at every change; what is not listed any more is given up, and taken back when it is."""
    async with (
        serve_binance(tape("BTC/USDT", "ETH/USDT")) as venue,
        session(venue, "BTC/USDT", "ETH/USDT", channels=("trades", "status"), status_every_s=0.1) as listener,
    ):

        def states():
            return [(tick.instrument, tick.state) for tick in listener.of(Status)]

        await listener.until(lambda: states() == [("BTC/USDT", "TRADING"), ("ETH/USDT", "TRADING")])
        await venue.do(Fault(kind="status", at_s=0, symbol="ETHUSDT", state="HALT"))
        await listener.until(lambda: states()[2:] == [("ETH/USDT", "HALT")])
        await venue.do(Fault(kind="status", at_s=0, symbol="ETHUSDT", state=""))
        await listener.until(lambda: states()[3:] == [("ETH/USDT", "NOT_LISTED")])
        await listener.until(lambda: venue.subscribed() == 1)
        await venue.do(Fault(kind="status", at_s=0, symbol="ETHUSDT", state="TRADING"))
        await listener.until(lambda: states()[4:] == [("ETH/USDT", "TRADING")] and venue.subscribed() == 2)
        count = len(listener.of(Trade))
        await listener.until(
            lambda: {t.instrument for t in listener.of(Trade)[count:]} == {"BTC/USDT", "ETH/USDT"}
        )


async def test_status_goes_on_when_the_venue_does_not_answer():
    """An event says so; the session is not ended by it."""
    async with (
        serve_binance(tape()) as venue,
        session(venue, "BTC/USDT", channels=("trades", "status"), status_every_s=0.1) as listener,
    ):
        await listener.until(lambda: listener.of(Status))
        await venue.do(Fault(kind="html", at_s=0, status=502, count=1))
        await listener.until(lambda: listener.told(VenueTrouble))
        (trouble,) = listener.told(VenueTrouble)
        assert "HTTP status 502" in trouble.detail
        await venue.do(Fault(kind="status", at_s=0, symbol="BTCUSDT", state="BREAK"))
        await listener.until(lambda: [tick.state for tick in listener.of(Status)] == ["TRADING", "BREAK"])


async def test_the_venue_s_clock_is_measured():
    """How far it is from this machine's, within the bound that the measurement has."""
    async with serve_binance(tape()) as venue:
        venue.set_clock(250)
        async with session(venue, "BTC/USDT", channels=("trades",), time_every_s=0.2) as listener:
            await listener.until(lambda: len(listener.told(VenueClockMeasured)) == 2)
    for measured in listener.told(VenueClockMeasured):
        assert abs(measured.offset_ns - 250_000_000) <= measured.bound_ns
        assert measured.bound_ns < 200_000_000


async def test_what_was_overtaken_on_the_way_is_stamped_as_what_overtook_it():
    """Two connections hand over side by side: no stamp goes back."""
    names = ("BTC/USDT", "ETH/USDT")
    async with (
        serve_binance(tape(*names)) as venue,
        session(
            venue, *names, channels=("trades",), max_streams=1, listening=Stamped, clock=Unsteady()
        ) as listener,
    ):
        await listener.until(lambda: len(listener.mono_ns) > 50)
    assert listener.mono_ns == sorted(listener.mono_ns)
    assert len(set(listener.mono_ns)) > 10
