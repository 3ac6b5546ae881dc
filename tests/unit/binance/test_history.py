"""Binance's archive: bars and trades of a period, page by page, whatever lies in it."""

import json
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from recordings import recording
from ticktrail.errors import PermanentError, TransientError
from ticktrail.plugin import Capabilities
from ticktrail.testing import HistoryCase, HistoryConformance
from ticktrail.testing.venue import Fault
from ticktrail_binance.plugin import ticktrail_providers
from ticktrail_binance.settings import BinanceSettings
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.stage import QUICK, context, instruments_of, market_of
from unit.binance.test_rest import answering, http
from unit.binance.test_session import tape

pytestmark = pytest.mark.anyio

MS, S = 1_000_000, 1_000_000_000
MINUTE = 60 * S
SPOT = "binance_spot/hft_btcusdt_20240808-09.jsonl.gz"
SPOT_AGGREGATES = "binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz"
FUTURES = "binance_futures/cf_binance_futures_20210722.jsonl.gz"
COINS = "binance_futures/cf_binance_delivery_20210722.jsonl.gz"


def spec():
    (found,) = ticktrail_providers()
    return found


@asynccontextmanager
async def history_at(venue, *instruments, channels=("trades", "agg_trades", "bars"), told=(), **settings):
    own = BinanceSettings(ws_url=venue.ws_url(), rest_url=venue.rest_url(), **{**QUICK, **settings})
    async with spec().history(own, context(*instruments, channels=channels), list(told).append) as history:
        yield history


class Recorded:
    """A recording whose trades are in the archive: the events themselves, by instrument."""

    def __init__(self, name):
        self.tape = RecordingTape(recording(name))
        self.market = market_of(name, self.tape)
        kind = "@trade" if name == SPOT else "@aggTrade"
        events = [json.loads(m.raw)["data"] for m in self.tape.messages() if m.stream.endswith(kind)]
        self.instruments = instruments_of(self.tape, self.market, sorted({event["s"] for event in events}))
        self.events = {
            name: [event for event in events if event["s"] == symbol]
            for symbol, name in self.instruments.items()
        }
        times = [event["T"] for event in events]
        self.first_ns, self.last_ns = min(times) * MS, max(times) * MS

    @asynccontextmanager
    async def history(self, **settings):
        async with (
            serve_binance(self.tape, archive=True) as venue,
            history_at(venue, *self.instruments.values(), market=self.market, **settings) as history,
        ):
            yield history


async def fetch(history, instrument, channel, start_ns, end_ns):
    """Every page to the last one."""
    pages, cursor = [], None
    while True:
        page = await history.page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        pages.append(page)
        cursor = page.cursor
        if cursor is None:
            return pages


def ticks(pages):
    return [tick for page in pages for tick in page.ticks]


def as_told(event, key):
    return (
        event[key],
        Decimal(event["p"]),
        Decimal(event["q"]),
        "sell" if event["m"] else "buy",
        event["T"] * MS,
    )


def as_found(trade):
    return trade.id, trade.price, trade.size, trade.side, trade.event_ns


@pytest.mark.parametrize(
    ("name", "channel", "key"),
    [
        (SPOT, "trades", "t"),
        (SPOT_AGGREGATES, "agg_trades", "a"),
        (FUTURES, "trades", "a"),
        (COINS, "trades", "a"),
    ],
)  # fmt: skip
async def test_every_trade_of_a_recording(name, channel, key):
    """Each instrument's, once, in order, with the venue's digits."""
    recorded = Recorded(name)
    async with recorded.history() as history:
        for instrument, events in recorded.events.items():
            found = ticks(await fetch(history, instrument, channel, recorded.first_ns, recorded.last_ns + MS))
            assert [as_found(trade) for trade in found] == [as_told(event, key) for event in events]
            assert all(trade.backfilled and trade.provider == "leg" for trade in found)


async def test_a_part_of_a_recording():
    """The period's beginning is in it, its end is not."""
    recorded = Recorded(SPOT)
    (instrument,) = recorded.instruments.values()
    events = recorded.events[instrument]
    start_ns, end_ns = events[5_000]["T"] * MS, events[9_000]["T"] * MS
    async with recorded.history() as history:
        pages = await fetch(history, instrument, "trades", start_ns, end_ns)
    wanted = [event["t"] for event in events if start_ns <= event["T"] * MS < end_ns]
    assert [trade.id for trade in ticks(pages)] == wanted
    assert len(wanted) > 3_000
    assert max(len(page.ticks) for page in pages) == 1_000
    through = [page.through_ns for page in pages]
    assert through == sorted(through)
    assert through[-1] == end_ns


@pytest.mark.parametrize("channel", ["trades", "agg_trades"])
async def test_hours_in_which_nothing_was_traded(channel):
    """They are passed over an hour at a time, to the first trade, or to the period's end."""
    recorded = Recorded(SPOT_AGGREGATES)
    instrument = "BTC/USDT"
    day_ns = 24 * 3_600 * S
    async with recorded.history() as history:
        before = await fetch(history, instrument, channel, recorded.first_ns - day_ns, recorded.first_ns)
        assert ticks(before) == []
        assert before[-1].through_ns == recorded.first_ns
        assert 24 <= len(before) <= 26
        pages = await fetch(
            history, instrument, "agg_trades", recorded.first_ns - day_ns, recorded.last_ns + day_ns
        )
    assert [trade.id for trade in ticks(pages)] == [event["a"] for event in recorded.events[instrument]]


async def test_bars_of_a_day():
    """Each minute's, once, in order, final, over more pages than one."""
    start_ns = 1_700_006_400 * S
    async with serve_binance(tape("BTC/USDT")) as venue, history_at(venue) as history:
        pages = await fetch(history, "BTC/USDT", "bars", start_ns, start_ns + 1_440 * MINUTE)
    bars = ticks(pages)
    assert [bar.start_ns for bar in bars] == [start_ns + number * MINUTE for number in range(1_440)]
    assert all(bar.final and bar.backfilled and bar.end_ns == bar.start_ns + MINUTE for bar in bars)
    assert {bar.trades for bar in bars} == {1}
    assert max(len(page.ticks) for page in pages) == 1_000


async def test_a_bar_that_is_not_over_is_left_out():
    """A period that ends now: the last minute will still change."""
    from time import time_ns  # noqa: PLC0415 - the one place of this file that needs the present

    now_ns = time_ns()
    async with serve_binance(tape("BTC/USDT")) as venue, history_at(venue) as history:
        bars = ticks(await fetch(history, "BTC/USDT", "bars", now_ns - 10 * MINUTE, now_ns))
    assert 9 <= len(bars) <= 11
    assert bars[-1].end_ns <= time_ns()


async def test_bars_of_other_lengths():
    """As the leg's settings have it."""
    start_ns = 1_700_006_400 * S
    async with serve_binance(tape("BTC/USDT")) as venue, history_at(venue, bar_interval="4h") as history:
        bars = ticks(await fetch(history, "BTC/USDT", "bars", start_ns, start_ns + 1_440 * MINUTE))
    assert {bar.end_ns - bar.start_ns for bar in bars} == {240 * MINUTE}


async def test_an_instrument_that_is_not_listed():
    """It is named before anything is fetched, with what comes near."""
    async with serve_binance(tape("BTC/USDT")) as venue:
        with pytest.raises(PermanentError, match='did you mean "BTC/USDT"'):
            async with history_at(venue, "BTC/USDC"):
                pass


async def test_a_venue_that_declines():
    """Its words are in the error, and what was asked."""
    async with serve_binance(tape("BTC/USDT")) as venue, history_at(venue) as history:
        await venue.do(Fault(kind="status", at_s=0, symbol="BTCUSDT", state=""))
        with pytest.raises(PermanentError, match="no history of BTC/USDT bars: HTTP status 400, code -1121"):
            await fetch(history, "BTC/USDT", "bars", 0, S)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="html", at_s=0, status=502),
        Fault(kind="refuse", at_s=0, status=503),
        Fault(kind="late_rest", at_s=0, for_s=5.0),
    ],
    ids=lambda fault: fault.kind,
)
async def test_a_venue_that_cannot_be_asked(fault):
    """Worth another try, from the same place."""
    start_ns = 1_700_006_400 * S
    async with (
        serve_binance(tape("BTC/USDT")) as venue,
        history_at(venue, answer_s=0.3, connect_s=0.3) as history,
    ):
        await venue.do(fault)
        with pytest.raises(TransientError):
            await fetch(history, "BTC/USDT", "bars", start_ns, start_ns + MINUTE)
        assert len(ticks(await fetch(history, "BTC/USDT", "bars", start_ns, start_ns + MINUTE))) == 1


LISTING = json.dumps(
    {"symbols": [{"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "TRADING"}]}
).encode()
FIRST = b'[{"a":1,"p":"1","q":"1","f":7,"l":7,"T":1700006400000,"m":true}]'


@pytest.mark.parametrize(
    ("channel", "rows"),
    [
        ("trades", b'[{"id":7,"price":"NaN","qty":"1","time":1700006400000,"isBuyerMaker":true}]'),
        ("trades", b'[{"id":7,"price":null,"qty":"1","time":1700006400000,"isBuyerMaker":true}]'),
        ("trades", b'[{"id":-7,"price":"1","qty":"1","time":1700006400000,"isBuyerMaker":true}]'),
        ("trades", b'[{"a":7}]'),
        ("bars", b'[[1700006400000,"1","1","NaN","1","1",1700006459999]]'),
    ],
)
async def test_rows_that_cannot_be_read(channel, rows):
    """No wrong tick: the error says what was asked, and nothing of the page is taken."""
    answers = [
        http(200, LISTING),
        http(200, b'{"serverTime":1}'),
        *([http(200, FIRST)] if channel == "trades" else []),
        http(200, rows),
    ]
    start_ns = 1_700_006_400 * S
    async with answering(*answers) as url:
        settings = BinanceSettings(ws_url="ws://127.0.0.1:1", rest_url=url, **QUICK)
        async with spec().history(settings, context(), [].append) as history:
            with pytest.raises(TransientError, match=r"makes no sense|cannot be read"):
                await fetch(history, "BTC/USDT", channel, start_ns, start_ns + MINUTE)


@pytest.mark.parametrize("market", ["spot", "usdm", "coinm"])
def test_what_is_declared(market):
    """Bars, trades, and of spot aggregate trades: of a future's there is one channel alone."""
    declared: Capabilities = spec().describe(BinanceSettings(market=market), None)
    assert declared.history == {"bars", "trades", "agg_trades"}


def case_of(name, *channels):
    """The kit's case over a recording."""
    recorded = Recorded(name)
    return HistoryCase(
        name="binance",
        leg="leg",
        instruments=list(recorded.instruments.values()),
        channels=channels,
        start_ns=recorded.first_ns,
        end_ns=recorded.last_ns + MS,
        live=recorded.history,
    )


class TestConformance(HistoryConformance):
    """The kit that every history has to pass."""

    @pytest.fixture(
        params=[
            (SPOT, "trades", "bars"),
            (SPOT_AGGREGATES, "agg_trades"),
            (FUTURES, "trades", "bars"),
            (COINS, "trades"),
        ],
        ids=lambda param: param[0].partition("/")[2].partition(".")[0],
    )
    def case(self, request):
        return case_of(*request.param)
