"""Open the door to whoever connects: REST requests are answered, web sockets are led to their path.

Owns: the first request of a connection.
Never: reads a web-socket message; the client of a path does.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import h11
import trio
import trio_websocket

from ticktrail_mock.venue.client import ROUTES, Client
from ticktrail_mock.venue.frames import SharedStream
from ticktrail_mock.venue.path import VenuePath
from ticktrail_mock.venue.rest import PREFIXES, answer_rest
from ticktrail_mock.venue.symbols import Listing

__all__ = ["Door"]

READ_BYTES = 65_536
REQUEST_S = 10.0
ENDS = ("/stream", "/ws")


class Door:
    """What a connection of a loopback venue meets first.

    Args:
        listing: What the venue trades.
        path_of: Returns the path of a URL prefix.
        now_ms: The venue's clock.
    """

    def __init__(
        self, listing: Listing, *, path_of: Callable[[str], VenuePath], now_ms: Callable[[], int]
    ) -> None:
        self._listing = listing
        self._path_of = path_of
        self._now_ms = now_ms

    async def welcome(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end."""
        async with stream:
            try:
                with trio.fail_after(REQUEST_S):
                    request, read = await _first_request(stream)
                if any(
                    name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers
                ):
                    await self._web_socket(SharedStream(stream, read), request.target.decode("ascii"))
                else:
                    await self._rest(stream, request)
            except (
                trio.BrokenResourceError,
                trio.ClosedResourceError,
                trio.TooSlowError,
                h11.RemoteProtocolError,
            ):
                return  # whoever it was has gone, or speaks something else

    async def _web_socket(self, stream: SharedStream, target: str) -> None:
        parts = urlsplit(target)
        end = next((end for end in ENDS if f"{end}/" in f"{parts.path}/"), None)
        before, _, names = parts.path.partition(end or "\0")
        route = next((route for route in ROUTES if before.endswith(route)), "")
        path = self._path_of(before.removesuffix(route))
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            refusal = path.refusal() if end is not None else (404, 0)
            if refusal is not None:
                status, wait_s = refusal
                await request.reject(status, extra_headers=_retry_after(wait_s))
                nursery.cancel_scope.cancel()
                return
            await trio.sleep(path.handshake_delay_s())
            asked = (
                parse_qs(parts.query).get("streams", [""])[0].split("/")
                if end == "/stream"
                else names.split("/")
            )
            client = Client(
                await request.accept(),
                stream,
                streams=[name for name in asked if name],
                combined=end == "/stream",
                route=route,
                refuse=path.refuse_subscription,
                on_change=path.changed,
            )
            path.enter(client)
            try:
                await client.serve()
            finally:
                path.leave(client)
                nursery.cancel_scope.cancel()

    async def _rest(self, stream: trio.SocketStream, request: h11.Request) -> None:
        parts = urlsplit(request.target.decode("ascii"))
        api = next((api for api in PREFIXES if api in parts.path), PREFIXES[0])
        prefix, _, name = parts.path.partition(api)
        answer = await answer_rest(self._path_of(prefix), api, name, parts.query, self._listing, self._now_ms)
        connection = h11.Connection(h11.SERVER)
        response = h11.Response(
            status_code=answer.status,
            headers=[
                (b"Content-Type", answer.content_type.encode()),
                (b"Content-Length", str(len(answer.body)).encode()),
                (b"X-MBX-USED-WEIGHT-1M", str(answer.used_weight).encode()),
                (b"Connection", b"close"),
                *_retry_after(answer.retry_after_s),
            ],
        )
        head = connection.send(response) or b""
        await stream.send_all(head + (connection.send(h11.Data(data=answer.body)) or b""))


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
