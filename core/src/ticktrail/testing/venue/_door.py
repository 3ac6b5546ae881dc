"""Open the door to whoever connects: REST requests are answered, web sockets are led to their path.

Owns: the first request of a connection.
Never: reads a web-socket message, or knows what a URL means; the client of a path and the venue do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11
import trio
import trio_websocket

from ticktrail.testing.venue._client import Client
from ticktrail.testing.venue._frames import SharedStream
from ticktrail.testing.venue._path import VenuePath
from ticktrail.testing.venue._rest import Answer

__all__ = ["Door", "Visit", "header"]

READ_BYTES = 65_536
REQUEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a web socket is led: its path, and what makes its client once it is open."""

    path: VenuePath
    client: Callable[[trio_websocket.WebSocketConnection, SharedStream], Client]


class Door:
    """What a connection of a loopback venue meets first.

    Args:
        lead: Returns where a web socket is led by its request, None where there is nothing.
        answer: Returns the answer to a REST request.
    """

    def __init__(
        self,
        *,
        lead: Callable[[h11.Request], Visit | None],
        answer: Callable[[h11.Request], Awaitable[Answer]],
    ) -> None:
        self._lead = lead
        self._answer = answer

    async def welcome(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end."""
        async with stream:
            try:
                with trio.fail_after(REQUEST_S):
                    request, read = await _first_request(stream)
                if header(request, "upgrade").lower() == "websocket":
                    await self._web_socket(SharedStream(stream, read), self._lead(request))
                else:
                    await self._rest(stream, request)
            except (
                trio.BrokenResourceError,
                trio.ClosedResourceError,
                trio.TooSlowError,
                h11.RemoteProtocolError,
            ):
                return  # whoever it was has gone, or speaks something else

    async def _web_socket(self, stream: SharedStream, visit: Visit | None) -> None:
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            refusal = visit.path.refusal() if visit is not None else (404, 0)
            if visit is None or refusal is not None:
                status, wait_s = refusal or (404, 0)
                await request.reject(status, extra_headers=_retry_after(wait_s))
                nursery.cancel_scope.cancel()
                return
            late = visit.path.take("late_handshake")
            await trio.sleep(0.0 if late is None else late.for_s)
            client = visit.client(await request.accept(), stream)
            visit.path.enter(client)
            try:
                await client.serve()
            finally:
                visit.path.leave(client)
                nursery.cancel_scope.cancel()

    async def _rest(self, stream: trio.SocketStream, request: h11.Request) -> None:
        answer = await self._answer(request)
        connection = h11.Connection(h11.SERVER)
        response = h11.Response(
            status_code=answer.status,
            headers=[
                (b"Content-Type", answer.content_type.encode()),
                (b"Content-Length", str(len(answer.body)).encode()),
                (b"Connection", b"close"),
                *((name.encode(), value.encode()) for name, value in answer.headers),
                *_retry_after(answer.retry_after_s),
            ],
        )
        head = connection.send(response) or b""
        await stream.send_all(head + (connection.send(h11.Data(data=answer.body)) or b""))


def header(request: h11.Request, name: str) -> str:
    """Return a header's value; empty where there is none."""
    wanted = name.lower().encode()
    return next((value.decode("latin-1") for key, value in request.headers if key == wanted), "")


def _retry_after(seconds: int) -> list[tuple[bytes, bytes]]:
    return [(b"Retry-After", str(seconds).encode())] if seconds else []


async def _first_request(stream: trio.SocketStream) -> tuple[h11.Request, bytes]:
    """Return the request and all that was read for it."""
    connection = h11.Connection(h11.SERVER)
    read = bytearray()
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event, bytes(read)
        data = await stream.receive_some(READ_BYTES)
        if not data:
            raise trio.BrokenResourceError
        read += data
        connection.receive_data(bytes(data))
