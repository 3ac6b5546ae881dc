"""A venue in a few lines of its own words: it greets, grants, plays, answers, and does wrong what it is told to."""

import inspect
from pathlib import Path

import pytest
import trio

from ticktrail.errors import ConfigError
from ticktrail.net import ConnectionLost, HandshakeRefused, open_websocket
from ticktrail.plugin import SystemClock
from ticktrail.testing.venue import Fault, LiveTape
from unit.testing.odd import KEY, OddVenue, make

pytestmark = pytest.mark.anyio
ASK = b'{"sub":["trades:BTC-USDT"],"key":"%s"}' % KEY.encode()


def test_the_documentation_shows_this_venue():
    """Who reads how a provider is proven sees a venue that runs."""
    page = (Path(__file__).parents[3] / "docs/how-to/prove-a-provider.md").read_text(encoding="utf-8")
    for shown in (inspect.getsource(OddVenue), inspect.getsource(make)):
        assert shown in page


@pytest.fixture
def anyio_backend():
    return "trio"


class Talk:
    def __init__(self, socket):
        self.socket, self.heard = socket, []

    async def until(self, word, times=1):
        with trio.fail_after(30):
            while sum(word in payload for payload in self.heard) < times:
                self.heard += (await self.socket.receive()).payloads
        return next(payload for payload in reversed(self.heard) if word in payload)


def venue(*faults, rate=500.0):
    return OddVenue(LiveTape(make, rate=rate), faults=faults).serve()


def talk(at, path="/live"):
    return open_websocket(at.ws_url(path), clock=SystemClock())


async def test_it_greets_grants_and_plays():
    """In the words of the subclass, only what is subscribed to, in order."""
    async with venue() as at, talk(at) as socket:
        heard = Talk(socket)
        await heard.until(b"hello")
        await socket.send(ASK.decode())
        await heard.until(b'"ch"', times=20)
        assert heard.heard[0] == b'{"hello":"odd"}'
        assert b'{"subbed":["trades:BTC-USDT"]}' in heard.heard
        data = [payload for payload in heard.heard if b'"ch"' in payload]
        assert all(b"trades:BTC-USDT" in payload for payload in data)
        assert [f'"id":{n},'.encode() in payload for n, payload in enumerate(data, 1)] == [True] * len(data)
        assert at.streams() == ["trades:BTC-USDT"]
        assert at.connections() == 1


async def test_it_beats_while_it_is_mute():
    """The connection lives and says nothing of the market."""
    async with venue() as at, talk(at) as socket:
        heard = Talk(socket)
        await socket.send(ASK.decode())
        await heard.until(b'"ch"')
        await at.do(Fault(kind="mute", at_s=0))
        await heard.until(b"beat")
        heard.heard.clear()
        await heard.until(b"beat", times=3)
        assert not any(b'"ch"' in payload for payload in heard.heard[1:])


async def test_a_refusal_is_in_its_own_words():
    """As often as the fault says, in place of the grant."""
    async with venue() as at, talk(at) as socket:
        await at.do(Fault(kind="error_reply", message="no more", at_s=0))
        heard = Talk(socket)
        await socket.send(ASK.decode())
        assert await heard.until(b"error") == b'{"error":"no more"}'
        await socket.send(ASK.decode())
        await heard.until(b"subbed")


async def test_it_cuts_refuses_and_has_one_door():
    """A lost connection, HTTP 429 with its pause, and 404 elsewhere."""
    async with venue() as at:
        async with talk(at) as socket:
            await Talk(socket).until(b"hello")
            await at.do(Fault(kind="cut", at_s=0))
            with pytest.raises(ConnectionLost):
                await Talk(socket).until(b"never said")
        await at.do(Fault(kind="refuse", status=429, retry_after_s=7, at_s=0))
        with pytest.raises(HandshakeRefused) as refused:
            async with talk(at):
                pass
        assert (refused.value.status, refused.value.retry_after_s) == (429, 7)
        with pytest.raises(HandshakeRefused) as missing:
            async with talk(at, "/elsewhere"):
                pass
        assert missing.value.status == 404


async def test_what_is_no_json_ends_the_connection():
    """And the venue goes on."""
    async with venue() as at:
        async with talk(at) as socket:
            await socket.send("{")
            with pytest.raises(ConnectionLost, match="no JSON"):
                await Talk(socket).until(b"never said")
        async with talk(at) as socket:
            await Talk(socket).until(b"hello")


async def ask(at, target):
    stream = await trio.open_tcp_stream("127.0.0.1", at.port)
    async with stream:
        await stream.send_all(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        read = b""
        with trio.fail_after(30):
            async for piece in stream:
                read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


async def test_it_answers_rest_from_what_its_tape_had():
    """By path and query; 404 for the rest; a fault answers in its place; every request is noted."""
    async with venue() as at:
        async with talk(at) as socket:
            heard = Talk(socket)
            await socket.send(ASK.decode())
            await heard.until(b'"ch"', times=3)
        status, body = await ask(at, "/past?ch=trades:BTC-USDT")
        assert status == 200
        assert body.startswith(b'[{"ch":"trades:BTC-USDT","id":1,')
        assert await ask(at, "/other") == (404, b"{}")
        await at.do(Fault(kind="refuse", status=503, at_s=0))
        assert (await ask(at, "/past?ch=x"))[0] == 503
        assert [asked.what for asked in at.asked()] == ["/past?ch=trades:BTC-USDT", "/other", "/past?ch=x"]


async def test_a_flood_waits_for_who_does_not_read():
    """What is not read is not kept by the venue either."""
    async with venue() as at, talk(at) as socket:
        await socket.send(ASK.decode())
        await Talk(socket).until(b'"ch"')
        with trio.move_on_after(0.5) as waited:
            await at.flood(64 * 2**20)
        assert waited.cancelled_caught


async def test_a_fault_of_another_venue_is_refused():
    """Loudly."""
    async with venue() as at:
        with pytest.raises(ConfigError, match="no fault 'status'"):
            await at.do(Fault(kind="status", at_s=0))
