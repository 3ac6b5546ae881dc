"""A web socket over real sockets: what arrives, what it says when it ends, and that it always ends."""

import contextlib
import ssl

import pytest
import trio
import trio_websocket
import trustme
from wsproto.utilities import generate_accept_token

from ticktrail.net import (
    ConnectFailed,
    ConnectionLost,
    HandshakeRefused,
    TlsFailed,
    _client,
    open_websocket,
)
from ticktrail.plugin import SystemClock
from unit.net.test_frames import frame

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()


@pytest.fixture
async def serve(anyio_backend):
    """Start a server for a handler of web sockets; gives the port."""
    async with trio.open_nursery() as nursery:

        async def start(handler, **more):
            async def accept(request):
                with contextlib.suppress(trio_websocket.ConnectionClosed):  # the client has gone
                    await handler(await request.accept())

            server = await nursery.start(
                lambda task_status: trio_websocket.serve_websocket(
                    accept, "127.0.0.1", 0, more.get("ssl_context"), task_status=task_status
                )
            )
            return server.port

        yield start
        nursery.cancel_scope.cancel()


@pytest.fixture
async def serve_bytes(anyio_backend):
    """Start a server that speaks raw bytes; gives the port."""
    async with trio.open_nursery() as nursery:

        async def start(handler):
            listeners = await nursery.start(trio.serve_tcp, handler, 0)
            return listeners[0].socket.getsockname()[1]

        yield start
        nursery.cancel_scope.cancel()


def at(port, scheme="ws"):
    return open_websocket(f"{scheme}://127.0.0.1:{port}/ws?x=1", clock=CLOCK)


class Codes:
    """The close codes that a server saw; it sees one after its client has left, so a test waits for it."""

    def __init__(self):
        self._send, self._receive = trio.open_memory_channel(10)

    def saw(self, code):
        self._send.send_nowait(code)

    async def next(self):
        with trio.fail_after(30):
            return await self._receive.receive()


async def read_all(socket):
    """Every payload until the connection ends, and how it ended."""
    payloads = []
    while True:
        try:
            received = await socket.receive()
        except ConnectionLost as exc:
            return payloads, exc
        payloads += received.payloads


async def accept_by_hand(stream):
    """Do a server's handshake on a raw stream."""
    request = bytearray()
    while b"\r\n\r\n" not in request:
        request += await stream.receive_some()
    key = next(
        line.split(b": ")[1]
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + generate_accept_token(key) + b"\r\n\r\n"
    )


async def test_every_message_arrives_once_and_in_order(serve):
    """Text and binary, small and large, pings between them: the messages of the server, in its order."""
    sent = [b"%d" % number * (1 + number % 700) for number in range(3_000)]

    async def talk(socket):
        for number, payload in enumerate(sent):
            await socket.send_message(payload if number % 3 else payload.decode())
            if number % 500 == 0:
                await socket.ping(b"%d" % number)  # returns once the pong has come back
        await socket.aclose(1001, "done")

    async with at(await serve(talk)) as socket:
        payloads, end = await read_all(socket)
    assert payloads == sent
    assert (end.code, end.reason) == (1001, "done")
    assert "going away" in str(end)


async def test_times_are_those_of_the_read(serve):
    """Both stamps lie between the moment of sending and the moment of receiving, by their own clock."""
    before_ns, before_mono_ns = CLOCK.now_ns(), CLOCK.mono_ns()

    async def talk(socket):
        await socket.send_message("x")
        await socket.get_message()

    async with at(await serve(talk)) as socket:
        received = await socket.receive()
        assert before_ns <= received.recv_ns <= CLOCK.now_ns()
        assert before_mono_ns <= received.mono_ns <= CLOCK.mono_ns()
        await socket.send("done")


async def test_messages_in_the_same_packet_as_the_handshake_are_not_lost(serve_bytes):
    """A server may speak as soon as it has agreed; what follows the answer's last line is data already."""

    async def talk(stream):
        answer = await accept_by_hand(stream)
        await stream.send_all(answer + frame(1, b"first") + frame(1, b"second")[:4])
        await stream.send_all(frame(1, b"second")[4:] + frame(8, b"\x03\xe8"))
        await stream.receive_some()

    async with at(await serve_bytes(talk)) as socket:
        payloads, end = await read_all(socket)
    assert payloads == [b"first", b"second"]
    assert end.code == 1000


async def test_a_cut_is_told_from_a_close(serve_bytes):
    """An end without a close frame says so, after everything that came before it was handed over."""

    async def talk(stream):
        await stream.send_all(await accept_by_hand(stream) + frame(1, b"last words"))

    async with at(await serve_bytes(talk)) as socket:
        payloads, end = await read_all(socket)
    assert payloads == [b"last words"]
    assert end.code is None
    assert "without a close frame" in str(end)


async def test_a_message_over_the_limit_ends_the_session_with_1009(serve):
    """The server learns why by the close code, the caller by the message."""
    codes = Codes()

    async def talk(socket):
        await socket.send_message("x" * 2_000)
        with pytest.raises(trio_websocket.ConnectionClosed) as caught:
            await socket.get_message()
        codes.saw(caught.value.reason.code)

    port = await serve(talk)
    with pytest.raises(ConnectionLost, match="2000 bytes"):
        async with open_websocket(f"ws://127.0.0.1:{port}", clock=CLOCK, max_message_bytes=1_000) as socket:
            await socket.receive()
    assert await codes.next() == 1009


async def test_silence_ends_the_session(serve):
    """Where not a byte comes for `silent_s`, the connection is lost; no watch of the data itself is needed for it."""

    async def talk(socket):
        await trio.sleep_forever()

    port = await serve(talk)
    with pytest.raises(ConnectionLost, match="not a byte came"):
        async with open_websocket(f"ws://127.0.0.1:{port}", clock=CLOCK, silent_s=0.05) as socket:
            await socket.receive()


async def test_a_cancelled_session_is_closed_with_the_server_s_consent(serve, monkeypatch):
    """The server is told, its answer is read, and nothing waits longer than that takes."""
    monkeypatch.setattr(_client, "CLOSE_S", 60.0)
    codes = Codes()

    async def talk(socket):
        try:
            while True:
                await socket.send_message("tick")
        except trio_websocket.ConnectionClosed as exc:
            codes.saw(exc.reason.code)

    port = await serve(talk)
    with trio.move_on_after(0.2) as patience:
        async with at(port) as socket:
            while True:
                await socket.receive()
    assert patience.cancelled_caught
    assert trio.current_time() - patience.deadline < 30
    assert await codes.next() == 1000


async def test_leaving_does_not_wait_for_a_server_that_never_closes(serve_bytes):
    """The reader is blocked on an unread queue, the server never answers: leaving is bounded all the same."""

    async def talk(stream):
        await stream.send_all(await accept_by_hand(stream))
        for _ in range(1_000):
            await stream.send_all(frame(1, b"x" * 60_000))

    with trio.fail_after(10):
        async with at(await serve_bytes(talk)) as socket:
            await socket.receive()


async def test_an_error_of_the_body_comes_out_as_it_is(serve):
    """The caller's own exception is not wrapped in a group."""

    async def talk(socket):
        await socket.get_message()

    with pytest.raises(LookupError, match="mine"):
        async with at(await serve(talk)):
            raise LookupError("mine")


async def test_sending_after_the_end_says_why_it_ended(serve):
    """A send on a closed connection raises the end, not an error of the library."""

    async def talk(socket):
        await socket.aclose(1013, "later")

    async with at(await serve(talk)) as socket:
        await read_all(socket)
        with pytest.raises(ConnectionLost, match="later"):
            await socket.send("x")


@pytest.mark.parametrize(
    ("answer", "status", "wait_s", "says"),
    [
        (
            b"HTTP/1.1 429 Too Many\r\nRetry-After: 17\r\nContent-Length: 2\r\n\r\nno",
            429,
            17.0,
            "fewer connections",
        ),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403, None, "credentials"),
        (
            b"HTTP/1.1 503 Busy\r\nRetry-After: never\r\nContent-Length: 0\r\n\r\n",
            503,
            None,
            "try again later",
        ),
    ],
)
async def test_a_refusal_tells_status_and_pause(serve_bytes, answer, status, wait_s, says):
    """An HTTP answer other than 101 becomes its status, and the pause that it asks for."""

    async def talk(stream):
        await accept_by_hand(stream)
        await stream.send_all(answer)
        await stream.receive_some()

    with pytest.raises(HandshakeRefused, match=says) as caught:
        async with at(await serve_bytes(talk)):
            raise AssertionError("it opened")
    assert (caught.value.status, caught.value.retry_after_s) == (status, wait_s)


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9\r\n", b"", b"HTTP/1.1 101 Yes\r\n\r\n"])
async def test_what_is_no_web_socket_is_said_to_be_none(serve_bytes, answer):
    """Another protocol, an end at once, an answer that lacks the accept token: no hang, and a remedy."""

    async def talk(stream):
        await stream.receive_some()
        await stream.send_all(answer)

    with trio.fail_after(30), pytest.raises(ConnectFailed, match="check the port"):
        async with at(await serve_bytes(talk)):
            raise AssertionError("it opened")


async def test_a_server_that_says_nothing_runs_into_the_deadline(serve_bytes):
    """Name, connection and handshake share one deadline."""

    async def talk(stream):
        await trio.sleep_forever()

    port = await serve_bytes(talk)
    with pytest.raises(ConnectFailed, match=r"no answer within 0\.1 s"):
        async with open_websocket(f"ws://127.0.0.1:{port}", clock=CLOCK, connect_s=0.1):
            raise AssertionError("it opened")


async def test_a_refused_port_is_named(anyio_backend):
    """Nobody listens: host, port and what to do."""
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}: Connection refused; start what should"):
            async with at(port):
                raise AssertionError("it opened")


async def test_an_unknown_name_is_told(anyio_backend):
    """A host that no resolver knows (RFC 6761 reserves .invalid for that)."""
    with pytest.raises(ConnectFailed, match="check the host's name") as caught:
        async with open_websocket("wss://venue.invalid", clock=CLOCK):
            raise AssertionError("it opened")
    assert caught.value.host == "venue.invalid"


async def test_tls_with_a_certificate_of_another_authority_is_refused(serve):
    """The system's trust decides; the error tells that the certificate was the reason."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def talk(socket):
        await socket.get_message()

    with pytest.raises(TlsFailed) as caught:
        async with at(await serve(talk, ssl_context=context), "wss"):
            raise AssertionError("it opened")
    assert caught.value.untrusted


async def test_tls_with_a_trusted_certificate_works(serve):
    """The same over TLS, records cut wherever the library cuts them."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    sent = [b"%d" % number * 100 for number in range(500)]

    async def talk(socket):
        for payload in sent:
            await socket.send_message(payload)
        await socket.aclose()

    port = await serve(talk, ssl_context=context)
    async with open_websocket(f"wss://127.0.0.1:{port}", clock=CLOCK, ssl_context=trust) as socket:
        opened = socket.carrier.opened("leg", "websocket", at_ns=7)
        payloads, end = await read_all(socket)
    assert payloads == sent
    assert (opened.host, opened.port, opened.loopback) == ("127.0.0.1", port, True)
    assert (opened.tls, opened.cipher) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert end.code == 1000


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_what_protects_a_connection_is_what_was_agreed(serve, version):
    """Version and cipher are the session's own, not what this side would have liked."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)

    async def talk(socket):
        await socket.get_message()

    port = await serve(talk, ssl_context=context)
    async with open_websocket(f"wss://127.0.0.1:{port}", clock=CLOCK, ssl_context=trust) as socket:
        carrier = socket.carrier
    assert carrier.tls == version.name.replace("_", ".")
    assert carrier.cipher


async def test_plain_text_is_said_to_be_plain(serve):
    """No version and no cipher."""

    async def talk(socket):
        await socket.get_message()

    port = await serve(talk)
    async with open_websocket(f"ws://127.0.0.1:{port}", clock=CLOCK) as socket:
        carrier = socket.carrier
    assert (carrier.host, carrier.port, carrier.tls, carrier.cipher) == ("127.0.0.1", port, None, None)


async def test_tls_to_a_plain_port_fails_by_name(serve):
    """A port without TLS is not taken for a certificate problem."""

    async def talk(socket):
        await socket.get_message()

    with pytest.raises(TlsFailed, match=r"TLS 1\.2") as caught:
        async with at(await serve(talk), "wss"):
            raise AssertionError("it opened")
    assert not caught.value.untrusted
