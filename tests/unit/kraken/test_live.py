"""Whole sessions with a loopback Kraken: what each thing that the venue does means to the leg."""

from itertools import pairwise

import anyio
import pytest
import trio

from ticktrail.book import OrderBook
from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import ConnectionOpened, IncrementsLearned, VenueTrouble
from ticktrail.model import Bar, BookDelta, BookSnapshot, Gap, Quote, Status, Ticker, Trade, Undecodable
from ticktrail.testing.venue import Fault
from unit.binance.stage import Listener
from unit.kraken.stage import ends, provider_at, session, venue

pytestmark = pytest.mark.anyio
ALL = ("trades", "quotes", "ticker", "book", "bars", "status")


@pytest.fixture
def anyio_backend():
    return "trio"


def trades_of(at, since):
    """How many trades the tape had after so many messages."""
    return sum(message.stream.endswith("trade") for message in list(at.told)[since:])


async def test_a_session_brings_every_channel():
    """Nothing that cannot be read, no gap, trades with ids that run on, a book that holds."""
    async with venue("BTC/USD", "ETH/USD") as at, session(at, "BTC/USD", "ETH/USD", channels=ALL) as heard:
        await heard.until(lambda: len(heard.of(Trade)) > 60 and len(heard.of(BookDelta)) > 200)
        await heard.until(lambda: all(heard.of(kind) for kind in (Quote, Ticker, Bar, Status)))
    assert heard.of(Undecodable, Gap) == []
    for name in ("BTC/USD", "ETH/USD"):
        ids = [trade.id for trade in heard.of(Trade) if trade.instrument == name]
        assert all(b == a + 1 for a, b in pairwise(ids))
        book = OrderBook(name)
        for tick in heard.of(BookSnapshot, BookDelta):
            book.apply(tick)
            assert not book.is_crossed
        assert book.is_known
        assert len(book.bids()) >= 5
    assert [(one.state, one.reason) for one in heard.of(Status)] == [("online", None)] * 2
    assert {one.instrument: str(one.price) for one in heard.events if isinstance(one, IncrementsLearned)} == {
        "BTC/USD": "0.1",
        "ETH/USD": "0.1",
    }
    assert [one.kind for one in heard.events if isinstance(one, ConnectionOpened)][:1] == ["websocket"]


async def test_all_that_happens_arrives_once():
    """Every trade of a tape that ends, and the last state of its book."""
    async with (
        venue(ends_after=800, rate=2_000) as at,
        session(at, channels=("trades", "book")) as heard,
    ):
        with trio.fail_after(20):
            await at.ended.wait()
        sent = [message for message in at.told if message.stream == "BTC/USD@trade"]
        await heard.until(lambda: len(heard.of(Trade)) == len(sent))
    assert [trade.id for trade in heard.of(Trade)] == list(range(1_001, 1_001 + len(sent)))
    assert heard.of(Undecodable, Gap) == []


async def test_a_reconnect_recalls_what_was_missed():
    """The trades of the snapshot that came while nobody listened, marked; none twice; the book begins whole."""
    async with venue(rate=300) as at:
        provider = provider_at(at, channels=("trades", "book"))
        heard = Listener(provider)
        async with session(at, provider=provider, listener=heard):
            await heard.until(lambda: len(heard.of(Trade)) > 10)
        before = len(heard.got)
        missed_from = len(at.told)
        await heard.until(lambda: trades_of(at, missed_from) >= 5)
        async with session(at, provider=provider, listener=heard):
            await heard.until(lambda: sum(not tick.backfilled for tick in heard.of(Trade)) > 30)
        after = heard.got[before:]
    trades = heard.of(Trade)
    assert all(b.id == a.id + 1 for a, b in pairwise(trades))
    assert 4 <= sum(trade.backfilled for trade in trades) <= 50
    assert isinstance(
        next(tick for tick in after if isinstance(tick, BookSnapshot | BookDelta)), BookSnapshot
    )


async def test_more_missed_than_the_venue_recalls_is_a_jump():
    """Fifty are recalled; of the others the ids tell."""
    async with venue(rate=2_000) as at:
        provider = provider_at(at, channels=("trades",))
        heard = Listener(provider)
        async with session(at, provider=provider, listener=heard):
            await heard.until(lambda: heard.of(Trade))
        seen = len(at.told)
        await heard.until(lambda: trades_of(at, seen) >= 120)
        async with session(at, provider=provider, listener=heard):
            await heard.until(lambda: any(trade.backfilled for trade in heard.of(Trade)))
    ids = [trade.id for trade in heard.of(Trade)]
    jumps = [(a, b) for a, b in pairwise(ids) if b != a + 1]
    assert len(jumps) == 1
    assert sum(trade.backfilled for trade in heard.of(Trade)) == 50


@pytest.mark.parametrize(
    ("kind", "count"), [("skip", 6), ("garble", 1)]
)  # one change may be undone by the next one
async def test_a_lost_change_costs_its_own_book_a_gap(kind, count):
    """That pair alone is asked for anew, and comes whole again; the other one goes on undisturbed."""
    async with (
        venue("BTC/USD", "ETH/USD") as at,
        session(at, "BTC/USD", "ETH/USD", channels=("book",)) as heard,
    ):
        await heard.until(lambda: len(heard.of(BookDelta)) > 50)
        await at.do(Fault(kind=kind, count=count, stream="BTC/USD@book", at_s=0))
        await heard.until(lambda: heard.of(Gap))
        at_gap = len(heard.got)
        await heard.until(
            lambda: any(
                isinstance(tick, BookSnapshot) and tick.instrument == "BTC/USD" for tick in heard.got[at_gap:]
            )
        )
        again = len(heard.got)
        await heard.until(lambda: len(heard.got) > again + 50)
    assert [(gap.instrument, gap.channel, gap.cause) for gap in heard.of(Gap)] == [
        ("BTC/USD", "book", "checksum" if kind == "skip" else "undecodable")
    ]
    assert len(heard.of(Undecodable)) == (kind == "garble")
    assert at.refused == []
    for name in ("BTC/USD", "ETH/USD"):
        book = OrderBook(name)
        for tick in heard.of(BookSnapshot, BookDelta, Gap):
            book.apply(tick)
        assert book.is_known


async def test_a_pair_that_there_is_not():
    """Is told with what comes near, before anything is asked of it."""
    async with venue() as at:
        error = await ends(provider_at(at, "BTC/USD", "BTC/USB"))
    assert type(error) is PermanentError
    assert '"BTC/USB" is not listed; did you mean "BTC/USD"' in str(error)
    assert at.refused == []


@pytest.mark.parametrize(
    ("said", "kind", "cause", "wait_s"),
    [
        ("Currency pair not supported BTC/USD", PermanentError, "refused", None),
        ("Subscription depth not supported", PermanentError, "refused", None),
        ("Unknown symbol", PermanentError, "refused", None),
        ("Invalid arguments:depth", PermanentError, "refused", None),
        ("Unknown error", TransientError, "refused", None),
        ("Service unavailable: unknown", TransientError, "refused", None),
        ("Trading engine not found", TransientError, "refused", None),
        ("Exceeded msg rate", TransientError, "limited", 7.0),
        ("Something is wrong", TransientError, "refused", None),
    ],
)
async def test_every_refusal_has_its_own_remedy(said, kind, cause, wait_s):
    """Permanent where no second try would change it; the venue's words stand in the error."""
    async with venue() as at:
        await at.do(Fault(kind="error_reply", message=said, at_s=0))
        error = await ends(provider_at(at, limited_wait_s=7.0))
    assert type(error) is kind
    assert error.cause == cause
    assert said in str(error)
    assert getattr(error, "retry_after_s", None) == wait_s


async def test_an_error_that_says_nothing_else():
    """Of no method and no channel: it is a refusal all the same, and not market data."""
    async with venue() as at:
        at.hear = lambda client, message: (b'{"Error":"Exceeded msg rate"}',)
        provider = provider_at(at)
        heard = Listener(provider)
        error = await ends(provider, heard)
    assert (type(error), error.cause) == (TransientError, "limited")
    assert heard.of(Undecodable) == []


async def test_what_was_subscribed_to_already_is_as_it_should_be():
    """The venue's word for it is no error."""
    async with venue() as at:
        await at.do(Fault(kind="error_reply", message="Already subscribed", at_s=0))
        async with session(at, channels=("trades",)):
            pass


async def test_maintenance_is_told_and_not_taken_for_silence():
    """A status of each pair, a word for whoever runs the feed; then the pair's own state again."""
    async with (
        venue() as at,
        session(at, channels=("trades", "status"), quiet_after_s={"trades": 0.3}) as heard,
    ):
        await heard.until(lambda: heard.of(Trade))
        await at.set_system("maintenance")
        await at.do(Fault(kind="mute", at_s=0))
        await heard.until(lambda: len(heard.of(Status)) == 2)
        await anyio.sleep(2.0)  # long enough for the watch, were it on
        await at.set_pair("BTC/USD", "cancel_only")
        await at.set_system("online")
        await heard.until(lambda: len(heard.of(Status)) == 3)
    assert [(one.state, one.reason) for one in heard.of(Status)] == [
        ("online", None),
        ("maintenance", "trading engine"),
        ("cancel_only", None),
    ]
    (told,) = heard.told(VenueTrouble)
    assert "'maintenance'" in told.detail


@pytest.mark.parametrize("channel", ["trades", "quotes", "book", "bars"])
async def test_a_mute_connection_is_found(channel):
    """Heartbeats come, data do not, and the venue says by REST that the market moves."""
    async with venue() as at:
        provider = provider_at(at, channels=(channel,), quiet_after_s={channel: 0.3})
        heard = Listener(provider)
        async with anyio.create_task_group() as tasks:
            found = []
            tasks.start_soon(_collect, provider, heard, found)
            await heard.until(lambda: len(heard.got) > 5)
            await at.do(Fault(kind="mute", at_s=0))
            await heard.until(lambda: found)
    assert found[0].cause == "silent"
    assert "as the venue says by REST" in str(found[0])


async def _collect(provider, heard, found):
    found.append(await ends(provider, heard))


async def test_a_market_that_sleeps_is_left_to_sleep():
    """The venue is asked, and says that nothing moved."""
    async with (
        venue(ends_after=100) as at,
        session(
            at,
            channels=("trades", "quotes", "book"),
            quiet_after_s={"trades": 0.2, "quotes": 0.2, "book": 0.2},
        ) as heard,
    ):
        with trio.fail_after(10):
            await at.ended.wait()
        await heard.until(
            lambda: {"Trades", "Depth"} <= {one.what.split("?")[0].split("/")[-1] for one in at.asked()}
        )
        await anyio.sleep(0.5)
    assert heard.told(VenueTrouble) == []


async def test_a_stream_that_is_dropped_without_a_word_is_found():
    """The book alone is gone; trades go on."""
    async with venue() as at:
        provider = provider_at(at, channels=("trades", "book"), quiet_after_s={"book": 0.3})
        heard = Listener(provider)
        async with anyio.create_task_group() as tasks:
            found = []
            tasks.start_soon(_collect, provider, heard, found)
            await heard.until(lambda: len(heard.of(BookDelta)) > 20)
            await at.do(Fault(kind="forget", stream="@book", at_s=0))
            await heard.until(lambda: found)
    assert (found[0].cause, "nothing on book" in str(found[0])) == ("silent", True)


async def test_a_refused_connection_waits():
    """As long as the venue says, or as the settings do where it is the front door's."""
    async with venue() as at:
        await at.do(Fault(kind="refuse", status=429, retry_after_s=9, at_s=0))
        error = await ends(provider_at(at))
        assert (error.cause, error.retry_after_s) == ("limited", 9.0)
        await at.do(Fault(kind="refuse", status=403, at_s=0))
        error = await ends(provider_at(at, limited_wait_s=4.0))
        assert (error.cause, error.retry_after_s) == ("limited", 4.0)
        await at.do(Fault(kind="refuse", status=503, at_s=0))
        assert (await ends(provider_at(at))).cause == "refused"


async def test_connections_keep_within_what_the_venue_takes():
    """The third within a minute is not opened."""
    async with venue() as at:
        for _ in range(2):
            async with session(at, connections_per_minute=2):
                pass
        error = await ends(provider_at(at, connections_per_minute=2))
    assert type(error) is TransientError
    assert error.cause == "limited"
    assert 30 < error.retry_after_s <= 60
    assert "connections_per_minute" in str(error)


async def test_a_cut_ends_the_session():
    """It is the leg's to connect again."""
    async with venue(faults=[Fault(kind="cut", at_message=30)]) as at:
        error = await ends(provider_at(at))
    assert type(error) is TransientError
    assert error.cause == "lost"


async def test_a_venue_that_does_not_answer():
    """A server that speaks web socket and nothing else."""
    async with venue() as at:
        at.hear = lambda client, message: ()
        error = await ends(provider_at(at, answer_s=0.4))
    assert type(error) is TransientError
    assert "did not answer within 0.4 s" in str(error)


async def test_a_connection_that_answers_no_ping_is_lost():
    """Though nothing has moved by REST: a market may sleep, a connection may not."""
    async with venue(ends_after=60) as at:
        provider = provider_at(at, channels=("trades",), quiet_after_s={"trades": 0.3}, answer_s=0.5)
        heard = Listener(provider)
        found = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_collect, provider, heard, found)
            await heard.until(at.ended.is_set)
            at.hear = lambda client, message: ()
            await heard.until(lambda: found)
    assert "did not answer within 0.5 s to a ping" in str(found[0])


class Slow(Listener):
    """Takes what comes at its leisure."""

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await anyio.sleep(0.9)
        await super().frames(payloads, recv_ns=recv_ns, mono_ns=mono_ns)


async def test_an_answer_that_nobody_looked_for_is_not_late():
    """A leg that is behind keeps the socket from being read: that is not the venue's delay."""
    async with venue("BTC/USD", "ETH/USD") as at:
        provider = provider_at(at, "BTC/USD", "ETH/USD", channels=("trades", "book"), answer_s=0.4)
        async with session(at, provider=provider, listener=Slow(provider)) as heard:
            await heard.until(lambda: len(heard.of(BookSnapshot)) == 2)


async def test_answers_and_heartbeats_are_not_handed_on():
    """What a recording keeps is market data and the venue's state."""
    async with venue(ends_after=20) as at:
        provider = provider_at(at, channels=("trades", "quotes"))
        heard = Listener(provider, keep_payloads=True)
        async with session(at, provider=provider, listener=heard):
            await anyio.sleep(0.8)
    kinds = {payload.split(b'"')[3] for payload in heard.payloads}
    assert kinds == {b"status", b"instrument", b"trade", b"ticker"}
