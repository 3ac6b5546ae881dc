"""A REST address over real sockets: what an answer holds, what is told of it, and that each wait ends."""

import ssl

import pytest
import trio
import trustme

from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import ConnectionOpened
from ticktrail.net import RestSession
from ticktrail.plugin import SystemClock

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()
BIG = 5_000


@pytest.fixture
async def serve(anyio_backend):
    """Start a server that gives the same bytes to each request; gives the port, and what it was asked."""
    async with trio.open_nursery() as nursery:

        async def start(answer, context=None, pause_s=0.0):
            asked = []

            async def talk(stream):
                if context is not None:
                    stream = trio.SSLStream(stream, context, server_side=True)
                try:
                    while (request := await stream.receive_some(65_536)) != b"":
                        asked.append(request.decode())
                        await trio.sleep(pause_s)
                        await stream.send_all(answer)
                except trio.BrokenResourceError:  # the client has gone, or did not trust us
                    await trio.lowlevel.checkpoint()

            listeners = await nursery.start(trio.serve_tcp, talk, 0)
            return listeners[0].socket.getsockname()[1], asked

        yield start
        nursery.cancel_scope.cancel()


def session(port, told=None, scheme="http", **more):
    return RestSession(
        f"{scheme}://127.0.0.1:{port}",
        venue="Acme",
        provider="main",
        clock=CLOCK,
        tell=(lambda event: None) if told is None else told.append,
        **{"connect_s": 5.0, "answer_s": 5.0, "max_bytes": BIG, **more},
    )


def answer(body, status="200 OK", headers=""):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


async def test_an_answer_is_whole_and_the_connection_told_once(serve):
    """Status, headers in any case, body; the query is escaped; what carries it is told where it is new."""
    told = []
    port, asked = await serve(answer("no", "451 No", "X-Used: 7\r\nRetry-After: 9\r\n"))
    async with session(port, told) as rest:
        found = await rest.get("/v1/trades", {"symbol": "BTC/USD"})
        again = await rest.get("/v1/trades")
    assert (found.status, found.body, found.headers["x-used"]) == (451, b"no", "7")
    assert found.retry_after_s(now_ns=0) == 9
    assert again.body == b"no"
    assert [line.split("\r\n")[0] for line in asked] == [
        "GET /v1/trades?symbol=BTC%2FUSD HTTP/1.1",
        "GET /v1/trades HTTP/1.1",
    ]
    (event,) = told
    assert isinstance(event, ConnectionOpened)
    assert (event.provider, event.kind, event.host, event.port, event.tls) == (
        "main",
        "rest",
        "127.0.0.1",
        port,
        None,
    )


async def test_too_large_an_answer_is_none(serve):
    """It is read no further than the bound, also where it does not say how long it is."""
    port, _ = await serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (BIG + 1))
    async with session(port) as rest:
        with pytest.raises(TransientError, match=f"its answer is over {BIG} bytes") as caught:
            await rest.get("/")
    assert (caught.value.provider, caught.value.cause) == ("main", "lost")


async def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_it_may(serve):
    """The error says where, and what to do."""
    port, _ = await serve(answer(""), pause_s=60)
    with trio.fail_after(10):
        async with session(port, connect_s=0.2, answer_s=0.2) as rest:
            with pytest.raises(TransientError, match="no whole answer in time; check rest_url"):
                await rest.get("/")


async def test_nobody_there_is_worth_another_try(serve):
    """As is an answer that is none."""
    port, _ = await serve(b"\x00\x01 nonsense\r\n\r\n")
    async with session(port) as rest, session(1) as nobody:
        with pytest.raises(TransientError, match=r"leg 'main': Acme could not be asked at http://127.0.0.1:"):
            await rest.get("/")
        with pytest.raises(TransientError, match=r"Acme could not be asked at http://127\.0\.0\.1:1: "):
            await nobody.get("/")


async def test_a_certificate_that_is_not_to_be_trusted_ends_it(serve):
    """No second try would change it; nothing was asked."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    port, asked = await serve(answer("secret"), context)
    async with session(port, scheme="https") as rest:
        with pytest.raises(
            PermanentError, match=r"is not to be trusted .*check rest_url, this machine's clock"
        ):
            await rest.get("/")
    assert asked == []


async def test_an_answer_that_makes_no_sense_says_to_what():
    """Its reason is cut: a stranger's text may be endless."""
    error = session(1).garbled("/v1/trades", ValueError("x" * 5_000))
    assert error.cause == "garbled"
    assert "its answer to /v1/trades cannot be read (xxx" in str(error)
    assert len(str(error)) < 500
