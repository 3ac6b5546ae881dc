"""Whole sessions with a loopback Alpaca: what each thing that the venue does means to the leg."""

from datetime import UTC, datetime

import anyio
import pytest
import trio

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import Bar, BookDelta, BookSnapshot, Gap, Quote, Trade, Undecodable
from ticktrail.plugin import SystemClock
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import keys, provider_at, session, tape
from unit.alpaca.test_decoder import frame
from unit.binance.stage import Listener, Stamped, Unsteady
from unit.mock.alpaca_stage import Tape

pytestmark = pytest.mark.anyio
CLOSED = datetime(2026, 7, 18, 16, 0, tzinfo=UTC)  # a Saturday's noon in New York
OPEN = datetime(2026, 7, 17, 16, 0, tzinfo=UTC)  # the Friday before
TRADE = {
    "T": "t",
    "S": "AAPL",
    "i": 1,
    "x": "V",
    "p": 190.1,
    "s": 3,
    "c": ["@"],
    "z": "C",
    "t": "2026-07-17T15:00:00Z",
}
HALT = {
    "T": "s", "S": "AAPL", "sc": "H", "sm": "Trading Halt", "rc": "T12", "rm": "Asked", "t": "2026-07-17T15:00:00Z",
}  # fmt: skip
CUT = Fault(kind="cut", at_message=150)


class ClockAt(SystemClock):
    """The system's clock, as if it were another day."""

    def __init__(self, moment):
        super().__init__()
        self._ahead_ns = int(moment.timestamp()) * 10**9 - super().now_ns()

    def now_ns(self):
        return super().now_ns() + self._ahead_ns


async def ends(provider, listener=None):
    """Run one session to its end, and return the error that ended it."""
    with trio.fail_after(20):
        try:
            await provider.run(listener or Listener(provider), task_status=anyio.TASK_STATUS_IGNORED)
        except ProviderError as exc:
            return exc
    raise AssertionError("the session ended well")


@pytest.mark.parametrize("codec", ["msgpack", "json"])
@pytest.mark.parametrize("auth", ["message", "headers"])
async def test_a_session_brings_stocks(tmp_path, codec, auth):
    """In either codec, however one says who one is."""
    async with (
        serve_alpaca(tape()) as venue,
        session(venue, tmp_path, channels=("trades", "quotes", "bars"), codec=codec, auth=auth) as heard,
    ):
        await heard.until(lambda: len(heard.of(Trade)) > 50 and len(heard.of(Quote)) > 50)
    assert heard.of(Undecodable, Gap) == []
    assert {tick.instrument for tick in heard.got} == {"AAPL"}


@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_a_session_brings_crypto_with_its_book(tmp_path, codec):
    """The book begins whole."""
    channels = ("trades", "quotes", "book")
    async with (
        serve_alpaca(tape("BTC/USD", market="crypto")) as venue,
        session(venue, tmp_path, "BTC/USD", channels=channels, market="crypto", codec=codec) as heard,
    ):
        await heard.until(lambda: len(heard.of(BookDelta)) > 20 and len(heard.of(Trade)) > 20)
    assert heard.of(Undecodable) == []
    assert isinstance(heard.of(BookSnapshot, BookDelta)[0], BookSnapshot)


async def test_all_that_is_sent_arrives_once_in_order(tmp_path):
    """Trades, quotes and bars of a tape that ends."""
    sent = Tape(ends_after=600)
    async with (
        serve_alpaca(sent) as venue,
        session(venue, tmp_path, "AAPL", "MSFT", channels=("trades", "quotes", "bars")) as heard,
    ):
        expected = [f"{event['x']}:{event['i']}" for event in await _finished(sent, "trades")]
        await heard.until(lambda: len(heard.of(Trade)) >= len(expected) > 0)
        bars = await _finished(sent, "bars")
        await heard.until(lambda: len(heard.of(Bar)) >= len(bars))
    assert [trade.id for trade in heard.of(Trade)] == expected
    assert len(heard.of(Bar)) == len(bars)


async def _finished(sent, channel):
    """Wait until the tape has given all it has; gives what it gave."""
    with trio.fail_after(20):
        while len(sent.kept) < 600:  # noqa: ASYNC110 - the tape has no event
            await anyio.sleep(0.02)
    return sent.events(channel)


@pytest.mark.parametrize(
    ("code", "stream", "kind", "cause", "says"),
    [
        (400, "", PermanentError, "refused", "report it to the plugin's authors"),
        (401, "auth", TransientError, "refused", "tried again from the greeting on"),
        (402, "auth", PermanentError, "credentials", "check key_id and secret_key"),
        (404, "auth", TransientError, "lost", "the credentials came too late"),
        (405, "", PermanentError, "refused", "1 symbols are more than the account's plan allows"),
        (406, "auth", TransientError, "limited", "another connection of this account is open"),
        (407, "", TransientError, "slow", "this machine took the data too slowly"),
        (409, "auth", PermanentError, "refused", "the account's plan does not hold this feed"),
        (409, "", PermanentError, "refused", "the account's plan does not hold this feed"),
        (410, "", PermanentError, "refused", "this feed has no such channel"),
        (411, "auth", PermanentError, "credentials", "the key lacks the scope"),
        (500, "", TransientError, "lost", "the venue's own fault"),
        (599, "", TransientError, "refused", "it is tried again"),
    ],
)
@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_every_refusal_has_its_own_remedy(tmp_path, code, stream, kind, cause, says, codec):
    """Permanent where no second try would change it; the venue's code and words stand in the error."""
    fault = Fault(kind="error_reply", at_s=0, code=code, message="no", stream=stream)
    async with serve_alpaca(tape()) as venue:
        await venue.do(fault)
        error = await ends(provider_at(venue, tmp_path, codec=codec))
    assert type(error) is kind
    assert error.cause == cause
    assert f"Alpaca says {code}, 'no'" in str(error)
    assert says in str(error)
    assert getattr(error, "retry_after_s", None) == (60.0 if code == 406 else None)


async def test_an_error_in_the_midst_of_data_ends_the_session(tmp_path):
    """A slow client is told so while data come."""
    async with serve_alpaca(tape(), faults=[Fault(kind="error", at_message=20, code=407)]) as venue:
        provider = provider_at(venue, tmp_path)
        heard = Listener(provider)
        error = await ends(provider, heard)
    assert error.cause == "slow"
    assert len(heard.of(Trade, Quote)) > 10


async def test_wrong_credentials_are_told_with_the_remedy(tmp_path):
    """In the message, and in the headers."""
    async with serve_alpaca(tape()) as venue:
        for auth in ("message", "headers"):
            error = await ends(provider_at(venue, tmp_path, auth=auth, **keys(tmp_path, secret="WRONG")))
            assert type(error) is PermanentError
            assert "check key_id and secret_key" in str(error)
            assert "WRONG" not in str(error)


async def test_credentials_that_are_not_there(tmp_path):
    """The error names the file."""
    async with serve_alpaca(tape()) as venue:
        for auth in ("message", "headers"):
            provider = provider_at(venue, tmp_path, auth=auth)
            (tmp_path / "secret").unlink()
            error = await ends(provider)
            assert type(error) is PermanentError
            assert str(tmp_path / "secret") in str(error)


async def test_a_second_connection_waits_long(tmp_path):
    """The account's one connection is taken."""
    async with serve_alpaca(tape(), connection_limit=1) as venue, session(venue, tmp_path):
        error = await ends(provider_at(venue, tmp_path, connection_limit_wait_s=12.5))
    assert type(error) is TransientError
    assert "406" in str(error)
    assert error.retry_after_s == 12.5


async def test_the_limit_of_symbols(tmp_path):
    """It is refused whole, with what was asked for."""
    async with serve_alpaca(tape("AAPL", "MSFT", "IBM"), symbol_limit=2) as venue:
        error = await ends(provider_at(venue, tmp_path, "AAPL", "MSFT", "IBM"))
    assert type(error) is PermanentError
    assert "3 symbols are more than the account's plan allows on this feed" in str(error)


async def test_subscriptions_go_in_pieces(tmp_path):
    """As many symbols in a message as the settings say."""
    names = ("AAPL", "MSFT", "IBM", "BA", "F")
    async with (
        serve_alpaca(tape(*names)) as venue,
        session(venue, tmp_path, *names, symbols_per_request=3) as heard,
    ):
        await heard.until(lambda: {tick.instrument for tick in heard.of(Trade)} == set(names))
        assert {tick.instrument for tick in heard.of(Quote)} == set(names)


async def test_a_venue_that_does_not_answer_is_given_up(tmp_path):
    """It let in late: the deadline is the leg's own."""
    async with serve_alpaca(tape()) as venue:
        await venue.do(Fault(kind="late_handshake", at_s=0, for_s=3.0))
        error = await ends(provider_at(venue, tmp_path, auth_s=0.3, connect_s=0.5))
    assert type(error) is TransientError


async def test_refused_connections_wait_as_long_as_they_are_told(tmp_path):
    """HTTP 429 with and without a time."""
    async with serve_alpaca(tape()) as venue:
        for said, waits in ((7, 7.0), (0, 60.0)):
            await venue.do(Fault(kind="refuse", at_s=0, status=429, retry_after_s=said, for_s=1.0))
            error = await ends(provider_at(venue, tmp_path))
            assert (type(error), error.cause, error.retry_after_s) == (TransientError, "limited", waits)
            await anyio.sleep(1.1)


async def test_missed_trades_are_fetched_in_their_place(tmp_path):
    """After a cut, everything that was traded meanwhile comes before what is traded now, and is marked."""
    sent = Tape(rate=500.0)
    async with serve_alpaca(sent, faults=[CUT]) as venue:
        provider = provider_at(venue, tmp_path, channels=("trades",))
        heard = Listener(provider)
        error = await ends(provider, heard)
        assert error.cause == "lost"
        before = len(heard.of(Trade))
        await anyio.sleep(1.0)
        async with session(venue, tmp_path, provider=provider) as again:
            await again.until(lambda: any(not trade.backfilled for trade in again.of(Trade)))
    trades = heard.of(Trade) + again.of(Trade)
    truth = [f"{event['x']}:{event['i']}" for event in sent.events("trades") if event["S"] == "AAPL"]
    begin = truth.index(trades[0].id)
    assert [trade.id for trade in trades] == truth[begin : begin + len(trades)]
    marks = [trade.backfilled for trade in trades]
    assert not any(marks[:before])
    assert sum(marks) > 50
    assert again.of(Gap) == []


async def test_missed_trades_that_cannot_be_fetched_are_a_gap(tmp_path):
    """What waits goes on, with the gap before it, and why is told."""
    async with serve_alpaca(tape(), faults=[CUT]) as venue:
        provider = provider_at(venue, tmp_path, channels=("trades",), repair_s=1.0)
        await ends(provider)
        await venue.do(Fault(kind="html", at_s=0, count=1_000, status=502))
        async with session(venue, tmp_path, provider=provider) as again:
            await again.until(lambda: len(again.of(Trade)) > 10)
    first = again.of(Gap, Trade)[0]
    assert isinstance(first, Gap)
    assert first.channel == "trades"
    assert not any(trade.backfilled for trade in again.of(Trade))


async def test_books_begin_anew_with_every_connection(tmp_path):
    """A book bears no numbers: nothing of the old one is believed."""
    async with serve_alpaca(tape("BTC/USD", market="crypto"), faults=[CUT]) as venue:
        provider = provider_at(venue, tmp_path, "BTC/USD", channels=("book",), market="crypto")
        await ends(provider)
        async with session(venue, tmp_path, provider=provider) as again:
            await again.until(lambda: len(again.of(BookDelta)) > 5)
    assert isinstance(again.of(BookSnapshot, BookDelta)[0], BookSnapshot)


FALLS_MUTE = Fault(kind="mute", at_message=50)
MUTE = {"quiet_after_s": {"trades": 0.5, "quotes": 0.5}}


async def test_a_mute_connection_is_told_from_a_sleepy_market(tmp_path):
    """It is open and answers, but brings nothing, although the market moves."""
    async with serve_alpaca(tape(), faults=[FALLS_MUTE]) as venue:
        error = await ends(provider_at(venue, tmp_path, clock=ClockAt(OPEN), **MUTE))
    assert type(error) is TransientError
    assert error.cause == "silent"
    assert "AAPL moved, as the venue says by REST" in str(error)


async def test_on_a_saturday_a_stock_may_be_silent_and_crypto_may_not(tmp_path):
    """The same silence, by the calendar's clock at noon."""
    async with serve_alpaca(tape(), faults=[FALLS_MUTE]) as venue:
        provider = provider_at(venue, tmp_path, clock=ClockAt(CLOSED), **MUTE)
        with trio.move_on_after(6) as waited:
            await ends(provider)
        assert waited.cancelled_caught
    async with serve_alpaca(tape("BTC/USD", market="crypto"), faults=[FALLS_MUTE]) as venue:
        own = {"market": "crypto", "clock": ClockAt(CLOSED), **MUTE}
        error = await ends(provider_at(venue, tmp_path, "BTC/USD", **own))
    assert error.cause == "silent"


async def test_a_halted_stock_may_be_silent(tmp_path):
    """By the venue's own word, until it says that trading goes on."""
    ended = []
    async with serve_alpaca(tape()) as venue, anyio.create_task_group() as tasks:
        channels = ("trades", "quotes", "status")
        provider = provider_at(venue, tmp_path, channels=channels, clock=ClockAt(OPEN), **MUTE)
        heard = Listener(provider)

        async def live():
            ended.append(await ends(provider, heard))

        tasks.start_soon(live)
        await heard.until(lambda: heard.of(Trade))
        await venue.do(Fault(kind="mute", at_s=0))
        await anyio.sleep(0.3)
        provider.decode([frame(HALT)], 0)
        await anyio.sleep(5)
        assert ended == []
        provider.decode([frame({**HALT, "sc": "T"})], 0)
        await heard.until(lambda: ended)
    assert ended[0].cause == "silent"


async def test_a_market_that_sleeps_is_no_silence(tmp_path):
    """Nothing comes and nothing moved: the venue says so by REST, and the session goes on."""
    sent = Tape(ends_after=40)
    async with serve_alpaca(sent) as venue:
        provider = provider_at(venue, tmp_path, "AAPL", "MSFT", clock=ClockAt(OPEN), **MUTE)
        heard = Listener(provider)
        with trio.move_on_after(5) as waited:
            await ends(provider, heard)
        assert waited.cancelled_caught
    assert heard.of(Trade, Quote)
    assert heard.told(VenueTrouble) == []


async def test_what_was_overtaken_on_the_way_is_stamped_as_what_overtook_it(tmp_path):
    """The connection and what is fetched by REST hand over side by side: no stamp goes back."""
    async with serve_alpaca(tape()) as venue, anyio.create_task_group() as tasks:
        provider = provider_at(venue, tmp_path, clock=Unsteady())
        heard = Stamped(provider)
        with trio.fail_after(30):
            await tasks.start(provider.run, heard)
        await heard.until(lambda: len(heard.mono_ns) > 50)
        tasks.cancel_scope.cancel()
    assert heard.mono_ns == sorted(heard.mono_ns)
    assert len(set(heard.mono_ns)) > 10
