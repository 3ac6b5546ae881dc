"""One socket's conversation: what concerns the session is never missed, and answers are waited for while one looks."""

import json

import anyio
import msgspec
import pytest
import trio

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.net import Received
from ticktrail_alpaca.codec import read_frame
from ticktrail_alpaca.live.link import Link, concerns_session, credentials
from ticktrail_alpaca.live.session import Session
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.wire import Error, Subscription, Success
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import context, keys, tape
from unit.alpaca.test_live import ends, provider_at

pytestmark = pytest.mark.anyio
BAD = [b"", b"TOPSECRET two", b"TOPSECRET\nX", "TOPSÉCRET".encode(), b"TOPSECRET\x00", b"TOPSECRET\xff\xfe"]
NOTHING_BUT_DATA = [
    b'[{"T":"t","S":"AAPL","i":1,"x":"V","p":190.1,"s":3,"c":["@"],"z":"C","t":"2026-07-17T15:00:00Z"}]',
    msgspec.msgpack.encode([{"T": "q", "S": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1}]),
]


def written(folder, which, value):
    """Put a value where half the credentials stand; gives the settings' keys."""
    own = keys(folder)
    (folder / {"key_id": "id", "secret_key": "secret"}[which]).write_bytes(value)
    return own


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("which", ["key_id", "secret_key"])
async def test_credentials_that_cannot_be_sent(tmp_path, bad, which):
    """The error names the key and what to do, never the value, and nothing that would is chained to it."""
    settings = AlpacaSettings(**written(tmp_path, which, bad))
    with pytest.raises(
        ConfigError, match=f"^{which} holds something that is no key .* write it there"
    ) as caught:
        credentials(settings, context(base_dir=tmp_path))
    assert "TOPS" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("auth", ["message", "headers"])
@pytest.mark.parametrize("bad", BAD)
async def test_credentials_that_cannot_be_sent_end_the_leg(tmp_path, bad, auth):
    """However one says who one is, no second try would help."""
    async with serve_alpaca(tape()) as venue:
        error = await ends(provider_at(venue, tmp_path, auth=auth, **written(tmp_path, "secret_key", bad)))
    assert type(error) is PermanentError
    assert "secret_key holds something that is no key" in str(error)
    assert "TOPS" not in str(error)


async def test_credentials_that_are_no_text_end_the_rest_side(tmp_path):
    """By the same check."""
    settings = AlpacaSettings(**written(tmp_path, "key_id", b"TOPSECRET\xff\xfe"))
    leg = context(base_dir=tmp_path)
    with pytest.raises(PermanentError, match="key_id holds something that is no key"):
        async with RestClient(settings, leg.name, leg.clock, tmp_path):
            pass


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'[{"T":"error","code":402,"msg":"x"}]', Error(402, "x")),
        (b'[{"T":"err\\u006fr","code":402,"msg":"x"}]', Error(402, "x")),
        (b'[{"\\u0054" : "succes\\u0073","msg":"connected"}]', Success("connected")),
        (b'{"T": "subscription"}', Subscription()),
        (b"\x91\x83\xa1T\xa5error\xa4code\xcd\x01\x92\xa3msg\xa1x", Error(402, "x")),
        (b"\x91\x83\xa1T\xd9\x05error\xa4code\xcd\x01\x92\xa3msg\xa1x", Error(402, "x")),
        (b"\x91\x83\xd9\x01T\xa5error\xa4code\xcd\x01\x92\xa3msg\xa1x", Error(402, "x")),
        (b"\x91\x82\xa3msg\xa9connected\xa1T\xda\x00\x07success", Success("connected")),
    ],
)
def test_what_concerns_the_session_is_found_in_every_spelling(payload, message):
    """JSON's escapes, and MessagePack's several lengths of a text."""
    assert read_frame(payload) == [message]
    assert concerns_session(payload)


@pytest.mark.parametrize("payload", NOTHING_BUT_DATA)
def test_data_are_not_read_for_the_session(payload):
    """They are read once, by the decoder."""
    assert not concerns_session(payload)


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode])
@pytest.mark.parametrize("code", ["402", None, [402], {}, 4.5, True, 10**18, -1, "four"])
@pytest.mark.parametrize("msg", ["no", None, 7, ["no"]])
def test_a_refusal_is_readable_whatever_its_fields_are(encode, code, msg):
    """Otherwise it would be waited for until the time is up."""
    (message,) = read_frame(encode([{"T": "error", "code": code, "msg": msg}]))
    assert message == Error(code, msg)


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode])
def test_a_list_that_is_null_is_empty(encode):
    """The others of the message count."""
    (message,) = read_frame(encode([{"T": "subscription", "trades": ["AAPL"], "quotes": None}]))
    assert (message.trades, message.quotes) == (["AAPL"], None)


class Socket:
    """A socket at whose other end a venue lets in and grants at once, all but the calls of `mute`."""

    def __init__(self, *, mute=()):
        self._in, self._out = trio.open_memory_channel(100)
        self._mute = mute
        self._has = []
        self.sent = []
        self.bring({"T": "success", "msg": "connected"})

    def bring(self, *messages):
        self._in.send_nowait(Received([json.dumps(messages).encode()], 0, 0))

    async def send(self, message):
        await anyio.lowlevel.checkpoint()
        said = json.loads(message)
        self.sent.append(said)
        if len(self.sent) in self._mute:
            return
        if said["action"] == "auth":
            self.bring({"T": "success", "msg": "authenticated"})
        else:
            self._has += said["trades"]
            self.bring({"T": "subscription", "trades": self._has}, {"T": "t", "S": self._has[0]})

    async def receive(self):
        return await self._out.receive()


def link_of(folder, *symbols):
    settings = AlpacaSettings(codec="json", auth_s=0.3, answer_s=0.3, **keys(folder))
    leg = context(base_dir=folder)
    talk = Session(
        {"trades": frozenset(symbols)}, provider="leg", by_headers=False, per_request=1, wait_s=60.0
    )
    return Link(talk, settings, leg)


async def test_an_answer_that_stands_in_the_socket_is_not_late(tmp_path):
    """While this machine is busy with data, it does not look."""
    link, socket = link_of(tmp_path, "AAPL", "MSFT", "IBM"), Socket()

    async def take(_):
        await anyio.sleep(0.5)

    async with anyio.create_task_group() as tasks:
        with trio.fail_after(10):
            tasks.start_soon(link.converse, socket, take)
            await link.settled.wait()
        tasks.cancel_scope.cancel()
    assert [said["action"] for said in socket.sent] == ["auth", *["subscribe"] * 3]


async def test_a_venue_that_does_not_answer_is_late_though_data_come(tmp_path):
    """Only the time in which data are taken is left out of account."""
    link, socket = link_of(tmp_path, "AAPL", "MSFT"), Socket(mute={3})

    async def take(_):
        await anyio.sleep(0.01)

    async def trade():
        while True:
            socket.bring({"T": "t", "S": "AAPL"})
            await anyio.sleep(0.02)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(trade)
        with trio.fail_after(10), pytest.raises(TransientError, match="whether it grants trades of MSFT"):
            await link.converse(socket, take)
        tasks.cancel_scope.cancel()


async def test_a_dropped_subscription_ends_the_connection(tmp_path):
    """What came before in the same read is handed on."""
    link, socket = link_of(tmp_path, "AAPL"), Socket()
    taken = []

    async def take(received):
        await anyio.lowlevel.checkpoint()
        taken.extend(received.payloads)

    async def drop():
        await link.settled.wait()
        socket.bring({"T": "t", "S": "AAPL", "i": 7}, {"T": "subscription", "trades": None})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drop)
        with trio.fail_after(10), pytest.raises(TransientError, match=r"dropped .* trades of AAPL") as caught:
            await link.converse(socket, take)
    assert caught.value.cause == "lost"
    assert b'"i": 7' in taken[-1]
