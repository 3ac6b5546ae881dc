"""The loopback Alpaca's past by REST: pages, keys, limits, and what goes wrong there."""

import json

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.memory import Row
from ticktrail_mock.venue.alpaca.pages import Position, page_of
from ticktrail_mock.venue.alpaca.tape import RecordingAlpacaTape
from unit.mock.alpaca_stage import (
    KEYS,
    MARKETS,
    Tape,
    connect,
    record,
    rest,
)

pytestmark = pytest.mark.anyio


SYMBOLS = st.sampled_from(["A", "B", "C", "D"])
ROWS = st.dictionaries(SYMBOLS, st.lists(st.integers(0, 20), max_size=12))


@given(ROWS, st.integers(1, 15), st.booleans())
def test_pages_are_the_rows_once(times, limit, descending):
    """However many have the same time, in either direction; all pages but the last are full."""
    rows = {
        symbol: sorted(Row(time_ns, number, b"") for number, time_ns in enumerate(of))
        for symbol, of in times.items()
    }
    pages, after = [], None
    while not pages or after is not None:
        page = page_of(rows, limit=limit, after=after, descending=descending)
        pages.append([(symbol, row) for symbol, of in page.rows.items() for row in of])
        after = None if page.end is None else Position.of(page.end.token)
    assert [row for page in pages for row in page] == [
        (symbol, row) for symbol in sorted(rows) for row in sorted(rows[symbol], reverse=descending)
    ]
    assert all(len(page) == limit for page in pages[:-1])


# REST


async def all_pages(client, path, **params):
    """Every page of a request."""
    pages = []
    while True:
        answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        if pages[-1]["next_page_token"] is None:
            return pages
        params["page_token"] = pages[-1]["next_page_token"]
        assert len(pages) < 500


def rows_of(pages, channel):
    rows = {}
    for page in pages:
        for symbol, of in page[channel].items():
            rows.setdefault(symbol, []).extend(of)
    return rows


def expected_rows(messages, channel):
    rows = {}
    for message in messages:
        event = json.loads(message.raw)
        if message.stream.endswith(f"@{channel}"):
            rows.setdefault(event["S"], []).append({k: v for k, v in event.items() if k not in "TS"})
    return rows


def archive(tmp_path, market="stocks", count=1_500):
    """A finite tape, and its messages."""
    messages = list(Tape(market, ends_after=count).messages())
    return RecordingAlpacaTape(record(tmp_path / "day.jsonl", messages)), messages


BASE = {"stocks": "/v2/stocks/", "crypto": "/v1beta3/crypto/us/"}


@MARKETS
@pytest.mark.parametrize("channel", ["trades", "quotes", "bars"])
@pytest.mark.parametrize("limit", [7, 100, 10_000])
async def test_pages_have_each_row_once(tmp_path, market, channel, limit):
    """Over several symbols, full to the limit, the last one without a token; backwards as forwards."""
    tape, messages = archive(tmp_path, market)
    expected = expected_rows(messages, channel)
    symbols = ",".join(reversed(tape.symbols()))
    params = {"symbols": symbols, "limit": limit, "timeframe": "1Min"}
    async with (
        serve_alpaca(tape, archive=True, requests_per_minute=10_000) as venue,
        rest(venue, "/x") as client,
    ):
        pages = await all_pages(client, BASE[market] + channel, **params)
        assert rows_of(pages, channel) == expected
        assert all(sum(map(len, page[channel].values())) == limit for page in pages[:-1])
        assert sum(map(len, pages[-1][channel].values())) <= limit
        assert any(len(page[channel]) == 2 for page in pages) or limit < 10_000
        backwards = rows_of(await all_pages(client, BASE[market] + channel, sort="desc", **params), channel)
        assert backwards == {symbol: list(reversed(rows)) for symbol, rows in expected.items()}
        assert len(venue.asked("/x")) == 2 * len(pages)
        assert venue.asked("/x")[0].what.startswith(BASE[market][1:] + channel + "?symbols=")


async def test_a_period(tmp_path):
    """From and to, both ends included; days, zones and nanoseconds are read."""
    tape, messages = archive(tmp_path)
    rows = expected_rows(messages, "trades")["AAPL"]
    first, last = rows[20]["t"], rows[40]["t"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        for start in (first, first.replace("Z", "+00:00")):
            answer = await client.get(
                "/v2/stocks/trades", params={"symbols": "AAPL", "start": start, "end": last}
            )
            assert answer.json() == {"trades": {"AAPL": rows[20:41]}, "next_page_token": None}
        day = rows[0]["t"][:10]
        answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL", "end": day})
        assert answer.json() == {"trades": {}, "next_page_token": None}
        answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL,GONE", "start": day})
        assert answer.json()["trades"] == {"AAPL": rows}


@pytest.mark.parametrize(
    ("timeframe", "starts"),
    [
        ("1Day", "2026-07-14T00:00:00Z"),
        ("1Week", "2026-07-13T00:00:00Z"),
        ("1Month", "2026-07-01T00:00:00Z"),
        ("6Month", "2026-07-01T00:00:00Z"),
        ("12Month", "2026-01-01T00:00:00Z"),
    ],
)
async def test_longer_bars(tmp_path, timeframe, starts):
    """Made of the minutes: open of the first, close of the last, the extremes and the sum."""
    tape, messages = archive(tmp_path)
    minutes = expected_rows(messages, "bars")["AAPL"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": timeframe})
        (bar,) = answer.json()["bars"]["AAPL"]
    assert bar["t"] == starts
    assert (bar["o"], bar["c"]) == (minutes[0]["o"], minutes[-1]["c"])
    assert bar["h"] == max(minute["h"] for minute in minutes)
    assert bar["l"] == min(minute["l"] for minute in minutes)
    assert bar["v"] == sum(minute["v"] for minute in minutes)
    assert bar["n"] == sum(minute["n"] for minute in minutes)
    assert bar["l"] <= bar["vw"] <= bar["h"]


async def test_bars_of_some_minutes(tmp_path):
    """Each begins at a whole one; together they have all that was traded; other lengths are told."""
    tape, messages = archive(tmp_path)
    minutes = expected_rows(messages, "bars")["AAPL"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": "5Min"})
        bars = answer.json()["bars"]["AAPL"]
        for wrong in ("1Moon", "0Min", ""):
            refused = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": wrong})
            assert (refused.status_code, "timeframe" in refused.json()["message"]) == (400, True)
    assert 1 < len(bars) < len(minutes)
    assert all(int(bar["t"][14:16]) % 5 == 0 for bar in bars)
    assert sum(bar["v"] for bar in bars) == sum(minute["v"] for minute in minutes)


@MARKETS
async def test_what_was_sent_can_be_asked_for(market):
    """Without an archive, a path knows what it was sent, and nothing before; latest and snapshots are the newest."""
    tape = Tape(market, ends_after=600)
    symbols = ",".join(tape.symbols())
    kinds = ["trades", "quotes", "bars", *(["orderbooks"] if market == "crypto" else [])]
    latest = {kind: f"latest/{kind}" if market == "crypto" else f"{kind}/latest" for kind in kinds}
    async with serve_alpaca(tape, speed="max") as venue, rest(venue) as client, connect(venue) as talk:
        empty = await client.get(BASE[market] + "trades", params={"symbols": symbols})
        assert empty.json() == {"trades": {}, "next_page_token": None}
        for kind in kinds:
            answer = await client.get(BASE[market] + latest[kind], params={"symbols": symbols})
            assert answer.json() == {kind: {}}
        await talk.ask(action="subscribe", quotes=["*"], trades=["*"])
        await venue.ended.wait()
        await talk.hear_events(len(tape.events("quotes", "trades")))
        for kind in ("trades", "quotes", "bars"):
            expected = expected_rows(tape.kept, kind)
            params = {"symbols": symbols, "timeframe": "1Min"}
            answer = await client.get(BASE[market] + kind, params=params)
            assert answer.json()[kind] == expected
            answer = await client.get(BASE[market] + latest[kind], params=params)
            assert answer.json() == {kind: {symbol: rows[-1] for symbol, rows in expected.items()}}
        shots = (await client.get(BASE[market] + "snapshots", params={"symbols": symbols})).json()
        shots = shots["snapshots"] if market == "crypto" else shots
        for symbol, shot in shots.items():
            assert shot["latestTrade"] == expected_rows(tape.kept, "trades")[symbol][-1]
            assert shot["latestQuote"] == expected_rows(tape.kept, "quotes")[symbol][-1]
            assert shot["minuteBar"] == expected_rows(tape.kept, "bars")[symbol][-1]
            assert shot["dailyBar"]["t"].endswith("T00:00:00Z")
        if market == "crypto":
            answer = await client.get(BASE[market] + latest["orderbooks"], params={"symbols": symbols})
            for symbol, book in answer.json()["orderbooks"].items():
                assert book["b"][0]["p"] == shots[symbol]["latestQuote"]["bp"]
                assert book["a"][0]["p"] == shots[symbol]["latestQuote"]["ap"]


async def test_a_revised_bar_takes_the_place_of_the_first(tmp_path):
    """Whoever asks later gets the revised one."""
    bar = {
        "S": "AAPL",
        "o": 1.0,
        "h": 2.0,
        "l": 1.0,
        "c": 2.0,
        "v": 3,
        "n": 1,
        "vw": 1.5,
        "t": "2026-01-05T15:00:00Z",
    }
    lines = [[{"T": "b", **bar}], [{"T": "u", **bar, "v": 7}]]
    path = tmp_path / "bars.jsonl"
    path.write_text(
        "".join(json.dumps({"recv_ns": 1, "kind": "ws", "raw": json.dumps(x)}) + "\n" for x in lines)
    )
    async with serve_alpaca(RecordingAlpacaTape(path), archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": "1Min"})
    assert [row["v"] for row in answer.json()["bars"]["AAPL"]] == [7]


async def test_keys_of_requests(tmp_path):
    """Stocks need the right ones, crypto none."""
    async with serve_alpaca(Tape()) as venue:
        for keys, status in ((None, 401), ({**KEYS, "APCA-API-SECRET-KEY": "no"}, 403), (KEYS, 200)):
            async with rest(venue, keys=keys) as client:
                answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
                assert answer.status_code == status
                assert status == 200 or answer.json() == {"message": "forbidden."}
                assert answer.headers["x-ratelimit-limit"] == "200"
    async with serve_alpaca(Tape("crypto")) as venue, rest(venue, keys=None) as client:
        answer = await client.get("/v1beta3/crypto/us/trades", params={"symbols": "BTC/USD"})
        assert answer.status_code == 200


async def test_the_limit_of_requests():
    """Every answer says what is left; beyond it 429 and when it begins anew, by path."""
    async with serve_alpaca(Tape(), requests_per_minute=3) as venue, rest(venue) as client:
        answers = [await client.get("/v2/stocks/trades", params={"symbols": "AAPL"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == list("21000")
        assert len({answer.headers["x-ratelimit-reset"] for answer in answers}) == 1
        assert [asked.in_ban for asked in venue.asked()] == [False, False, False, False, True]
        other = await client.get("/b/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (other.status_code, other.headers["x-ratelimit-remaining"]) == (200, "2")
        nothing = await client.get("/v2/nothing")
        assert (nothing.status_code, nothing.headers["x-ratelimit-limit"]) == (404, "3")


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"symbols": "AAPL", "limit": "0"},
        {"symbols": "AAPL", "limit": "10001"},
        {"symbols": "AAPL", "limit": "many"},
        {"symbols": "AAPL", "start": "yesterday"},
        {"symbols": "AAPL", "sort": "up"},
        {"symbols": "AAPL", "page_token": "nonsense"},
        {"symbols": "AAPL", "page_token": "QUFQTA=="},
    ],
)
async def test_requests_that_cannot_be_read(params):
    """400, with the reason."""
    async with serve_alpaca(Tape()) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/trades", params=params)
    assert answer.status_code == 400
    assert answer.json()["message"]


async def test_pages_that_go_wrong(tmp_path):
    """The same page and token again and again; a page without rows that has a token; both end, and no row is lost."""
    tape, messages = archive(tmp_path)
    expected = expected_rows(messages, "trades")
    params = {"symbols": "AAPL,MSFT", "limit": 50}
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        first = (await client.get("/v2/stocks/trades", params=params)).json()
        params["page_token"] = first["next_page_token"]
        await venue.do(Fault(kind="loop_page", at_s=0, count=3))
        looped = [(await client.get("/v2/stocks/trades", params=params)).json() for _ in range(3)]
        assert looped[0] == looped[1] == looped[2]
        assert looped[0]["next_page_token"] == params["page_token"]
        assert looped[0]["trades"] != first["trades"]
        await venue.do(Fault(kind="loop_page", at_s=0, count=2))
        del params["page_token"]
        start = (await client.get("/v2/stocks/trades", params=params)).json()
        again = await client.get(
            "/v2/stocks/trades", params={**params, "page_token": start["next_page_token"]}
        )
        assert again.json() == start
        assert start["trades"] == first["trades"]
        await venue.do(Fault(kind="empty_page", at_s=0, count=2))
        pages = await all_pages(client, "/v2/stocks/trades", **params)
        assert [page["trades"] for page in pages[:2]] == [{}, {}]
        assert rows_of(pages, "trades") == expected


async def test_a_symbol_that_is_missing_without_a_word(tmp_path):
    """Of every kind of request, for as many as are told."""
    tape, _ = archive(tmp_path)
    params = {"symbols": "MSFT,AAPL"}
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        await venue.do(Fault(kind="drop_symbol", at_s=0, symbol="AAPL", count=3))
        answers = [
            (await client.get(f"/v2/stocks/{what}", params=params)).json()
            for what in ("trades", "quotes/latest", "snapshots", "trades/latest")
        ]
        assert [list(answer) for answer in answers[2:3]] == [["MSFT"]]
        assert [list(answers[0]["trades"]), list(answers[1]["quotes"])] == [["MSFT"], ["MSFT"]]
        assert sorted(answers[3]["trades"]) == ["AAPL", "MSFT"]
        await venue.do(Fault(kind="drop_symbol", at_s=0))
        answer = await client.get("/v2/stocks/trades/latest", params=params)
        assert list(answer.json()["trades"]) == ["AAPL"]


async def test_requests_that_are_refused_late_or_answered_with_a_page():
    """As at any venue."""
    async with serve_alpaca(Tape()) as venue, rest(venue) as client:
        await venue.do(Fault(kind="refuse", at_s=0, status=503, retry_after_s=2))
        refused = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        await venue.do(Fault(kind="html", at_s=0, status=502))
        page = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
        await venue.do(Fault(kind="late_rest", at_s=0, for_s=0.3))
        began = trio.current_time()
        assert (await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})).status_code == 200
        assert trio.current_time() - began >= 0.3
