"""Alpaca's archive: what its trades, quotes and bars become, and when there is none."""

import json
from contextlib import asynccontextmanager

import pytest

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.testing import HistoryCase, HistoryConformance, ManualClock
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.history import check_history, open_history
from ticktrail_alpaca.plugin import ticktrail_providers
from ticktrail_alpaca.settings import AlpacaSettings
from unit.alpaca.history_stage import (
    MINUTE,
    NS_PER_S,
    PERIOD,
    START,
    fetch,
    history_at,
    moment,
    page_of,
    quiet,
    rows_of,
    ticks,
    trade,
)
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


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


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


@pytest.mark.parametrize(
    ("channel", "row", "says"),
    [
        ("trades", {"p": 0, "s": 1, "i": 7, "x": "V"}, "its trade V:7 of .*: 1 at 0 is no trade"),
        ("trades", {"p": -1.5, "s": 1, "i": 7, "x": "V"}, "its trade V:7 of .*: 1 at -1.5 is no trade"),
        ("trades", {"p": 1.5, "s": -1, "i": 7, "x": "V"}, "its trade V:7 of .*: -1 at 1.5 is no trade"),
        ("trades", {"p": 1e40, "s": 1, "i": 7, "x": "V"}, "its trade V:7 of .* the exponent 40"),
        ("quotes", {"bp": -1, "bs": 1, "ap": 1, "as": 1}, "its quote of .* less than 0"),
        ("quotes", {"bp": 1, "bs": 1, "ap": 1, "as": -1}, "its quote of .* less than 0"),
        ("bars", {"o": 1, "h": 2, "l": 0, "c": 1, "v": 1}, "its bar of .* between 0 and 2"),
        ("bars", {"o": 1, "h": 2, "l": 1, "c": 3, "v": 1}, "its bar of .* from 1 to 3"),
        ("bars", {"o": 1, "h": 2, "l": 1, "c": 1, "v": -1}, "its bar of .* a volume of -1"),
    ],
)
async def test_rows_that_cannot_be(channel, row, says):
    """No trade is at a price of 0 or less, as no message of the stream is; the error names the row."""
    answer = page_of(channel, "AAPL", [{"t": moment(START), **row}])
    async with answering(answer) as venue, history_at(venue) as history:
        with pytest.raises(PermanentError, match=says):
            await fetch(history, "AAPL", channel, **PERIOD)


async def test_an_empty_side_of_a_quote_and_a_bar_without_volume_are_good():
    """The venue writes both."""
    quote = {"t": moment(START), "bp": 0, "bs": 0, "ap": 1.5, "as": 1}
    bar = {"t": moment(START), "o": 1, "h": 1, "l": 1, "c": 1, "v": 0}
    for channel, row in (("quotes", quote), ("bars", bar)):
        async with answering(page_of(channel, "AAPL", [row])) as venue, history_at(venue) as history:
            assert len(ticks(await fetch(history, "AAPL", channel, **PERIOD))) == 1


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
        async with open_history(own, context(instrument), quiet):
            pass


async def test_feeds_without_a_history():
    """The streams of the night and of the test symbol have none; those that have one are named."""
    for feed in ("overnight", "test"):
        with pytest.raises(PermanentError, match=f'feed = "{feed}" has no history'):
            async with open_history(settings_of("http://127.0.0.1:1", feed=feed), context(), quiet):
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
