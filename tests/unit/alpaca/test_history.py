"""Alpaca's archive: trades, quotes and bars of a period, page by page, each row once and in order."""

import json
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.testing import HistoryCase, HistoryConformance, ManualClock
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.history import MOST_IDLE, check_history, open_history
from ticktrail_alpaca.hours import ALWAYS_OPEN
from ticktrail_alpaca.live.watch import watch
from ticktrail_alpaca.plugin import ticktrail_providers
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.spans import bar_end_ns
from unit.alpaca.rest_venue import (
    KEY_ID,
    SECRET_KEY,
    Archive,
    answering,
    context,
    http,
    ok,
    responses,
    serving,
    settings_of,
)

pytestmark = pytest.mark.anyio
NS_PER_S = 1_000_000_000
MINUTE = 60 * NS_PER_S
START = 1_700_000_040 * NS_PER_S  # a whole minute
PERIOD = {"start_ns": START, "end_ns": START + 60 * MINUTE}


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


@asynccontextmanager
async def history_at(venue, *instruments, clock=None, **settings):
    own = settings_of(venue.url, **settings)
    async with open_history(own, context(*instruments, clock=clock), _quiet) as history:
        yield history


def _quiet(level, event, fields):
    """What a leg says of its talks is not what these tests are about."""


async def fetch(history, instrument, channel, start_ns, end_ns, cursor=None):
    """Every page to the last one."""
    pages = []
    while len(pages) < 100:
        page = await history.page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        pages.append(page)
        cursor = page.cursor
        if cursor is None:
            return pages
    raise AssertionError("the pages have no end")


def ticks(pages):
    return [tick for page in pages for tick in page.ticks]


def moment(at_ns):
    return f"{datetime.fromtimestamp(at_ns // NS_PER_S, ZoneInfo('UTC')):%Y-%m-%dT%H:%M:%S}.{at_ns % NS_PER_S:09d}Z"


def trade(offset_ns, number=1, **more):
    return {"t": moment(START + offset_ns), "p": 1.5, "s": 2, "i": number, "x": "V", **more}


def page_of(kind, symbol, rows, token=None):
    return ok({kind: {symbol: rows} if rows else {}, "next_page_token": token})


def rows_of(raw, kind, symbol):
    """The recorded rows, read by another parser than the plugin's, with the digits that are written."""
    return json.loads(raw, parse_float=Decimal)[kind].get(symbol, [])


AS_TOLD = {
    "trades": lambda row: (
        f"{row['x']}:{row['i']}" if "x" in row else str(row["i"]),
        row["p"],
        row["s"],
        {"B": "buy", "S": "sell"}.get(row.get("tks")),
        moment_ns(row["t"]),
    ),
    "quotes": lambda row: (row["bp"], row["bs"], row["ap"], row["as"], moment_ns(row["t"])),
    "bars": lambda row: (row["o"], row["h"], row["l"], row["c"], row["v"], row["n"], moment_ns(row["t"])),
}
AS_FOUND = {
    "trades": lambda tick: (tick.id, tick.price, tick.size, tick.side, tick.event_ns),
    "quotes": lambda tick: (
        tick.bid_price,
        tick.bid_size,
        tick.ask_price,
        tick.ask_size,
        tick.event_ns,
    ),
    "bars": lambda tick: (
        tick.open,
        tick.high,
        tick.low,
        tick.close,
        tick.volume,
        tick.trades,
        tick.start_ns,
    ),
}


@pytest.mark.parametrize(
    ("kind", "symbol", "lines", "settings"),
    [
        ("quotes", "IBM", ["295", "299"], {}),
        ("bars", "META", ["480", "483", None], {"bar_timeframe": "1Day"}),
        ("trades", "SUSHI/USD", ["917", "919", "921"], {"market": "crypto"}),
        ("trades", "BTC/USD", ["885", None], {"market": "crypto"}),
        ("trades", "AAPL", ["156", None], {}),
        ("bars", "AMZN", ["451"], {"bar_timeframe": "15Min"}),
        ("bars", "BCH/USD", ["973"], {"market": "crypto"}),
    ],
)
async def test_recorded_chains_of_pages(kind, symbol, lines, settings):
    """Each row once, in order, with the venue's digits; each page is asked for by the token of the one before."""
    told = responses()
    last = json.dumps({kind: {}, "next_page_token": None}).encode()
    raws = [last if line is None else told[line] for line in lines]
    rows = [row for raw in raws for row in rows_of(raw, kind, symbol)]
    times = [moment_ns(row["t"]) for row in rows]
    async with answering(*map(ok, raws)) as venue, history_at(venue, symbol, **settings) as history:
        pages = await fetch(history, symbol, kind, min(times), max(times) + 1)
    found = ticks(pages)
    assert [AS_FOUND[kind](tick) for tick in found] == [AS_TOLD[kind](row) for row in rows]
    assert all(tick.backfilled and tick.provider == "leg" and tick.instrument == symbol for tick in found)
    tokens = [json.loads(raw)["next_page_token"] for raw in raws]
    assert [asked.params.get("page_token") for asked in venue.asked] == [None, *tokens[:-1]]
    assert {asked.params["sort"] for asked in venue.asked} == {"asc"}
    assert [page.through_ns for page in pages] == sorted(page.through_ns for page in pages)
    assert pages[-1].through_ns == max(times) + 1


async def test_the_seam_of_two_periods():
    """A trade at the very nanosecond of an end belongs to the period that begins there, whatever the venue includes."""
    rows = [trade(number, number) for number in range(10)]
    archive = Archive({("trades", "AAPL"): rows})
    async with serving(archive.answer) as venue, history_at(venue, page_rows=3) as history:
        for seam in range(1, 10):
            before = ticks(await fetch(history, "AAPL", "trades", START, START + seam))
            after = ticks(await fetch(history, "AAPL", "trades", START + seam, START + 10))
            assert [tick.id for tick in before + after] == [f"V:{number}" for number in range(10)]
            assert len(before) == seam


async def test_rows_that_are_not_of_the_period():
    """A venue that gives more than was asked for does not put it into the feed."""
    rows = [trade(-1, 1), trade(0, 2), trade(60 * MINUTE - 1, 3), trade(60 * MINUTE, 4)]
    async with answering(page_of("trades", "AAPL", rows)) as venue, history_at(venue) as history:
        found = ticks(await fetch(history, "AAPL", "trades", **PERIOD))
    assert [tick.id for tick in found] == ["V:2", "V:3"]


async def test_rows_out_of_order_within_a_page():
    """They are put in order; those of one moment stay as the venue has them."""
    rows = [trade(5, 1), trade(3, 2), trade(5, 3), trade(3, 4)]
    async with answering(page_of("trades", "AAPL", rows)) as venue, history_at(venue) as history:
        found = ticks(await fetch(history, "AAPL", "trades", **PERIOD))
    assert [tick.id for tick in found] == ["V:2", "V:4", "V:1", "V:3"]


async def test_trades_that_no_longer_stand():
    """Cancelled and replaced ones are left out and counted; a corrected one is given."""
    rows = [
        trade(1, 1),
        trade(2, 2, u="canceled"),
        trade(3, 3, u="incorrect"),
        trade(4, 4, u="corrected"),
        trade(5, 5, u="something new"),
    ]
    async with answering(page_of("trades", "AAPL", rows)) as venue, history_at(venue) as history:
        found = ticks(await fetch(history, "AAPL", "trades", **PERIOD))
        assert history.left_out == 2
    assert [tick.id for tick in found] == ["V:1", "V:4", "V:5"]


async def test_recorded_trades_that_were_cancelled():
    """The venue's own page of them gives no tick, and is a page all the same."""
    raw = responses()["228"]
    times = [moment_ns(row["t"]) for row in rows_of(raw, "trades", "A")]
    async with answering(ok(raw)) as venue, history_at(venue, "A") as history:
        pages = await fetch(history, "A", "trades", min(times), max(times) + 1)
        assert history.left_out == 2
    assert ticks(pages) == []
    assert len(venue.asked) == 1


@pytest.mark.parametrize("loop", [["a", "a"], ["a", "b", "a"], ["a", "b", "c", "b"]])
async def test_tokens_that_lead_in_a_circle(loop):
    """The history ends with an error before a page comes twice."""
    answers = [page_of("trades", "AAPL", [trade(at, at)], token) for at, token in enumerate(loop)]
    async with answering(*answers) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="lead in a circle") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"
    assert len(venue.asked) == len(loop)


async def test_a_circle_in_another_run():
    """A cursor from elsewhere is known as well."""
    async with answering(page_of("trades", "AAPL", [trade(1)], "a")) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="lead in a circle"):
            await fetch(history, "AAPL", "trades", **PERIOD, cursor="a")


async def test_the_same_page_may_be_asked_for_again():
    """Who was interrupted asks again, and that is no circle."""
    rows = [trade(number, number) for number in range(6)]
    archive = Archive({("trades", "AAPL"): rows})
    async with serving(archive.answer) as venue, history_at(venue, page_rows=2) as history:
        first = await history.page("AAPL", "trades", **PERIOD, cursor=None)
        await fetch(history, "AAPL", "trades", **PERIOD, cursor=first.cursor)
        again = await history.page("AAPL", "trades", **PERIOD, cursor=None)
        await history.page("AAPL", "trades", **PERIOD, cursor=again.cursor)
        rest = await fetch(history, "AAPL", "trades", **PERIOD, cursor=again.cursor)
    assert [tick.id for tick in ticks([first, *rest])] == [f"V:{number}" for number in range(6)]


async def test_a_page_that_goes_back_in_time():
    """The same rows under a new token, or others out of order: an error, since what was complete was not."""
    answers = [
        page_of("trades", "AAPL", [trade(5, 1), trade(6, 2)], "a"),
        page_of("trades", "AAPL", [trade(5, 1), trade(6, 2)], "b"),
    ]
    async with answering(*answers) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="begins before the end of the one before it") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"


async def test_empty_pages_with_a_token():
    """They are gone through, and the period stays complete as far as it was."""
    answers = [
        page_of("trades", "AAPL", [trade(1, 1)], "a"),
        page_of("trades", "AAPL", [], "b"),
        page_of("trades", "AAPL", [], "c"),
        page_of("trades", "AAPL", [trade(2, 2)]),
    ]
    async with answering(*answers) as venue, history_at(venue) as history:
        pages = await fetch(history, "AAPL", "trades", **PERIOD)
    assert [tick.id for tick in ticks(pages)] == ["V:1", "V:2"]
    assert [page.through_ns - START for page in pages] == [1, 1, 1, 60 * MINUTE]


async def test_nothing_but_empty_pages():
    """So many in a row, and then the caller may try again from the same place."""

    async def empty(asked, stream):
        return page_of("trades", "AAPL", [], f"t{len(venue.asked)}")

    async with serving(empty) as venue, history_at(venue) as history:
        with pytest.raises(TransientError, match=f"{MOST_IDLE} pages in a row"):
            await fetch(history, "AAPL", "trades", **PERIOD)
        assert len(venue.asked) == MOST_IDLE + 1
        cursor = f"t{MOST_IDLE}"
        assert (await history.page("AAPL", "trades", **PERIOD, cursor=cursor)).cursor is not None


@pytest.mark.parametrize(
    "row", [trade(5, 7), trade(-5, 7), trade(5, 7, u="canceled")], ids=["same", "outside", "void"]
)
async def test_pages_that_lead_nowhere(row):
    """The same row again, or one from beside the period, each time with a new token: an error ends it."""

    async def nowhere(asked, stream):
        return page_of("trades", "AAPL", [row], f"t{len(venue.asked)}")

    settings = {"requests_per_minute": 10_000}
    async with serving(nowhere) as venue, history_at(venue, **settings) as history:
        with pytest.raises(PermanentError, match=f"{MOST_IDLE} pages in a row bring nothing new") as caught:
            await fetch(history, "AAPL", "trades", **PERIOD)
    assert caught.value.cause == "defect"
    assert len(venue.asked) <= MOST_IDLE + 2


async def test_many_pages_of_one_moment():
    """As long as each brings another row, they lead on; cancelled trades are rows as well."""
    voids = {"u": "canceled"}
    rows = [trade(5, number) for number in range(30)] + [
        trade(6 + number, number, **voids) for number in range(30)
    ]
    archive = Archive({("trades", "AAPL"): rows})
    settings = {"page_rows": 1, "requests_per_minute": 10_000}
    async with serving(archive.answer) as venue, history_at(venue, **settings) as history:
        pages = await fetch(history, "AAPL", "trades", **PERIOD)
        assert [tick.id for tick in ticks(pages)] == [f"V:{number}" for number in range(30)]
        cursor = pages[2].cursor
        assert len(ticks(await fetch(history, "AAPL", "trades", **PERIOD, cursor=cursor))) == 27


async def test_a_period_in_which_nothing_happened():
    """It is complete, once the venue shows that it knows the symbol."""
    archive = Archive({}, known=["AAPL"])
    async with serving(archive.answer) as venue, history_at(venue) as history:
        (page,) = await fetch(history, "AAPL", "trades", **PERIOD)
    assert (page.ticks, page.through_ns, page.cursor) == ([], PERIOD["end_ns"], None)
    assert [asked.path for asked in venue.asked] == ["/v2/stocks/trades", "/v2/stocks/snapshots"]


@pytest.mark.parametrize("settings", [{}, {"market": "crypto"}])
async def test_a_symbol_that_there_is_not(settings):
    """The venue says nothing of it; the error does, in place of an empty file."""
    symbol = "BTC/XYZ" if settings else "AAPLE"
    async with serving(Archive({}).answer) as venue, history_at(venue, symbol, **settings) as history:
        with pytest.raises(PermanentError, match="check how it is written") as caught:
            await fetch(history, symbol, "trades", **PERIOD)
    assert symbol in str(caught.value)


async def test_a_plan_that_has_the_past_alone():
    """Where the venue does not let us ask for the newest, an empty period is taken as it is."""
    answers = [page_of("trades", "AAPL", []), http(403, b'{"message":"subscription does not permit"}')]
    async with answering(*answers) as venue, history_at(venue, feed="sip") as history:
        assert ticks(await fetch(history, "AAPL", "trades", **PERIOD)) == []


async def test_a_bar_that_is_not_over_is_left_out():
    """It will still change; the page that has it is the last."""
    rows = [
        {"t": moment(START + number * MINUTE), "o": 1, "h": 2, "l": 1, "c": 2, "v": 0} for number in range(3)
    ]
    clock = ManualClock(START + 2 * MINUTE + 30 * NS_PER_S)
    answer = page_of("bars", "AAPL", rows, "more")
    async with answering(answer) as venue, history_at(venue, clock=clock) as history:
        (page,) = await fetch(history, "AAPL", "bars", **PERIOD)
    assert [bar.start_ns for bar in page.ticks] == [START, START + MINUTE]
    assert all(bar.final and bar.event_ns == bar.end_ns == bar.start_ns + MINUTE for bar in page.ticks)


def test_where_bars_end():
    """Minutes and hours by their length; days, weeks and months at midnight by the clocks of the market."""

    def end(begin, timeframe, market="stocks", zone="America/New_York"):
        start = datetime.fromisoformat(begin).replace(tzinfo=ZoneInfo(zone))
        end_ns = bar_end_ns(int(start.timestamp()) * NS_PER_S, timeframe, market)
        return f"{datetime.fromtimestamp(end_ns // NS_PER_S, ZoneInfo(zone)):%Y-%m-%dT%H:%M}"

    assert end("2026-11-25T09:30", "5Min") == "2026-11-25T09:35"
    assert end("2026-11-25T09:00", "4Hour") == "2026-11-25T13:00"
    assert end("2026-03-08", "1Day") == "2026-03-09T00:00"  # of 23 hours
    assert end("2026-11-01", "1Day") == "2026-11-02T00:00"  # of 25
    assert end("2026-10-26", "1Week") == "2026-11-02T00:00"
    assert end("2026-11-01", "3Month") == "2027-02-01T00:00"
    assert end("2026-01-01", "12Month") == "2027-01-01T00:00"
    assert end("2026-03-08", "1Day", "crypto", "UTC") == "2026-03-09T00:00"
    assert end("2021-12-08", "1Day", "crypto", "America/Chicago") == "2021-12-09T00:00"
    assert end("2026-03-08", "1Day", "crypto", "America/Chicago") == "2026-03-09T00:00"
    assert end("2026-03-08T03:00", "1Day", "crypto", "UTC") == "2026-03-09T03:00"  # nobody's midnight
    with pytest.raises(ValueError, match="a timeframe of"):
        bar_end_ns(0, "1Fortnight", "stocks")


@given(
    start_s=st.integers(1_450_000_000, 2_000_000_000),
    timeframe=st.sampled_from(["1Min", "59Min", "1Hour", "23Hour", "1Day", "1Week", "1Month", "12Month"]),
    market=st.sampled_from(["stocks", "crypto"]),
)
def test_every_bar_ends_after_it_begins(start_s, timeframe, market):
    """Wherever it begins, and on whatever day."""
    length_s = bar_end_ns(start_s * NS_PER_S, timeframe, market) // NS_PER_S - start_s
    assert 0 < length_s <= 367 * 86_400


@pytest.mark.parametrize(
    ("channel", "row"),
    [
        ("trades", {"t": "yesterday", "p": 1, "s": 1, "i": 1}),
        ("trades", {"t": moment(START), "p": float("nan"), "s": 1, "i": 1}),
        ("trades", {"t": moment(START), "p": "1", "s": 1, "i": 1}),
        ("trades", {"t": moment(START), "p": 1, "s": 1}),
        ("quotes", {"t": moment(START), "bp": 1, "bs": 1, "ap": float("inf"), "as": 1}),
        ("bars", {"t": moment(START), "o": 1, "h": 1, "l": 1, "c": None, "v": 1}),
    ],
)
async def test_rows_that_cannot_be_read(channel, row):
    """No wrong tick: the error says what was asked, and nothing of the page is taken."""
    async with answering(page_of(channel, "AAPL", [row])) as venue, history_at(venue) as history:
        with pytest.raises((PermanentError, TransientError)):
            await fetch(history, "AAPL", channel, **PERIOD)


async def test_a_venue_that_declines():
    """Its words are in the error, and what was asked."""
    answer = http(400, b'{"message":"invalid start: too far in the past"}')
    async with answering(answer) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match="status 400, code 0: invalid start: too far"):
            await fetch(history, "AAPL", "trades", **PERIOD)


@pytest.mark.parametrize(
    "fault",
    [
        http(500),
        http(200, b"<html>maintenance</html>"),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
    ],
    ids=["500", "html", "nothing", "cut"],
)
async def test_a_venue_that_cannot_be_asked(fault):
    """Worth another try, from the same place."""
    rows = [trade(1, 1)]
    answers = [page_of("trades", "AAPL", rows, "a"), fault, page_of("trades", "AAPL", [trade(2, 2)])]
    async with answering(*answers) as venue, history_at(venue) as history:
        first = await history.page("AAPL", "trades", **PERIOD, cursor=None)
        with pytest.raises(TransientError):
            await history.page("AAPL", "trades", **PERIOD, cursor=first.cursor)
        second = await history.page("AAPL", "trades", **PERIOD, cursor=first.cursor)
    assert [tick.id for tick in ticks([first, second])] == ["V:1", "V:2"]


@pytest.mark.parametrize(
    ("settings", "instrument", "says"),
    [
        ({}, "AAPL", 'market = "stocks" has no history without a key: write key_id'),
        ({"feed": "test"}, "AAPL", "without a key"),
        ({"market": "crypto"}, "BTCUSD", "is no pair"),
    ],
)
async def test_settings_that_have_no_history(settings, instrument, says):
    """It is said before anything is asked, with what to write."""
    own = AlpacaSettings(**settings)
    with pytest.raises(ConfigError, match=says):
        check_history(own, context(instrument))
    with pytest.raises(PermanentError, match=says):
        async with open_history(own, context(instrument), _quiet):
            pass


async def test_feeds_without_a_history():
    """The streams of the night and of the test symbol have none; those that have one are named."""
    for feed in ("overnight", "test"):
        with pytest.raises(PermanentError, match=f'feed = "{feed}" has no history'):
            async with open_history(settings_of("http://127.0.0.1:1", feed=feed), context(), _quiet):
                pass


@pytest.mark.parametrize(
    ("settings", "has_history", "has_latest"),
    [
        ({}, True, True),
        ({"feed": "delayed_sip"}, True, True),
        ({"feed": "overnight"}, False, True),
        ({"feed": "test"}, False, False),
        ({"key_id": None, "secret_key": None}, False, False),
        ({"market": "crypto", "feed": "eu-1", "key_id": None, "secret_key": None}, True, True),
    ],
)
def test_what_a_leg_says_that_it_can(settings, has_history, has_latest):
    """It declares a history, and that it mends gaps, where it has the key and the feed has a past."""
    own = settings_of("http://127.0.0.1:1", **settings)
    assert (own.has_history, own.has_latest) == (has_history, has_latest)
    (spec,) = ticktrail_providers()
    told = spec.describe(own, None)
    assert bool(told.history) is has_history
    assert told.heals == (frozenset({"trades"}) if has_history else frozenset())


class Looked:
    """A connection that is looked at."""

    def __init__(self):
        self.times = 0

    def look(self):
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


def recorded_archive(market):
    """What is recorded of a market, as an archive: trades, quotes and bars of some symbols."""
    told = responses()
    lines = {
        "stocks": [("trades", "AAPL", "trades.json.gz"), ("quotes", "IBM", "295"), ("quotes", "BA", "354"),
                   ("bars", "AMZN", "451")],
        "crypto": [("trades", "SUSHI/USD", "917"), ("trades", "BAT/USD", "915"), ("bars", "BCH/USD", "973")],
    }  # fmt: skip
    files = {name.rpartition("/")[2]: raw for name, raw in told.items()}
    return {(kind, symbol): json.loads(files[line])[kind][symbol] for kind, symbol, line in lines[market]}


def case_of(market):
    """The kit's case over what is recorded of a market."""
    rows = recorded_archive(market)
    times = [moment_ns(row["t"]) for series in rows.values() for row in series]
    symbols = sorted({symbol for _, symbol in rows})

    @asynccontextmanager
    async def live():
        settings = {"market": market, "page_rows": 2, "bar_timeframe": "15Min", "requests_per_minute": 10_000}
        async with (
            serving(Archive(rows).answer) as venue,
            history_at(venue, *symbols, **settings) as history,
        ):
            yield history

    return HistoryCase(
        name="alpaca",
        leg="leg",
        instruments=symbols,
        channels=["trades", "quotes", "bars"],
        start_ns=min(times),
        end_ns=max(times) + 1,
        live=live,
    )


class TestConformance(HistoryConformance):
    """The kit that every history has to pass."""

    @pytest.fixture(params=["stocks", "crypto"])
    def case(self, request):
        return case_of(request.param)
