"""REST: the venue's limits are kept by the whole process, and whatever it answers becomes what the caller can use."""

from contextlib import asynccontextmanager

import anyio
import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import TransientError
from ticktrail.events import ConnectionOpened, VenueTrouble
from ticktrail.net import Allowance, Window, allowance_of
from ticktrail.plugin import SystemClock
from ticktrail.testing.venue import Fault
from ticktrail_binance.live.attempts import attempts_of
from ticktrail_binance.rest import client as clients
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.questions import (
    ask_bars,
    ask_book,
    ask_listing,
    ask_newest_trade,
    ask_quote,
    ask_rows,
    ask_time,
)
from ticktrail_binance.settings import BinanceSettings
from ticktrail_mock.venue.binance import serve_binance
from unit.binance.test_session import tape

pytestmark = pytest.mark.anyio
NS_PER_S = 1_000_000_000


def client_of(url, name="leg", told=None, **settings):
    own = BinanceSettings(
        ws_url="ws://127.0.0.1:1", rest_url=url, **{"answer_s": 1.0, "connect_s": 1.0, **settings}
    )
    return RestClient(own, name, SystemClock(), tell=(told if told is not None else []).append)


@asynccontextmanager
async def venue_and_client(*instruments, told=None, **settings):
    async with (
        serve_binance(tape(*instruments)) as venue,
        client_of(venue.rest_url(), told=told, **settings) as client,
    ):
        yield venue, client


def http(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def answering(*answers):
    """A server that gives these bytes, one after the other, the last for ever; gives its URL."""
    left = list(answers)

    async def answer(stream):
        await stream.receive_some()
        await stream.send_all(left.pop(0) if len(left) > 1 else left[0])
        await stream.send_eof()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, answer, 0)
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("status", [418, 429])
async def test_a_venue_that_asks_to_wait_is_not_asked_before(status):
    """Twenty askers of two legs: one is refused, and nobody asks inside the ban; all have an answer afterwards."""
    told, answers = [], []
    async with (
        serve_binance(tape()) as venue,
        client_of(venue.rest_url(), "one", told) as one,
        client_of(venue.rest_url(), "two", told) as two,
    ):
        await venue.do(Fault(kind="refuse", at_s=0, status=status, retry_after_s=2))

        async def ask(client):
            answers.append(await client.get("/time", {}, msgspec.json.decode, weight=1))

        with trio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(ask, (one, two)[number % 2])
        asked = venue.asked()
    assert len(answers) == 20
    assert len(asked) == 21
    assert not any(one.in_ban for one in asked)
    assert asked[1].at - asked[0].at >= 2.0
    opened = [event for event in told if isinstance(event, ConnectionOpened)]
    assert {one.provider for one in opened} == {"one", "two"}  # each once, however often it asked
    assert len(opened) == 2
    (trouble,) = [event for event in told if event not in opened]
    assert isinstance(trouble, VenueTrouble)
    assert f"HTTP status {status}" in trouble.detail
    assert "lower weight_per_minute" in trouble.detail
    assert trouble.retry_in_s == 2.0


async def test_the_weight_of_a_minute_is_kept_to():
    """What the venue counts never passes the limit; who has no patience is told how long it would take."""
    async with venue_and_client(weight_per_minute=110) as (venue, client):
        for _ in range(4):
            await ask_newest_trade(client, client.market.trades, "BTCUSDT")  # 25 each
        with pytest.raises(TransientError) as caught:
            await client.get("/time", {}, msgspec.json.decode, weight=25, patience_s=0.0)
        assert sum(one.weight for one in venue.asked()) == 100
    assert caught.value.cause == "limited"
    assert caught.value.retry_after_s == pytest.approx(60, abs=3)


async def test_what_others_at_this_address_use_is_counted():
    """The venue's own count, from its header, is the one that holds."""
    async with (
        answering(http(200, b"{}", "X-MBX-USED-WEIGHT-1M: 4795")) as url,
        client_of(url) as client,
    ):
        await client.get("/time", {}, msgspec.json.decode, weight=1)
        with pytest.raises(TransientError, match="takes no more requests"):
            await client.get("/time", {}, msgspec.json.decode, weight=10, patience_s=0.0)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http(500), "HTTP status 500"),
        (http(503, b'{"code":-1001,"msg":"Internal error"}'), "HTTP status 503 Internal error"),
        (http(403, b"<html>WAF</html>"), "HTTP status 403"),
        (http(400), "HTTP status 400"),
        (http(302, b"", "Location: /elsewhere"), "HTTP status 302"),
        (http(200, b"<html>maintenance</html>"), "cannot be read"),
        (http(200), "cannot be read"),
        (http(200, b"[" * 100_000), "cannot be read"),
        (http(200, b'{"serverTime":"noon"}'), "cannot be read"),
        (b"SSH-2.0-OpenSSH\r\n", "check rest_url"),
        (b"", "check rest_url"),
        (http(200, b"x" * 5_000), "its answer is over 4096 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{", "check rest_url"),
        (http(200, b"x", "Content-Encoding: gzip"), "check rest_url"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value,
)
async def test_whatever_is_answered(answer, says, monkeypatch):
    """No crash: one kind of error, with what was answered and what to check."""
    monkeypatch.setattr(clients, "MAX_BYTES", 4_096 if b"xxxx" in answer else 2**20)
    async with answering(answer) as url, client_of(url) as client:
        with pytest.raises(TransientError) as caught:
            await ask_time(client)
    assert says in str(caught.value)
    assert "check rest_url" in str(caught.value)


async def test_an_answer_that_does_not_come():
    """There is a deadline on the whole answer, and on each piece of it."""

    async def crawl(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        while True:
            await stream.send_all(b" ")
            await trio.sleep(0.05)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, crawl, 0)
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with client_of(url, answer_s=0.3, connect_s=0.3) as client:
            with trio.fail_after(10), pytest.raises(TransientError, match="no whole answer in time"):
                await ask_time(client)
        nursery.cancel_scope.cancel()


async def test_a_question_that_the_venue_declines():
    """Its code and words are kept: asking again would not help."""
    async with venue_and_client() as (_, client):
        with pytest.raises(Declined) as caught:
            await ask_book(client, "NOSUCH", 100)
        assert await ask_listing(client, ["BTCUSDT", "NOSUCH"], patience_s=0.0) is None
    assert (caught.value.status, caught.value.code) == (400, -1121)
    assert "Invalid symbol" in str(caught.value)


async def test_one_answer_serves_all_who_ask_the_same():
    """Many ask for the same list at once: the venue is asked once, and again when the answer is old."""
    found = []
    async with venue_and_client() as (venue, client):

        async def ask():
            found.append(await ask_listing(client, ["BTCUSDT"], patience_s=1.0, keep_s=0.5))

        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(ask)
        assert len(venue.asked()) == 1
        await anyio.sleep(0.6)
        await ask()
        assert len(venue.asked()) == 2
    assert {entries[0].symbol for entries in found} == {"BTCUSDT"}


async def test_every_question():
    """Each comes back in its form."""
    async with venue_and_client("BTC/USDT") as (_, client):
        start = 1_700_000_000_000 // 60_000 * 60_000
        bars = await ask_bars(client, "BTCUSDT", "1m", start_ms=start, end_ms=start + 300_000)
        assert [bar.open_time for bar in bars] == [start + 60_000 * number for number in range(5)]
        assert await ask_rows(client, client.market.trades, "BTCUSDT", from_id=1, count=10) == []
        assert await ask_newest_trade(client, client.market.trades, "BTCUSDT") is None
        quote = await ask_quote(client, "BTCUSDT")
        assert (quote.bidPrice, quote.askPrice) == (0, 0)  # this venue has no book
        assert (await ask_book(client, "BTCUSDT", 100)).lastUpdateId == 0
        assert await ask_time(client) > start


@given(
    limit=st.integers(1, 20),
    asks=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 70 * NS_PER_S)), max_size=60),
)
def test_no_window_holds_more_than_the_limit(limit, asks):
    """However requests are spread, any minute has the limit at most; and nobody waits longer than needed."""
    allowance = Allowance(limit)
    now_ns, taken = 0, []
    for weight, pause_ns in asks:
        now_ns += pause_ns
        wait_s = allowance.take(weight, now_ns)
        if wait_s > 0:
            assert wait_s <= 60
            before = now_ns + round(wait_s * NS_PER_S) - 2
            assert allowance.wait_s(weight, before) > 0
            now_ns = before + 4
            assert allowance.take(weight, now_ns) == 0
        taken.append((now_ns, weight))
        minute = [w for at, w in taken if now_ns - at < 60 * NS_PER_S]
        assert sum(minute) <= limit or len(minute) == 1


def test_a_ban_holds_whoever_asks():
    """It is waited for whatever the window says; a shorter one later does not end it."""
    allowance = Allowance(100)
    allowance.ban(120, 0)
    allowance.ban(5, 0)
    assert allowance.take(1, 119 * NS_PER_S) == pytest.approx(1.0)
    assert allowance.take(1, 120 * NS_PER_S) == 0


def test_limits_are_the_process_s():
    """Two legs at one host share; the lower limit holds; another host has its own."""
    one = allowance_of("limits.test", 1_000)
    assert allowance_of("limits.test", 500) is one
    assert one.take(400, 0) == 0
    assert one.take(200, 0) > 0
    assert allowance_of("other.test", 1_000) is not one
    attempts = attempts_of("limits.test")
    assert attempts is attempts_of("limits.test")
    for _ in range(280):
        assert attempts.wait_s(1, 0) == 0
        attempts.take(1, 0)
    assert attempts.wait_s(1, 0) == 300.0


def test_a_window_forgets():
    """What is older than the period is not counted."""
    window = Window(2, 1.0)
    window.take(1, 0)
    window.take(1, NS_PER_S // 2)
    assert window.wait_s(1, NS_PER_S // 2) == pytest.approx(0.5)
    assert window.used(NS_PER_S) == 1
    assert window.wait_s(1, NS_PER_S) == 0
