"""REST: whatever the venue answers becomes what the caller can use, within its limits, and no secret comes out."""

import gzip
import json
import logging
import ssl
import traceback
from decimal import Decimal

import anyio
import msgspec
import pytest
import trio
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.plugin import SystemClock
from ticktrail.testing import ManualClock
from ticktrail_alpaca.rest import transport as transports
from ticktrail_alpaca.rest.client import Declined, RestClient
from ticktrail_alpaca.rest.questions import (
    ask_bars,
    ask_latest_quotes,
    ask_latest_trades,
    ask_quotes,
    ask_snapshots,
    ask_trades,
    history_feed,
    latest_feed,
)
from ticktrail_alpaca.rest.rows import number
from ticktrail_alpaca.settings import AlpacaSettings
from unit.alpaca.rest_venue import KEY_ID, SECRET_KEY, answering, http, ok, responses, serving, settings_of

pytestmark = pytest.mark.anyio
NS_PER_S = 1_000_000_000
NOW_S = 1_700_000_000
NOTHING = ok({"trades": {}, "next_page_token": None})
PERIOD = {"start_ns": 0, "end_ns": NS_PER_S}


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


def client_of(url, told=None, clock=None, **settings):
    tell = (told if told is not None else []).append
    return RestClient(settings_of(url, **settings), "leg", clock or SystemClock(), None, tell)


def ask(client):
    return ask_trades(client, "AAPL", **PERIOD)


@pytest.mark.parametrize(
    ("market", "feed", "path", "feed_param"),
    [
        ("stocks", None, "/v2/stocks/trades", "iex"),
        ("stocks", "delayed_sip", "/v2/stocks/trades", "sip"),
        ("stocks", "boats", "/v2/stocks/trades", "boats"),
        ("crypto", None, "/v1beta3/crypto/us/trades", None),
        ("crypto", "eu-1", "/v1beta3/crypto/eu-1/trades", None),
    ],
)
async def test_what_is_asked(market, feed, path, feed_param):
    """Path and feed by market; the period to the nanosecond, without its end; the keys in the headers."""
    async with (
        answering(NOTHING) as venue,
        client_of(venue.url, market=market, feed=feed, page_rows=500) as client,
    ):
        await ask_trades(
            client, "AAPL", start_ns=NOW_S * NS_PER_S + 1, end_ns=(NOW_S + 1) * NS_PER_S, token="t0+/="
        )
    (asked,) = venue.asked
    assert asked.path == path
    assert asked.params == {
        "symbols": "AAPL",
        "start": "2023-11-14T22:13:20.000000001Z",
        "end": "2023-11-14T22:13:20.999999999Z",
        "limit": "500",
        "sort": "asc",
        "page_token": "t0+/=",
        **({"feed": feed_param} if feed_param else {}),
    }
    assert (asked.headers["apca-api-key-id"], asked.headers["apca-api-secret-key"]) == (KEY_ID, SECRET_KEY)


async def test_crypto_without_a_key():
    """Its history needs none, and no empty header is sent."""
    async with (
        answering(NOTHING) as venue,
        client_of(venue.url, market="crypto", key_id=None, secret_key=None) as client,
    ):
        assert (await ask_trades(client, "BTC/USD", **PERIOD)).rows == ()
    assert not any(name.startswith("apca") for name in venue.asked[0].headers)


async def test_bars_are_asked_for_as_they_were_traded():
    """Stocks unadjusted; crypto has no adjustment to speak of."""
    answer = ok({"bars": {}, "next_page_token": None})
    async with answering(answer) as venue:
        for market in ("stocks", "crypto"):
            async with client_of(venue.url, market=market) as client:
                await ask_bars(client, "AAPL", timeframe="5Min", **PERIOD)
    assert [asked.params.get("adjustment") for asked in venue.asked] == ["raw", None]
    assert {asked.params["timeframe"] for asked in venue.asked} == {"5Min"}


async def test_recorded_pages():
    """Rows of the real venue: digits, times and tokens as they are."""
    told = responses()
    async with answering(ok(told["295"])) as venue, client_of(venue.url) as client:
        page = await ask_quotes(client, "IBM", **PERIOD)
    assert len(page.rows) == 10
    assert (page.rows[0].t, number(page.rows[0].bp)) == ("2021-10-04T18:00:14.012577217Z", Decimal("143.68"))
    assert page.token == json.loads(told["295"])["next_page_token"]


@pytest.mark.parametrize(
    ("ask_newest", "line", "market", "path", "symbols"),
    [
        (ask_latest_trades, "714", "stocks", "/v2/stocks/trades/latest", ["IBM", "MSFT"]),
        (ask_latest_quotes, "767", "stocks", "/v2/stocks/quotes/latest", ["F", "TSLA", "GE"]),
        (ask_snapshots, "797", "stocks", "/v2/stocks/snapshots", ["AAPL"]),
        (ask_latest_trades, "1072", "crypto", "/v1beta3/crypto/us/latest/trades", ["ETH/USD", "BCH/USD"]),
        (ask_latest_quotes, "1102", "crypto", "/v1beta3/crypto/us/latest/quotes", ["BTC/USD", "LTC/USD"]),
        (ask_snapshots, "1120", "crypto", "/v1beta3/crypto/us/snapshots", ["ETH/USD"]),
    ],
)
async def test_the_newest_of_several_symbols(ask_newest, line, market, path, symbols):
    """Each that the venue has, and the names of those that it left out without a word."""
    async with answering(ok(responses()[line])) as venue, client_of(venue.url, market=market) as client:
        found = await ask_newest(client, [*symbols, "NOSUCH"])
    assert venue.asked[0].path == path
    assert venue.asked[0].params["symbols"] == ",".join([*symbols, "NOSUCH"])
    assert list(found.rows) == symbols
    assert found.missing == ["NOSUCH"]


async def test_a_symbol_that_is_null_is_missing():
    """The venue has that way to say it, too."""
    async with answering(ok({"AAPL": {}, "INVALID": None})) as venue, client_of(venue.url) as client:
        found = await ask_snapshots(client, ["AAPL", "INVALID"])
    assert (list(found.rows), found.missing) == (["AAPL"], ["INVALID"])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http(500), "HTTP status 500"),
        (http(503, b'{"message":"try again later"}', "Retry-After: 7"), "HTTP status 503 try again later"),
        (http(504), "HTTP status 504"),
        (http(502, b"<html>bad gateway</html>"), "HTTP status 502"),
        (http(302, b"", "Location: http://127.0.0.1:1/elsewhere"), "HTTP status 302"),
        (http(408), "HTTP status 408"),
        (http(200, b"<html>maintenance</html>"), "cannot be read"),
        (http(200), "cannot be read"),
        (http(200, b"[" * 100_000), "cannot be read"),
        (http(200, b"{}"), "cannot be read"),
        (http(200, b"[]"), "cannot be read"),
        (ok({"trades": {"AAPL": 5}, "next_page_token": None}), "cannot be read"),
        (ok({"trades": {}, "next_page_token": 5}), "cannot be read"),
        (ok({"trades": {"MSFT": []}, "next_page_token": None}), "it is about MSFT"),
        (ok(b'{"trades":{"AAPL":[{"t":"","p":"1","s":1,"i":1}]},"next_page_token":null}'), "cannot be read"),
        (ok(b'{"trades":{"AAPL":[{"t":"","p":true,"s":1,"i":1}]},"next_page_token":null}'), "cannot be read"),
        (ok(b'{"trades":{"AAPL":[{"t":"","p":1,"s":1,"i":-1}]},"next_page_token":null}'), "cannot be read"),
        (http(200, b"x" * 5_000), "its answer is over 4096 bytes"),
        (b"SSH-2.0-OpenSSH\r\n", "check rest_url"),
        (b"", "cut"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", "cut"),
        (http(200, b"x", "Content-Encoding: gzip"), "check rest_url"),
    ],
    ids=str,
)
async def test_whatever_is_answered(answer, says, monkeypatch):
    """No crash: one kind of error, with what was answered and what to check; asked once, never behind our back."""
    monkeypatch.setattr(transports, "MAX_BYTES", 4_096 if b"xxxx" in answer else 2**20)
    async with answering(answer) as venue, client_of(venue.url) as client:
        with pytest.raises(TransientError) as caught:
            await ask(client)
    assert says in str(caught.value)
    assert "check rest_url" in str(caught.value)
    assert caught.value.retry_after_s == (7.0 if b"Retry-After" in answer else None)
    assert len(venue.asked) == 1


async def test_nobody_there():
    """A port at which nothing listens is worth another try."""
    async with answering(b"") as venue:
        pass
    async with client_of(venue.url) as client:
        with pytest.raises(TransientError, match="the connection failed"):
            await ask(client)


@pytest.mark.parametrize(
    ("coding", "cut", "readable"),
    [("identity", 0, True), ("gzip", 0, True), ("identity", 9, False), ("gzip", 9, False)],
)
async def test_an_answer_in_chunks(coding, cut, readable):
    """It is put together and unpacked; one that ends too early is no answer."""
    body = b'{"trades":{},"next_page_token":null}'
    body = gzip.compress(body) if coding == "gzip" else body
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: {coding}\r\n\r\n".encode()
    async with answering(head + chunks[: len(chunks) - cut]) as venue, client_of(venue.url) as client:
        if readable:
            assert (await ask(client)).rows == ()
        else:
            with pytest.raises(TransientError):
                await ask(client)


async def test_a_certificate_that_is_not_to_be_trusted():
    """Trying again cannot help; what to check is named."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)

    async def answer(asked, stream):
        return NOTHING

    async with serving(answer, tls=tls) as venue, client_of(venue.url) as client:
        with pytest.raises(PermanentError, match="is not to be trusted: check rest_url"):
            await ask(client)
    assert venue.asked == []


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_let_in(status):
    """What to check is named: both halves, their environment, the feed; the venue's words, and never the secret."""
    body = json.dumps(
        {"message": f"subscription does not permit; you sent {SECRET_KEY} of {KEY_ID}"}
    ).encode()
    async with answering(http(status, body)) as venue, client_of(venue.url, feed="sip") as client:
        with pytest.raises(PermanentError) as caught:
            await ask(client)
    message = str(caught.value)
    assert "subscription does not permit" in message
    assert "key_id and secret_key" in message
    assert 'feed = "sip"' in message
    assert "live environment" in message
    assert SECRET_KEY not in message
    assert KEY_ID not in message


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (400, b'{"message":"invalid symbol: A!"}', 0, "invalid symbol: A!"),
        (404, b'{"code":40410000,"message":"resource not found"}', 40410000, "resource not found"),
        (422, b"<html>", 0, ""),
    ],
)
async def test_a_question_that_the_venue_declines(status, body, code, said):
    """Its code and words are kept: asking again would not help."""
    async with answering(http(status, body)) as venue, client_of(venue.url) as client:
        with pytest.raises(Declined) as caught:
            await ask(client)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("reset", "wait_s"),
    [
        pytest.param(str(NOW_S + 30), 30.0, id="in 30 s"),
        pytest.param(str(NOW_S + 10**9), 300.0, id="in 30 years"),
        pytest.param(str(NOW_S - 50), 1.0, id="long ago"),
        pytest.param("soon", 60.0, id="no number"),
        pytest.param("9" * 5_000, 300.0, id="no end"),
    ],
)
async def test_a_venue_that_asks_to_wait(reset, wait_s):
    """Nobody asks before the moment that it names, within reason; it is told once; alpaca-py does not try by itself."""
    told, clock = [], ManualClock(NOW_S * NS_PER_S)
    answer = http(429, b'{"message":"too many requests."}', f"X-RateLimit-Reset: {reset}")
    async with answering(answer) as venue, client_of(venue.url, told, clock) as client:
        with pytest.raises(TransientError) as caught:
            await ask_latest_trades(client, ["AAPL"], patience_s=0.0)
        with pytest.raises(TransientError):
            await ask_latest_trades(client, ["AAPL"], patience_s=0.0)
    assert len(venue.asked) == 1
    assert (caught.value.cause, caught.value.retry_after_s) == ("limited", wait_s)
    (trouble,) = told
    assert isinstance(trouble, VenueTrouble)
    assert (trouble.provider, trouble.retry_in_s) == ("leg", wait_s)
    assert "lower requests_per_minute" in trouble.detail


async def test_who_has_patience_waits_and_is_answered():
    """All askers of a leg have their answer after the ban, and none asked within it."""
    answers = []
    refused = http(429, b"", "X-RateLimit-Reset: 1")
    async with answering(refused, NOTHING) as venue, client_of(venue.url) as client:

        async def one():
            answers.append(await ask(client))

        with trio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(5):
                    tasks.start_soon(one)
    assert len(answers) == 5
    assert len(venue.asked) == 6


async def test_a_venue_that_puts_off_for_ever(monkeypatch):
    """After some times the caller is told, and may do something else."""
    monkeypatch.setattr("ticktrail_alpaca.rest.client.LEAST_BAN_S", 0.01)
    told = []
    answer = http(429, b"", "X-RateLimit-Reset: 1")
    async with answering(answer) as venue, client_of(venue.url, told) as client:
        with pytest.raises(TransientError, match="it takes no more requests"):
            await ask(client)
    assert len(venue.asked) == len(told) == 5


async def test_the_last_request_of_a_minute():
    """With nothing remaining the answer is taken, and nobody asks before the venue counts anew."""
    told, clock = [], ManualClock(NOW_S * NS_PER_S)
    headers = ("X-RateLimit-Remaining: 0", f"X-RateLimit-Reset: {NOW_S + 20}")
    answer = ok({"trades": {}, "next_page_token": None}, *headers)
    async with answering(answer) as venue, client_of(venue.url, told, clock) as client:
        assert (await ask(client)).rows == ()
        with pytest.raises(TransientError) as caught:
            await ask_latest_trades(client, ["AAPL"], patience_s=0.0)
    assert len(venue.asked) == 1
    assert caught.value.retry_after_s == 20.0
    assert told == []


async def test_requests_of_a_minute_are_kept_to():
    """Legs of one process share what the host takes."""
    newest = ok({"trades": {}})
    async with (
        answering(newest) as venue,
        client_of(venue.url, requests_per_minute=3) as one,
        client_of(venue.url, requests_per_minute=3) as other,
    ):
        for client in (one, other, one):
            await ask_latest_trades(client, ["AAPL"])
        with pytest.raises(TransientError) as caught:
            await ask_latest_trades(other, ["AAPL"], patience_s=0.0)
    assert len(venue.asked) == 3
    assert caught.value.cause == "limited"


async def test_an_answer_that_does_not_come():
    """There is a deadline on the whole answer; the thread ends by itself, and the next question is answered."""

    async def crawl(asked, stream):
        if len(venue.asked) > 1:
            return NOTHING
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.05)

    async with serving(crawl) as venue, client_of(venue.url, answer_s=1.0, connect_s=1.0) as client:
        with trio.fail_after(30):
            with pytest.raises(TransientError, match="no whole answer in time"):
                await ask(client)
            assert (await ask(client)).rows == ()


async def test_a_server_that_says_nothing():
    """It may pause for `answer_s`."""

    async def stall(asked, stream):
        await trio.sleep_forever()

    async with serving(stall) as venue, client_of(venue.url, answer_s=0.3) as client:
        with pytest.raises(TransientError, match="no whole answer in time"):
            await ask(client)


async def test_a_question_can_be_given_up():
    """A cancellation takes effect at once, whatever the thread does."""

    async def stall(asked, stream):
        arrived.set()
        await trio.sleep_forever()

    arrived = trio.Event()
    async with (
        serving(stall) as venue,
        client_of(venue.url, answer_s=1.0) as client,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(ask, client)
        await arrived.wait()
        nursery.cancel_scope.cancel()


async def test_stocks_without_a_key():
    """It is said what to write, before anything is asked."""
    with pytest.raises(PermanentError, match="has no history without a key: write key_id"):
        async with client_of("http://127.0.0.1:1", key_id=None, secret_key=None):
            pass


def echoing():
    """Answers of every kind, from a venue that repeats the keys."""
    echo = json.dumps({"message": f"{KEY_ID} {SECRET_KEY}"}).encode()
    return [
        NOTHING,
        *(http(status, echo) for status in (400, 401, 403, 429, 500)),
        http(200, b"<html>"),
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{",
    ]


async def all_that_is_said(client):
    """An answer, or an error with its causes, their frames and what stands in them."""
    try:
        return [repr(await ask(client))]
    except Exception as exc:  # noqa: BLE001 - whatever it is
        shown = traceback.TracebackException.from_exception(exc, capture_locals=True)
        return [str(exc), repr(exc), repr(vars(exc)), "".join(shown.format())]


async def test_no_secret_comes_out(caplog, monkeypatch):
    """Not by logs at their most talkative, errors with their frames, events, or the client's own face."""
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "requests", "alpaca"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    seen, told = [], []
    monkeypatch.setattr("ticktrail_alpaca.rest.client.DEFAULT_BAN_S", 0.01)
    async with answering(*echoing()) as venue, client_of(venue.url, told) as client:
        seen += [repr(client), str(vars(client)), str(vars(client._transport))]
        for _ in echoing():
            seen += await all_that_is_said(client)
    assert len(venue.asked) >= len(echoing())
    assert "trades" in caplog.text  # the libraries did talk
    seen += [repr(told), caplog.text]
    for text in seen:
        assert SECRET_KEY not in text
        assert KEY_ID not in text


@pytest.mark.parametrize("bad", ["", "two words", "a\nb", "schlüssel", "nul\x00"])
async def test_a_credential_that_cannot_be_one(tmp_path, bad):
    """It is refused before it stands in a header, whose error would quote it."""
    (tmp_path / "key").write_text(bad, encoding="utf-8")
    settings = settings_of("http://127.0.0.1:1", secret_key={"file": "key"})
    with pytest.raises(PermanentError, match="secret_key holds something that is no key") as caught:
        async with RestClient(settings, "leg", SystemClock(), tmp_path):
            pass
    assert not bad or bad not in str(caught.value)


async def test_a_credential_that_is_not_there(monkeypatch):
    """The message names where it was looked for."""
    monkeypatch.delenv("TEST_SECRET_KEY")
    with pytest.raises(PermanentError, match="TEST_SECRET_KEY is not set"):
        async with client_of("http://127.0.0.1:1"):
            pass


def test_feeds_that_rest_does_not_know():
    """They are refused with the names of those that it does."""
    with pytest.raises(ConfigError, match='feed = "overnight" has no history; these have: "iex", "sip"'):
        history_feed(AlpacaSettings(feed="overnight"))
    with pytest.raises(ConfigError, match='feed = "test" has no latest trade'):
        latest_feed(AlpacaSettings(feed="test"))
    assert latest_feed(AlpacaSettings(feed="overnight")) == "overnight"
    assert history_feed(AlpacaSettings(market="crypto")) is None


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=999_999))
def test_numbers_keep_the_venue_s_digits(price):
    """What the venue writes with up to 15 digits comes back as it was written."""
    assert number(msgspec.json.decode(str(price).encode())) == price


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_numbers_are_finite(bad):
    """No price is infinite."""
    with pytest.raises(ValueError, match="a price, size or volume of"):
        number(bad)


@given(st.integers(-(10**30), 10**30))
def test_whole_numbers_are_exact(value):
    """However large they are."""
    assert number(value) == value
