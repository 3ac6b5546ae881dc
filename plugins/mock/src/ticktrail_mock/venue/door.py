"""Open the door to whoever connects: REST requests are answered, web sockets are led to their path.

Owns: the first request of a connection.
Never: reads a web-socket message; the client of a path does.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import h11
import msgspec
import trio
import trio_websocket

from ticktrail_mock.venue.client import Client
from ticktrail_mock.venue.frames import SharedStream
from ticktrail_mock.venue.path import VenuePath
from ticktrail_mock.venue.symbols import Listing, exchange_info

__all__ = ["Door"]

READ_BYTES = 65_536
REQUEST_S = 10.0
INVALID_SYMBOL = -1121
REST = "/api/v3/"
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
        prefix, _, names = parts.path.partition(end or "\0")
        path = self._path_of(prefix)
        async with trio.open_nursery() as nursery:
            request = await trio_websocket.wrap_server_stream(nursery, stream)
            refusal = path.refusal() if end is not None else (404, 0)
            if refusal is not None:
                status, wait_s = refusal
                await request.reject(status, extra_headers=_retry_after(wait_s))
                nursery.cancel_scope.cancel()
                return
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
                refuse=path.refuse_subscription,
                on_change=path.changed,
            )
            path.clients.add(client)
            path.changed()
            try:
                await client.serve()
            finally:
                path.clients.discard(client)
                client.streams.clear()
                path.changed()
                nursery.cancel_scope.cancel()

    async def _rest(self, stream: trio.SocketStream, request: h11.Request) -> None:
        parts = urlsplit(request.target.decode("ascii"))
        prefix, _, name = parts.path.partition(REST)
        refusal = self._path_of(prefix).refusal()
        wait_s = 0
        if refusal is not None:
            status, wait_s = refusal
            body = b'{"code":-1003,"msg":"Refused by the fault script."}'
        else:
            status, body = self._answer(name, parse_qs(parts.query))
        connection = h11.Connection(h11.SERVER)
        response = h11.Response(
            status_code=status,
            headers=[
                (b"Content-Type", b"application/json;charset=UTF-8"),
                (b"Content-Length", str(len(body)).encode()),
                (b"X-MBX-USED-WEIGHT-1M", b"20"),
                (b"Connection", b"close"),
                *_retry_after(wait_s),
            ],
        )
        head = connection.send(response) or b""
        await stream.send_all(head + (connection.send(h11.Data(data=body)) or b""))

    def _answer(self, name: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        now_ms = self._now_ms()
        match name:
            case "ping":
                return 200, b"{}"
            case "time":
                return 200, msgspec.json.encode({"serverTime": now_ms})
            case "exchangeInfo":
                try:
                    wanted = (
                        msgspec.json.decode(query["symbols"][0], type=list[str])
                        if "symbols" in query
                        else None
                    )
                except msgspec.MsgspecError:
                    return 400, _refused(-1100, "Illegal characters found in parameter 'symbols'.")
                body = exchange_info(self._listing, wanted, now_ms)
                return (400, _refused(INVALID_SYMBOL, "Invalid symbol.")) if body is None else (200, body)
            case _:
                return 404, _refused(-1000, f"This loopback venue has no {REST}{name[:80]}.")


def _refused(code: int, message: str) -> bytes:
    return msgspec.json.encode({"code": code, "msg": message})


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
