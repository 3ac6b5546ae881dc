"""Recorded markets over a loopback venue: every book in the end, and at every update on the way, is the true one."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import anyio
import anyio.lowlevel
import pytest

from recordings import recording
from ticktrail._host import Host
from ticktrail.book import OrderBook
from ticktrail.model import AggTrade, Bar, BookDelta, BookSnapshot, Gap, Quote, Trade
from ticktrail.plugin import ProviderContext
from ticktrail.testing import ManualClock
from ticktrail.testing.venue import Fault
from ticktrail_mock.replay import ReplayProvider, ReplaySettings
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.stage import digest, expected, instruments_of, market_of, session

pytestmark = pytest.mark.anyio

# What cryptofeed's own tests expect of these recordings, from the README beside them; where it gives two counts of a
# book, the first is with snapshots.
CALLBACKS = {
    "binance_futures/cf_binance_delivery_20210722.jsonl.gz": {
        "book": 1798,
        "quotes": 2240,
        "trades": 51,
        "bars": 33,
    },
    "binance_futures/cf_binance_futures_20210722.jsonl.gz": {
        "book": 756,
        "quotes": 613,
        "trades": 91,
        "bars": 67,
    },
    "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz": {"deltas": 2656, "trades": 1910, "bars": 118},
    "binance_spot/cf_binance_20211012.jsonl.gz": {"book": 176, "quotes": 84, "trades": 2, "bars": 2},
    "binance_spot/cf_binance_tr_20230410.jsonl.gz": {"book": 81, "quotes": 47, "bars": 8},
    "binance_spot/cf_binance_us_20211011.jsonl.gz": {"book": 336, "quotes": 128, "trades": 11, "bars": 5},
}
SMALL = tuple(CALLBACKS)
LARGE = (
    "binance_futures/hft_coinm_btcusd_perp_20240808-09.jsonl.gz",
    "binance_futures/hft_usdm_btcusdt_20240718-19.jsonl.gz",
    "binance_futures/hft_usdm_ethusdt_20240808.jsonl.gz",
    "binance_spot/hft_btcusdt_20240808-09.jsonl.gz",
)


class Played:
    """A recording and what is known of it."""

    def __init__(self, name):
        self.name = name
        self.tape = RecordingTape(recording(name))
        self.market = market_of(name, self.tape)
        self.books = expected(name)
        self.instruments = instruments_of(self.tape, self.market, self.books)
        self.depth_stream = next(m.stream for m in self.tape.messages() if "@depth" in m.stream).partition(
            "@"
        )[2]
        self.settings = {
            "market": self.market,
            "book_interval_ms": int(self.depth_stream.partition("@")[2].removesuffix("ms")),
        }
        self._truth = None

    @property
    def truth(self):
        """By instrument, every difference: its ids and levels."""
        if self._truth is None:
            self._truth = {instrument: {} for instrument in self.instruments.values()}
            for message in self.tape.messages():
                if "@depth" in message.stream:
                    data = json.loads(message.raw)["data"]
                    self._truth[self.instruments[data["s"]]][data["u"]] = data
        return self._truth

    def is_done(self, listener):
        """Whether the last difference of every symbol has come."""
        want = {self.instruments[symbol]: book["final_u"] for symbol, book in self.books.items()}
        latest = {}
        for tick in reversed(listener.got):
            if isinstance(tick, BookDelta | BookSnapshot):
                latest.setdefault(tick.instrument, tick.update_id)
                if len(latest) == len(want):
                    break
        return latest == want


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
async def test_every_book_ends_as_it_should(name):
    """Futures and spot, ten symbols or one, at full speed: the book of every symbol by its digest."""
    played = Played(name)
    async with (
        serve_binance(played.tape, speed="max", starts_at=len(played.instruments)) as venue,
        session(venue, *played.instruments.values(), channels=("book",), **played.settings) as listener,
    ):
        await listener.until(lambda: venue.ended.is_set() and played.is_done(listener), 60)
    books = {instrument: OrderBook(instrument) for instrument in played.instruments.values()}
    for tick in listener.got:
        book = books[tick.instrument]
        assert book.apply(tick) or tick.update_id == book.update_id
        assert not book.is_crossed
    assert {symbol: digest(books[name]) for symbol, name in played.instruments.items()} == {
        symbol: book["sha256"] for symbol, book in played.books.items()
    }
    assert not listener.of(Gap)
    assert len(listener.of(BookDelta)) == sum(book["diffs_applied"] for book in played.books.values())


class Kept:
    """An intake that decodes at once, as a leg does."""

    def __init__(self, provider):
        self._provider = provider
        self.ticks = []

    async def frames(self, payloads, *, recv_ns, mono_ns):
        await anyio.lowlevel.checkpoint()
        self.ticks += self._provider.decode(payloads, recv_ns)

    def tell(self, event):
        """Recordings hold more than their books."""


@pytest.mark.parametrize("name", [*SMALL, LARGE[0]])
async def test_a_replay_ends_with_the_same_books(name):
    """Without a venue: the recorded answers hold the snapshots."""
    played = Played(name)
    settings = ReplaySettings(path=str(recording(name)), speed="max", venue_settings=played.settings)
    host = Host.load()
    context = ProviderContext(
        name="leg",
        instruments=tuple(played.instruments.values()),
        channels=frozenset({"book"}),
        clock=ManualClock(),
        base_dir=Path(),
        registry=host,
    )
    provider = ReplayProvider(settings, context)
    kept = Kept(provider)
    await provider.run(kept, task_status=anyio.TASK_STATUS_IGNORED)
    books = {instrument: OrderBook(instrument) for instrument in played.instruments.values()}
    for tick in kept.ticks:
        assert isinstance(tick, BookSnapshot | BookDelta)
        books[tick.instrument].apply(tick)
    assert {symbol: digest(books[name]) for symbol, name in played.instruments.items()} == {
        symbol: book["sha256"] for symbol, book in played.books.items()
    }


@pytest.mark.parametrize("name", SMALL)
async def test_counts_are_those_that_others_expect(name):
    """Ticks of each channel, as many as another client's tests expect of the same recording."""
    played = Played(name)
    symbols = {message.stream.partition("@")[0].upper() for message in played.tape.messages()}
    instruments = instruments_of(played.tape, played.market, sorted(symbols))
    spot = played.market == "spot"
    channels = ("book", "quotes", "bars", "agg_trades" if spot else "trades")
    wanted = CALLBACKS[name]
    everything = len(channels) * len(instruments)
    async with (
        serve_binance(played.tape, speed="max", starts_at=everything) as venue,
        session(venue, *instruments.values(), channels=channels, final_bars_only=False,
                bar_interval="1m", **played.settings) as listener,
    ):  # fmt: skip
        await listener.until(
            lambda: (
                venue.ended.is_set()
                and played.is_done(listener)
                and len(listener.of(Quote)) >= wanted.get("quotes", 0)
                and len(listener.of(Bar)) >= wanted["bars"]
            )
        )
    names = {
        BookSnapshot: "book",
        BookDelta: "book",
        Quote: "quotes",
        Bar: "bars",
        Trade: "trades",
        AggTrade: "trades",
    }
    found = Counter(names[type(tick)] for tick in listener.got)
    if "deltas" in wanted:
        found["deltas"] = len(listener.of(BookDelta))
        del found["book"]
    assert found == wanted


def numbers(levels):
    return tuple((Decimal(price), Decimal(size)) for price, size in levels)


def check_against_the_truth(played, ticks):
    """Each snapshot is the true book at its id, each delta the venue's own, and none between was left out.

    In the end the book that somebody keeps from the ticks is the true one as deep as it is known, and each level beyond
    is true.
    """
    last = {}
    state = {name: ({}, {}, iter(())) for name in played.instruments.values()}
    for name in played.instruments.values():
        symbol = next(symbol for symbol, instrument in played.instruments.items() if instrument == name)
        first = played.tape.snapshots()[symbol]
        bids = {Decimal(p): Decimal(q) for p, q in first.bids}
        asks = {Decimal(p): Decimal(q) for p, q in first.asks}
        later = [data for u, data in played.truth[name].items() if u >= first.lastUpdateId]
        state[name] = [bids, asks, later, first.lastUpdateId]
    for tick in ticks:
        if isinstance(tick, Gap):
            last.pop(tick.instrument, None)
            continue
        bids, asks, later, known = state[tick.instrument]
        if isinstance(tick, BookSnapshot) and later and tick.update_id == known == later[0].get("u"):
            # The recorded snapshot as it was given: a future's event that ends there is applied after it.
            assert dict(tick.bids) == bids
            assert dict(tick.asks) == asks
            last[tick.instrument] = tick.update_id
            continue
        while later and later[0]["u"] <= tick.update_id:
            data = later.pop(0)
            known = data["u"]
            for side, levels in ((bids, data["b"]), (asks, data["a"])):
                for price, size in levels:
                    side[Decimal(price)] = Decimal(size)
                    if not Decimal(size):
                        del side[Decimal(price)]
        state[tick.instrument][3] = known
        if isinstance(tick, BookSnapshot):
            assert tick.update_id == known
            for shown, true, best in ((tick.bids, bids, max), (tick.asks, asks, min)):
                assert set(shown) <= set(true.items())
                if len(shown) < tick.depth:
                    assert len(shown) == len(true)
                else:
                    worst = shown[tick.depth - 1][0]
                    assert all(price in dict(shown) or best(price, worst) == worst for price in true)
        else:
            data = played.truth[tick.instrument][tick.update_id]
            assert (tick.bids, tick.asks) == (numbers(data["b"]), numbers(data["a"]))
            assert tick.instrument in last
            before = data.get("pu", data["U"] - 1)
            assert before <= last[tick.instrument]
        last[tick.instrument] = tick.update_id
    for name, (bids, asks, *_) in state.items():
        book = OrderBook(name)
        for tick in ticks:
            book.apply(tick)
        assert book.is_known
        for kept, beyond, true, worst_first in (
            (book.bids(), book.bids(beyond=True), bids, False),
            (book.asks(), book.asks(beyond=True), asks, True),
        ):
            best = sorted(true.items(), reverse=not worst_first)
            assert [tuple(level) for level in kept] == best[: len(kept)]
            assert {tuple(level) for level in beyond} <= set(best)
            assert kept


def three_places(played, seed):
    """Three differences that can be missed: after the book was published, and not the last of their symbol."""
    events = [json.loads(m.raw)["data"] for m in played.tape.messages() if "@depth" in m.stream]
    snapshots = played.tape.snapshots()
    last = {event["s"]: number for number, event in enumerate(events)}
    known, published = [], set()
    for number, event in enumerate(events):
        if event["s"] in published and number != last[event["s"]]:
            known.append(number)
        if event["u"] > snapshots[event["s"]].lastUpdateId:
            published.add(event["s"])
    places = sorted(Random(seed).sample(known, 3))
    return places, [events[place] for place in places]


async def lose_three(played, seed):
    """Play the recording without three differences; return what was lost and what came."""
    places, lost = three_places(played, seed)
    faults = [Fault(kind="skip", at_message=place, stream=played.depth_stream) for place in places]
    async with (
        serve_binance(played.tape, speed="max", faults=faults, starts_at=len(played.instruments)) as venue,
        session(venue, *played.instruments.values(), channels=("book",), **played.settings) as listener,
    ):
        await listener.until(lambda: venue.ended.is_set() and played.is_done(listener), 60)
    return lost, listener.of(BookSnapshot, BookDelta, Gap)


def check_losses(played, lost, ticks):
    """Every loss is in a gap, or in the time between one and the snapshot after it; the truth is never left."""
    check_against_the_truth(played, ticks)
    gaps = [tick for tick in ticks if isinstance(tick, Gap)]
    assert gaps
    assert {gap.cause for gap in gaps} == {"missing"}
    for event in lost:
        name = played.instruments[event["s"]]
        own = [tick for tick in ticks if tick.instrument == name]
        covered = False
        for number, tick in enumerate(own):
            if isinstance(tick, Gap):
                resynced = next(later for later in own[number:] if isinstance(later, BookSnapshot))
                covered |= tick.from_id <= event["u"] <= max(tick.to_id, resynced.update_id)
        assert covered
        assert event["u"] not in {tick.update_id for tick in own if isinstance(tick, BookDelta)}


async def lose_and_check(name, seed):
    played = Played(name)
    lost, ticks = await lose_three(played, seed)
    check_losses(played, lost, ticks)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seed", range(3))
async def test_lost_differences_leave_no_wrong_book(name, seed):
    """A gap, a resync, a right book in the end; at no time one that differs from the truth."""
    await lose_and_check(name, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALL, *LARGE])
@pytest.mark.parametrize("seed", range(50))
async def test_lost_differences_at_length(name, seed):
    """The same at fifty placings of every recording that holds a snapshot."""
    await lose_and_check(name, 1_000 + seed)
