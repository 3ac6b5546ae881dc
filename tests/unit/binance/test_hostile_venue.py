"""A venue that says impossible things: no wrong tick, no silent hole, nothing muted for good, no storm of questions."""

import json
from decimal import Decimal

import anyio
import pytest
import trio

from ticktrail.book import OrderBook
from ticktrail.events import ConnectionReplaced, ConnectionRotated, VenueTrouble
from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Status, Trade, Undecodable
from ticktrail_binance.decoder import BinanceDecoder
from ticktrail_binance.live.provider import BinanceProvider
from ticktrail_binance.notes import BookNote, ConnectedNote, write_note
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import streams_of
from ticktrail_binance.wire import Depth
from unit.binance.script import LISTING, SYMBOLS, scripted
from unit.binance.stage import QUICK, Listener, context, session
from unit.binance.test_losses import running_feed
from unit.binance.test_rest import http
from unit.binance.test_session import fails

pytestmark = pytest.mark.anyio
RECV_NS = 1_700_000_000_000_000_000


def ids(listener, name=None):
    return [trade.id for trade in listener.of(Trade) if name in {None, trade.instrument}]


# --- missing trades -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        '{"id":"2"}',
        "7",
        '{"id":2,"price":"NaN","qty":"1","time":1,"isBuyerMaker":true}',
        '{"id":2,"price":"1","qty":"1","time":-1,"isBuyerMaker":true}',
    ],
)
async def test_a_row_that_cannot_be_read_holds_nothing_up(row):
    """It is kept as it came; newer trades wait no longer."""

    def reply(target):
        return http(200, f"[{row}]".encode()) if "Trades" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("trades",), repair_s=1.0) as listener,
    ):
        await venue.trades(1, 3)
        await listener.until(lambda: 3 in ids(listener))
        await venue.trades(4)
        await listener.until(lambda: ids(listener) == [1, 3, 4])
    spoilt = [tick for tick in listener.got if isinstance(tick, Undecodable)]
    assert row.encode() in {tick.raw for tick in spoilt}


async def test_missing_trades_do_not_wait_for_a_book():
    """A snapshot that has to wait for the end of a ban is another errand: `repair_s` is kept."""

    def reply(target):
        return http(429, b"", "Retry-After: 30") if "/depth" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("trades", "book"), repair_s=1.0) as listener,
    ):
        await venue.difference(1, 2)
        await listener.until(lambda: listener.told(VenueTrouble))
        await venue.trades(1, 3)
        await listener.until(lambda: 3 in ids(listener), within_s=5)


async def test_holes_do_not_wait_for_each_other():
    """Five streams and a REST side that is down: each is given up at its own time, and it is told once a hole."""

    def reply(target):
        return http(503) if "Trades" in target else None

    names = [f"{name}/USDT" for name in SYMBOLS]
    async with (
        scripted(reply) as venue,
        session(venue, *names, channels=("trades",), repair_s=3.0) as listener,
    ):
        began = trio.current_time()
        for name in SYMBOLS:
            await venue.trades(1, 3, symbol=f"{name}USDT")
        await listener.until(lambda: all(3 in ids(listener, name) for name in names))
        assert trio.current_time() - began < 3.0 * len(names) - 2  # one after the other they would take 15 s
    assert len(listener.told(VenueTrouble)) == 5


async def test_a_stop_with_an_open_hole_loses_nothing(tmp_path):
    """What waits is delivered at the end, and the hole before it is marked."""

    def reply(target):
        return http(503) if "Trades" in target else None

    async with scripted(reply) as venue, running_feed(tmp_path, venue) as running:
        await running.until(lambda: venue.connections and len(venue.connections[0].streams) == 2)
        await venue.trades(1)
        await running.until(lambda: running.of(Trade))
        await venue.trades(*range(5, 55))
        await venue.quotes(1)
        await running.until(lambda: running.of(Quote))
    assert [trade.id for trade in running.of(Trade)] == [1, *range(5, 55)]
    assert [(gap.from_id, gap.to_id) for gap in running.of(Gap)] == [(2, 4)]


# --- books ----------------------------------------------------------------------------------------------------------


def decoder(*channels, **settings):
    own = BinanceSettings(**settings)
    streams = streams_of(own, context("BTC/USDT", channels=channels))
    return BinanceDecoder(streams, "leg", own, on_want=lambda: None)


def event(stream, **data):
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


def difference(first, last, bids=(), asks=()):
    return event("btcusdt@depth@100ms", E=1_723_161_255_400, s="BTCUSDT", U=first, u=last, b=bids, a=asks)


def snapshot(known, bids=(("10", "1"),), asks=(("11", "1"),), limit=1_000):
    sides = [tuple((Decimal(price), Decimal(size)) for price, size in side) for side in (bids, asks)]
    return write_note(BookNote(symbol="BTCUSDT", limit=limit, book=Depth(known, *sides)))


def one_by_one(reader, *payloads):
    return [tick for payload in payloads for tick in reader.decode([payload], RECV_NS)]


@pytest.mark.parametrize(
    "payloads",
    [
        [difference(100, 101), snapshot(2**60), *(difference(n, n) for n in range(102, 2_000))],
        [difference(100, 101), snapshot(100), difference(102, 2**60), *(difference(n, n) for n in range(103, 2_000))],
        [difference(5_000, 5_001), snapshot(5_000), *(difference(n, n) for n in range(1, 2_000))],
    ],
    ids=["snapshot from the future", "huge id", "ids that go back"],
)  # fmt: skip
def test_a_book_that_never_moves_again_is_given_up(payloads):
    """Everything that comes is in it already: its id cannot be right, so that it is unknown, and asked for again."""
    reader = decoder("book")
    ticks = one_by_one(reader, *payloads)
    assert [gap.cause for gap in ticks if isinstance(gap, Gap)][:1] == ["stuck"]
    assert reader.books["BTCUSDT"].wants == "snapshot"
    (again,) = one_by_one(reader, snapshot(1_998))[:1]
    assert isinstance(again, BookSnapshot)


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([("8", "1"), ("10", "1"), ("9", "1")], [("11", "1")]),
        ([("10", "1"), ("10", "5")], [("11", "1")]),
        ([("10", "1")], [("12", "1"), ("11", "1")]),
    ],
)
def test_a_snapshot_out_of_order_is_no_book(bids, asks):
    """Which levels are the best is not to be known: it is kept as it came, and another one is asked for."""
    reader = decoder("book")
    (tick,) = one_by_one(reader, difference(100, 100), snapshot(100, bids, asks))
    assert isinstance(tick, Undecodable)
    assert "do not stand in order" in tick.reason
    assert reader.books["BTCUSDT"].wants == "snapshot"


@pytest.mark.parametrize("by", ["crossing", "connection"])
def test_a_book_does_not_go_back_in_time(by):
    """A snapshot older than what was published waits for a newer one; a venue that counts anew is believed at last."""
    reader = decoder("book")
    if by == "crossing":
        one_by_one(reader, difference(100, 101), snapshot(100), difference(102, 110, bids=[["15", "1"]]))
    else:
        one_by_one(reader, difference(100, 101), snapshot(100), difference(102, 110))
        one_by_one(reader, write_note(ConnectedNote(streams=("btcusdt@depth@100ms",))))
    assert one_by_one(reader, *[snapshot(105)] * 5) == []
    assert isinstance(one_by_one(reader, snapshot(112))[0], BookSnapshot) or by == "crossing"
    fresh = decoder("book")
    one_by_one(
        fresh,
        difference(100, 101),
        snapshot(100),
        write_note(ConnectedNote(streams=("btcusdt@depth@100ms",))),
    )
    assert [type(tick) for tick in one_by_one(fresh, *[snapshot(5)] * 6)] == [BookSnapshot]


@pytest.mark.parametrize("crossed", [False, True], ids=["lagging", "crossed"])
async def test_a_deeper_snapshot_that_is_of_no_use_is_not_asked_for_in_a_storm(crossed):
    """There is a pause after each, which grows."""
    bids = [[str(10 - number), "1"] for number in range(5)]
    asks = [[str(11 + number), "1"] for number in range(5)]
    spoilt = False

    def reply(target):
        if "/depth" not in target:
            return None
        if spoilt and crossed:
            return {"lastUpdateId": 101, "bids": [["99", "1"], *bids[:4]], "asks": asks}
        return {"lastUpdateId": 100, "bids": bids, "asks": asks}

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("book",), book_depth=5) as listener,
    ):
        await venue.difference(100, 100)
        await listener.until(lambda: listener.of(BookSnapshot))
        spoilt = True
        before = len(venue.asked)
        await venue.difference(101, 101, bids=[[price, "0"] for price, _ in bids])
        await anyio.sleep(3)
        assert 2 <= len(venue.asked) - before < 20


# --- listings -------------------------------------------------------------------------------------------------------


async def test_one_listing_without_the_leg_s_instruments_is_not_believed():
    """Said once, it may be a mistake: nothing is given up."""
    answers = iter([LISTING, {"symbols": []}])

    def reply(target):
        return next(answers, LISTING) if "exchangeInfo" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("quotes", "status"), status_every_s=0.3) as listener,
    ):
        with trio.fail_after(10):
            while len(venue.asked) < 5:  # noqa: ASYNC110 - the script tells nobody
                await trio.sleep(0.05)
        assert venue.connections[0].streams == {"btcusdt@bookTicker"}
    assert [tick.state for tick in listener.of(Status)] == ["TRADING"]


@pytest.mark.parametrize("others", [True, False], ids=["one of several", "all"])
async def test_what_is_listed_again_is_subscribed_to_again(others):
    """What it would have brought meanwhile is a gap; that it was gone is told."""
    gone = False

    def reply(target):
        if "exchangeInfo" not in target:
            return None
        return {"symbols": LISTING["symbols"][1:] if others else []} if gone else LISTING

    names = ("BTC/USDT", "ETH/USDT") if others else ("BTC/USDT",)
    async with (
        scripted(reply) as venue,
        session(venue, *names, channels=("quotes",), status_every_s=0.3) as listener,
    ):
        await venue.quotes(1)
        await listener.until(lambda: listener.of(Quote))
        gone = True
        with trio.fail_after(10):
            while "btcusdt@bookTicker" in venue.connections[0].streams:  # noqa: ASYNC110 - the script tells nobody
                await trio.sleep(0.02)
            gone = False
            while "btcusdt@bookTicker" not in venue.connections[0].streams:  # noqa: ASYNC110 - as above
                await trio.sleep(0.02)
        await venue.quotes(10)
        await listener.until(lambda: len(listener.of(Quote)) == 2)
    (gap,) = listener.of(Gap)
    assert (gap.instrument, gap.channel) == ("BTC/USDT", "quotes")
    assert "BTC/USDT no more" in listener.told(VenueTrouble)[0].detail


# --- connections ----------------------------------------------------------------------------------------------------


async def test_a_shutdown_that_comes_before_its_successor_leaves_a_gap():
    """The old connection is gone before the new one carries anything: no rotation, but a connection that was lost."""
    async with (
        scripted() as venue,
        session(venue, "BTC/USDT", channels=("quotes", "trades"), overlap_s=1.0) as listener,
    ):
        await venue.quotes(1, 2)
        await listener.until(lambda: len(listener.of(Quote)) == 2)
        venue.accept_after_s = [1.0]
        await venue.say("!serverShutdown", E=1)
        await venue.quotes(3)
        await venue.connections[0].aclose(1001)
        with trio.fail_after(10):
            while len(venue.connections) < 2 or not venue.connections[1].streams:  # noqa: ASYNC110 - the script tells nobody
                await trio.sleep(0.02)
        await venue.quotes(10, 11)
        await listener.until(lambda: len(listener.of(Quote)) == 5)
        await listener.until(lambda: listener.told(ConnectionReplaced))
    kinds = [
        type(tick)
        for tick in listener.of(Quote, Gap)
        if tick in listener.of(Quote) or tick.channel == "quotes"
    ]
    assert kinds == [Quote, Quote, Quote, Gap, Quote, Quote]
    assert not listener.told(ConnectionRotated)


class Stuck(Listener):
    """An intake behind which somebody is slow: from a moment on it takes nothing."""

    def __init__(self, provider, *, keep_payloads=False):
        super().__init__(provider, keep_payloads=keep_payloads)
        self.gate = anyio.Event()
        self.gate.set()

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await self.gate.wait()
        await super().frames(payloads, recv_ns=recv_ns, mono_ns=mono_ns)


async def test_a_rotation_behind_a_slow_sink_keeps_within_a_bound(monkeypatch):
    """The new connection waits as the old one does: nothing piles up, and nothing is lost."""
    monkeypatch.setattr("ticktrail_binance.live.shard.MOST_KEPT", 1_000)
    async with (
        scripted() as venue,
        session(
            venue, "BTC/USDT", channels=("quotes",), overlap_s=1.0, rotate_after_s=1.0, listening=Stuck
        ) as listener,
    ):
        await venue.quotes(1)
        await listener.until(lambda: listener.of(Quote))
        listener.gate = anyio.Event()
        await venue.quotes(2)
        with trio.fail_after(10):
            while len(venue.connections) < 2 or not venue.connections[1].streams:  # noqa: ASYNC110 - the script tells nobody
                await trio.sleep(0.02)
        said = 2
        while said < 60_000:
            with trio.move_on_after(3) as patience:
                await venue.quotes(*range(said + 1, said + 501), on=1)
                said += 500
            if patience.cancelled_caught:
                break
        assert said < 60_000, "the venue was never held up, so that all of it is kept somewhere"
        listener.gate.set()
        await listener.until(lambda: len(listener.of(Quote)) >= said)
    found = [quote.update_id for quote in listener.of(Quote)]
    assert found == list(range(1, len(found) + 1))


async def test_a_garbled_id_in_a_rotation_hides_nothing():
    """The old connection's last word is what the new one has to pass, not its highest."""
    async with (
        scripted() as venue,
        session(venue, "BTC/USDT", channels=("quotes",), overlap_s=1.0) as listener,
    ):
        await venue.quotes(1, 2)
        await venue.say("!serverShutdown", E=1)
        with trio.fail_after(10):
            while len(venue.connections) < 2 or not venue.connections[1].streams:  # noqa: ASYNC110 - the script tells nobody
                await trio.sleep(0.02)
        await venue.quotes(2**61, 3, on=0)
        await venue.quotes(3, on=1)
        await listener.until(lambda: listener.told(ConnectionRotated))
        await venue.quotes(*range(4, 50))
        await listener.until(lambda: any(quote.update_id == 49 for quote in listener.of(Quote)))


# --- REST -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "header"),
    [
        (200, "X-MBX-USED-WEIGHT-1M: " + "9" * 400),
        (200, "X-MBX-USED-WEIGHT-1M: " + "9" * 5_000),
        (429, "Retry-After: Mon, 01 Jan 99999999999 00:00:00 GMT"),
    ],
    ids=["weight", "endless weight", "date"],
)
async def test_a_header_that_makes_no_sense_ends_nothing(status, header):
    """It says nothing, and the leg goes on."""

    def reply(target):
        return http(status, b"[]", header) if "Trades" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("trades",), repair_s=0.5) as listener,
    ):
        await venue.trades(1, 3)
        await listener.until(lambda: 3 in ids(listener))


async def test_a_ban_of_no_length_is_no_invitation():
    """``Retry-After: 0``: there is a pause all the same."""

    def reply(target):
        return http(429, b"", "Retry-After: 0") if "Trades" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("trades",), repair_s=3.0) as listener,
    ):
        await venue.trades(1, 3)
        await listener.until(lambda: 3 in ids(listener))
        assert len([target for target in venue.asked if "Trades" in target]) <= 5


async def test_the_watch_goes_on_while_the_venue_takes_no_questions():
    """A ban does not hide that another channel is mute: one that is sent at a fixed pace, whatever REST says."""

    def reply(target):
        return http(429, b"", "Retry-After: 60") if "rades" in target else None

    async with scripted(reply) as venue:
        settings = BinanceSettings(
            ws_url=venue.ws_url(),
            rest_url=venue.rest_url(),
            quiet_after_s={"trades": 0.3, "ticker": 1.5},
            **{**QUICK, "answer_s": 1.0},
        )
        provider = BinanceProvider(settings, context("BTC/USDT", channels=("trades", "ticker")))
        error = await fails(provider)
    assert error.cause == "silent"
    assert "nothing on btcusdt@ticker" in str(error)


def test_a_book_kept_from_all_this_says_when_it_is_unknown():
    """The book that a user keeps is unknown from the gap to the next snapshot."""
    reader = decoder("book")
    book = OrderBook("BTC/USDT")
    for tick in one_by_one(
        reader, difference(100, 101), snapshot(100), difference(102, 110, bids=[["15", "1"]])
    ):
        book.apply(tick)
    assert not book.is_known
    assert isinstance(tick, Gap)
    assert BookDelta is not type(tick)
