"""Snapshots that come late, old, spoilt or not at all: a book is right in the end, or is not published."""

import pytest
import trio

from ticktrail.book import OrderBook
from ticktrail.errors import TransientError
from ticktrail.events import ConnectionReplaced, VenueTrouble
from ticktrail.model import BookDelta, BookSnapshot, Gap, Status, Trade, Undecodable
from ticktrail.testing.venue import Fault
from ticktrail_binance.live.provider import BinanceProvider
from ticktrail_binance.settings import BinanceSettings
from ticktrail_mock.venue.binance import serve_binance
from unit.binance.stage import Listener, context, digest, session
from unit.binance.test_decoder import TRADE, combined
from unit.binance.test_recorded_books import Played, check_against_the_truth
from unit.binance.test_session import fails, tape
from unit.net.test_frames import frame
from unit.net.test_web_socket import accept_by_hand

pytestmark = pytest.mark.anyio

ONE = "binance_spot/cf_binance_us_20211011.jsonl.gz"
TEN = "binance_futures/cf_binance_futures_20210722.jsonl.gz"


async def play(name, *faults, speed="max", **settings):
    """Play a recording with faults; gives what is known of it, what came, and what the venue was asked."""
    played = Played(name)
    async with (
        serve_binance(played.tape, speed=speed, faults=faults, starts_at=len(played.instruments)) as venue,
        session(
            venue, *played.instruments.values(), channels=("book",), **{**played.settings, **settings}
        ) as listener,
    ):
        await listener.until(lambda: venue.ended.is_set() and played.is_done(listener), 60)
        asked = list(venue.asked())
    return played, listener, asked


def own_of(listener):
    return listener.of(BookSnapshot, BookDelta, Gap)


def check_books(played, listener):
    """Every book ends as it should, and none was published that was not so."""
    check_against_the_truth(played, own_of(listener))
    books = {name: OrderBook(name) for name in played.instruments.values()}
    for tick in own_of(listener):
        books[tick.instrument].apply(tick)
    assert {symbol: digest(books[name]) for symbol, name in played.instruments.items()} == {
        symbol: book["sha256"] for symbol, book in played.books.items()
    }


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(kind="html", at_s=0, status=502, count=2), "HTTP status 502"),
        (Fault(kind="html", at_s=0, status=404, count=2), "HTTP status 404"),
        (Fault(kind="refuse", at_s=0, status=500, count=2), "HTTP status 500"),
        (Fault(kind="late_rest", at_s=0, for_s=5.0, count=1), "no whole answer in time"),
        (Fault(kind="refuse", at_s=0, status=429, retry_after_s=1), "asks to wait"),
        (Fault(kind="refuse", at_s=0, status=418, retry_after_s=1), "asks to wait"),
    ],
    ids=["502", "404", "500", "late", "429", "418"],
)
@pytest.mark.parametrize("name", [ONE, TEN], ids=["one", "ten"])
async def test_a_snapshot_that_cannot_be_had_at_once(name, fault, says):
    """It is asked for again after a pause, never inside a ban; an event says what was answered."""
    played, listener, asked = await play(name, fault, answer_s=0.7, connect_s=0.7)
    assert any(says in trouble.detail for trouble in listener.told(VenueTrouble))
    assert not any(one.in_ban for one in asked)
    check_books(played, listener)


@pytest.mark.parametrize("name", [ONE, TEN], ids=["one", "ten"])
async def test_a_snapshot_that_is_older_than_what_waits(name):
    """It cannot be joined to the differences: another one is asked for."""
    lost = Fault(kind="skip", at_message=100, stream=Played(name).depth_stream)
    played, listener, asked = await play(name, lost, Fault(kind="old_book", at_message=100, count=2))
    depths = [one for one in asked if one.what.startswith("depth")]
    assert len(depths) > len(played.instruments)
    check_books(played, listener)


async def test_snapshots_are_asked_for_once_and_one_after_the_other():
    """Ten books that lose a difference each: each is asked for again, and no other."""
    played = Played(TEN)
    faults = [
        Fault(kind="skip", at_message=250, stream=f"{symbol.lower()}@{played.depth_stream}")
        for symbol in list(played.instruments)[:2]
    ]
    played, listener, asked = await play(TEN, *faults)
    symbols = [
        one.what.partition("symbol=")[2].partition("&")[0] for one in asked if one.what.startswith("depth")
    ]
    again = {symbol for symbol in symbols if symbols.count(symbol) > 1}
    lost = {gap.instrument for gap in listener.of(Gap)}
    assert {played.instruments[symbol] for symbol in again} <= lost
    assert 1 <= len(lost) <= 2
    for name in set(played.instruments.values()) - lost:
        assert sum(tick.instrument == name for tick in listener.of(BookSnapshot)) == 1
    check_books(played, listener)


async def test_an_empty_book_is_a_book():
    """A venue whose book has no level, and differences that never come: published as it is, and known to be empty."""
    async with serve_binance(tape()) as venue, session(venue, channels=("book", "trades")) as listener:
        await listener.until(lambda: listener.of(BookSnapshot))
    (snapshot,) = listener.of(BookSnapshot)
    assert (snapshot.bids, snapshot.asks) == ((), ())
    book = OrderBook("BTC/USDT")
    book.apply(snapshot)
    assert book.best_bid is None
    assert book.best_ask is None
    assert not book.is_crossed


async def test_an_instrument_that_is_delisted_while_it_runs():
    """Its book stays unknown and says why; the others' go on; nobody asks for it in a loop."""
    names = ("BTC/USDT", "ETH/USDT")
    faults = [Fault(kind="status", at_s=0, symbol="ETHUSDT", state="")]
    async with (
        serve_binance(tape(*names), faults=faults) as venue,
        session(venue, *names, channels=("book", "trades", "status"), status_every_s=0.2) as listener,
    ):
        await listener.until(lambda: any(tick.state == "NOT_LISTED" for tick in listener.of(Status)))
        await listener.until(lambda: listener.of(BookSnapshot))
        await listener.until(lambda: len(listener.told(VenueTrouble)) == 2)
        count = len(listener.of(Trade))
        await listener.until(lambda: len(listener.of(Trade)) > count + 500)
        asked = [one for one in venue.asked() if one.what.startswith("depth") and "ETHUSDT" in one.what]
    assert {tick.instrument for tick in listener.of(BookSnapshot)} == {"BTC/USDT"}
    told = [trouble.detail for trouble in listener.told(VenueTrouble)]
    assert any("Binance gives no snapshot of ETHUSDT" in detail for detail in told)
    assert any("Binance lists ETH/USDT no more" in detail for detail in told)
    assert all("take it out of instruments" in detail for detail in told)
    assert len(asked) == 1


async def test_a_difference_that_cannot_be_read():
    """It is kept and counted as it came; the book has a gap there, and is right in the end."""
    played = Played(TEN)
    garbled = Fault(kind="garble", at_message=300, count=3, stream=played.depth_stream)
    played, listener, _ = await play(TEN, garbled)
    spoilt = [tick for tick in listener.got if isinstance(tick, Undecodable)]
    assert len(spoilt) == 3
    assert all(tick.raw and tick.reason for tick in spoilt)
    assert listener.of(Gap)
    check_against_the_truth(played, listener.of(BookSnapshot, BookDelta, Gap))


@pytest.mark.parametrize("name", [ONE, TEN], ids=["one", "ten"])
async def test_a_reconnect_leaves_no_ghost_levels(name):
    """Levels that were removed while a connection was lost are not in the book after it, which begins anew."""
    stream = Played(name).depth_stream
    cut = Fault(kind="cut", at_message=150, only="oldest")
    lost = [Fault(kind="skip", at_message=150, count=20, stream=stream)]
    played, listener, _ = await play(name, cut, *lost, speed=20.0, max_streams=1)
    (replaced,) = listener.told(ConnectionReplaced)
    assert replaced.streams == 1
    gaps = [gap for gap in listener.of(Gap) if gap.cause == "reconnect"]
    assert len(gaps) == 1
    own = [tick for tick in own_of(listener) if tick.instrument == gaps[0].instrument]
    after = own[own.index(gaps[0]) + 1 :]
    assert isinstance(after[0], BookSnapshot)
    check_against_the_truth(played, own_of(listener))


async def spoken_to(*data):
    """Let a server send these bytes after its handshake; gives what the provider made of them."""

    async def talk(stream):
        await stream.send_all(await accept_by_hand(stream))
        for piece in data:
            await stream.send_all(piece)
        await stream.send_eof()
        await stream.receive_some()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, talk, 0)
        port = listeners[0].socket.getsockname()[1]
        settings = BinanceSettings(
            ws_url=f"ws://127.0.0.1:{port}", rest_url="http://127.0.0.1:1", time_every_s=0
        )
        provider = BinanceProvider(settings, context("BTC/USDT", channels=("trades",)))
        provider._instruments_checked = True
        listener = Listener(provider)
        error = await fails(provider, listener)
        nursery.cancel_scope.cancel()
    assert isinstance(error, TransientError)
    return error, listener


async def test_a_message_of_ten_megabytes():
    """The connection ends with the reason and the key that allows more, and nothing of it is kept."""
    error, listener = await spoken_to(frame(1, b"x" * 10 * 2**20))
    assert "over max_message_bytes = 4194304" in str(error)
    assert listener.got == []


async def test_a_message_in_fragments():
    """It is put together, pings between them and all, and keeps its place."""
    first, second = (
        combined("btcusdt@trade", TRADE),
        combined("btcusdt@trade", {**TRADE, "t": TRADE["t"] + 1}),
    )
    parts = [first[:20], first[20:21], first[21:]]
    _, listener = await spoken_to(
        frame(1, parts[0], fin=False),
        frame(0, parts[1], fin=False) + frame(9, b"ping"),
        frame(0, parts[2]) + frame(1, second),
    )
    assert [trade.id for trade in listener.of(Trade)] == [TRADE["t"], TRADE["t"] + 1]


async def test_a_compressed_frame_that_nobody_asked_for():
    """It ends the connection, by RFC 6455 section 5.2; what came before it is delivered."""
    trade = combined("btcusdt@trade", TRADE)
    error, listener = await spoken_to(frame(1, trade), frame(1, b"\xaa\x56\x4a", rsv=4))
    assert [trade.id for trade in listener.of(Trade)] == [TRADE["t"]]
    assert "reserved" in str(error).lower() or "RSV" in str(error)
