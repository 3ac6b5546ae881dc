"""REST: whatever the venue answers becomes what the caller can use."""

import gzip
import json
import ssl
from decimal import Decimal

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail_alpaca.rest import transport as transports
from ticktrail_alpaca.rest.client import Declined
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
from unit.alpaca.rest_stage import NOTHING, NOW_S, NS_PER_S, PERIOD, ask, client_of
from unit.alpaca.rest_venue import KEY_ID, SECRET_KEY, answering, http, ok, responses, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


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


async def test_what_protects_its_answers_is_told_once(monkeypatch, tmp_path):
    """Version and cipher of the session, from the answer's own connection."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))

    async def answer(asked, stream):
        return NOTHING.replace(b"Connection: close", b"Connection: keep-alive")

    told = []
    async with serving(answer, tls=tls) as venue, client_of(venue.url, told) as client:
        await ask(client)
        await ask(client)
    (opened,) = told
    assert (opened.kind, opened.host, opened.loopback) == ("rest", "127.0.0.1", True)
    assert (opened.tls, opened.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
