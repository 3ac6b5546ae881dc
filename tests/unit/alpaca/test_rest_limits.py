"""REST within its limits: how often it may be asked, how long one waits, and when one gives up."""

import anyio
import pytest
import trio

from ticktrail.errors import TransientError
from ticktrail.events import VenueTrouble
from ticktrail.testing import ManualClock
from ticktrail_alpaca.rest.questions import (
    ask_latest_trades,
)
from unit.alpaca.rest_stage import NOTHING, NOW_S, NS_PER_S, ask, client_of
from unit.alpaca.rest_venue import KEY_ID, SECRET_KEY, answering, http, ok, serving

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)


def troubles(told):
    """What was told, but by what the answers were carried."""
    return [one for one in told if isinstance(one, VenueTrouble)]


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
    (trouble,) = troubles(told)
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
    assert len(venue.asked) == len(troubles(told)) == 5


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
    assert troubles(told) == []


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
