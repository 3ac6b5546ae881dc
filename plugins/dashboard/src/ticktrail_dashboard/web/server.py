"""Serve an application over HTTP/1.1 within limits, for as long as a feed runs.

Owns: the listener, how many may be connected, and the settings of hypercorn that hold requests down.
Never: answers a request, or ends the feed.
"""

from __future__ import annotations

import logging
import socket
import ssl
from functools import partial
from typing import Final

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState

from ticktrail_dashboard.web.connection import Connections, GuardedStream, Limits
from ticktrail_dashboard.web.headers import SECURITY

__all__ = ["serve"]

MOST_HEAD: Final = 16 * 1024
"""Bytes of a request's head that are kept while the rest has not come."""
STOP_WITHIN_S: Final = 0.8
SEND_BUFFER: Final = 256 * 1024
"""Bytes that the kernel holds for one that reads slowly: some frames, and a bound over all pages."""
NO_ROOM: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n"
    + b"".join(name + b": " + value + b"\r\n" for name, value in SECURITY)
    + b"\r\n"
)


class _Config(Config):
    """What hypercorn goes by; every answer has the headers of `SECURITY`, those that hypercorn makes itself too."""

    accesslog = None
    errorlog = logging.getLogger("ticktrail_dashboard.server")
    include_server_header = False
    keep_alive_max_requests = 200
    h11_max_incomplete_size = MOST_HEAD
    h2_max_concurrent_streams = 4
    websocket_max_message_size = 1024

    def __init__(self, limits: Limits) -> None:
        self.keep_alive_timeout = self.ssl_handshake_timeout = limits.headers_s

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        return [*super().response_headers(protocol), *SECURITY]


async def serve(
    app: ASGIFramework,
    listener: socket.socket,
    connections: Connections,
    *,
    certificate: ssl.SSLContext | None,
    stop: trio.Event,
) -> None:
    """Serve until `stop` is set; open connections then have a moment to take their last frame.

    Raises:
        OSError: The listener failed.
    """
    context = WorkerContext(None)
    handler = partial(_handle, app, _Config(connections.limits), context, connections, certificate)
    async with trio.open_nursery() as closing:
        async with trio.open_nursery() as handlers:
            async with trio.open_nursery() as accepting:
                listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
                accepting.start_soon(
                    partial(trio.serve_listeners, handler, listeners, handler_nursery=handlers)
                )
                await stop.wait()
                accepting.cancel_scope.cancel()
            closing.start_soon(_close_late, connections, handlers.cancel_scope)
            await context.terminated.set()
        closing.cancel_scope.cancel()


async def _close_late(connections: Connections, handlers: trio.CancelScope) -> None:
    """Give connections a moment for what is being sent, then end them, those that hypercorn shields too."""
    await trio.sleep(STOP_WITHIN_S)
    connections.close_all()
    handlers.cancel()


async def _handle(
    app: ASGIFramework,
    config: Config,
    context: WorkerContext,
    connections: Connections,
    certificate: ssl.SSLContext | None,
    stream: trio.SocketStream,
) -> None:
    """Serve one connection; what goes wrong in it ends it alone."""
    try:
        client = stream.socket.getpeername()[:2]
    except OSError:  # it is gone already: there is nobody to tell
        await trio.aclose_forcefully(stream)
        return
    if len(connections) >= connections.most:
        connections.refused += 1
        await _refuse(stream, is_plain=certificate is None)
        return
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    with trio.CancelScope() as scope:
        connection = connections.add(client, scope, stream.socket.close)

        def drop() -> None:
            connection.was_dropped = True
            scope.cancel()

        guarded = GuardedStream(stream, drop, write_s=connections.limits.write_s)
        served = (
            guarded
            if certificate is None
            else trio.SSLStream(guarded, certificate, server_side=True, https_compatible=True)
        )
        try:
            # What it asks of a stream is what both have.
            tcp = TCPServer(ASGIWrapper(app), config, context, ConnectionState({}), served)  # type: ignore[arg-type]
            await tcp.run()
        except* (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            connections.broken += 1  # the other side went away in the middle
        except* Exception as group:  # noqa: BLE001 - a defect ends this connection, and the next one is served all the same
            connections.fail(group)
        finally:
            connections.remove(client, connection)
            await trio.aclose_forcefully(stream)


async def _refuse(stream: trio.SocketStream, *, is_plain: bool) -> None:
    """Tell one connection too many to come again; the kernel's buffer takes it, or it is not told."""
    with trio.move_on_after(1):
        if is_plain:
            try:
                await stream.send_all(NO_ROOM)
                await stream.send_eof()
            except trio.BrokenResourceError:
                pass  # whoever was refused has left
    await trio.aclose_forcefully(stream)
