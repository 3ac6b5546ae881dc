"""Open a web socket and give its messages by the batch.

Owns: connecting, TLS, the handshake's deadline, the watch for a dead connection, and a close that cannot hang.
Never: retries, and never reads a message.
"""

from __future__ import annotations

import math
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import cast

import trio
import trio_websocket

from ticktrail._contracts.clock import Clock
from ticktrail.address import Address, is_loopback, parse_address
from ticktrail.net._carrier import Carrier, carrier_of
from ticktrail.net._errors import (
    ConnectFailed,
    ConnectionLost,
    HandshakeRefused,
    TlsFailed,
    retry_after_s,
)
from ticktrail.net._tap import Received, Tap

__all__ = ["WebSocket", "open_websocket"]

QUEUED_READS = (
    4  # enough that reading goes on while the leg takes one over; more would only hide that it is behind
)
CLOSE_S = 1.0
MAX_MESSAGE_BYTES = 4 * 2**20


class WebSocket:
    """An open web socket; made by `open_websocket`.

    Attributes:
        carrier: What protects it: for the event that tells of the connection.
    """

    def __init__(
        self,
        address: Address,
        carrier: Carrier,
        connection: trio_websocket.WebSocketConnection,
        tap: Tap,
        batches: trio.MemoryReceiveChannel[Received],
    ) -> None:
        self.carrier = carrier
        self._address = address
        self._connection = connection
        self._tap = tap
        self._batches = batches

    async def receive(self) -> Received:
        """Return the messages of the next read of the socket that brought any.

        Raises:
            ConnectionLost: The connection ended; what came before was returned before.
        """
        try:
            return await self._batches.receive()
        except trio.EndOfChannel:
            raise self._lost() from None

    async def send(self, message: str | bytes) -> None:
        """Send a message: text, or binary where it is bytes.

        Raises:
            ConnectionLost: The connection has ended.
        """
        try:
            await self._connection.send_message(message)
        except trio_websocket.ConnectionClosed:
            raise self._lost() from None

    def _lost(self) -> ConnectionLost:
        closed = self._connection.closed
        if self._tap.cause is None and closed is not None and closed.code != 1006:
            return ConnectionLost.closed(self._address, closed.code, closed.reason)
        return ConnectionLost(self._address, self._tap.cause or "the connection broke")


@asynccontextmanager
async def open_websocket(
    url: str,
    *,
    clock: Clock,
    connect_s: float = 10.0,
    silent_s: float = math.inf,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
    headers: Mapping[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[WebSocket]:
    """Keep a web socket open for as long as the context is.

    Pings are answered and a close is returned without the caller's doing. Leaving the context takes a second at most.

    Args:
        url: ``wss://…``, or ``ws://…``; who may use the latter is the caller's business (`require_secure`).
        clock: Stamps what is received.
        connect_s: Seconds for name, connection, TLS and handshake together.
        silent_s: Seconds without a single byte, pings included, after which the connection counts as lost.
        max_message_bytes: A longer message ends the connection with code 1009.
        headers: To send with the handshake.
        ssl_context: Instead of the system's trust; TLS 1.2 or newer, the host's name checked.

    Raises:
        ValueError: It is no web-socket URL.
        WebSocketError: `ConnectFailed`, `TlsFailed`, `HandshakeRefused` on opening.
    """
    address = parse_address(url)
    handshake = trio.CancelScope(deadline=trio.current_time() + connect_s)
    with handshake:
        stream = await _connect(address, ssl_context)
    if handshake.cancelled_caught:
        raise _too_slow(address, connect_s)
    carrier = carrier_of(url, stream if isinstance(stream, trio.SSLStream) else None)
    out, batches = trio.open_memory_channel[Received](QUEUED_READS)
    handshake = trio.CancelScope(deadline=handshake.deadline)
    tap = Tap(stream, clock=clock, max_message_bytes=max_message_bytes, out=out, on_cut=handshake.cancel)
    session = _Session(address, tap, handshake, clock=clock, connect_s=connect_s)
    try:
        async with trio.open_nursery() as nursery:
            connection = await nursery.start(session.run, headers or {}, max_message_bytes)
            if not math.isinf(silent_s):
                nursery.start_soon(_watch, tap, clock, silent_s)
            try:
                yield WebSocket(address, carrier, connection, tap, batches)
            finally:
                batches.close()  # first: the reader must not wait for us while we wait for it
                with trio.move_on_after(CLOSE_S, shield=True):
                    await connection.aclose(tap.close_code)
                session.stop()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:  # a nursery's wrapping; what the caller raised comes out as it was
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        raise
    finally:
        batches.close()
        await trio.aclose_forcefully(stream)


class _Session:
    """The task in which trio-websocket reads; what goes wrong in there becomes the cause of the end."""

    def __init__(
        self, address: Address, tap: Tap, handshake: trio.CancelScope, *, clock: Clock, connect_s: float
    ) -> None:
        self._address = address
        self._tap = tap
        self._handshake = handshake
        self._clock = clock
        self._connect_s = connect_s
        self._reading: trio.CancelScope | None = None

    def stop(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def run(
        self,
        headers: Mapping[str, str],
        max_message_bytes: int,
        task_status: trio.TaskStatus[trio_websocket.WebSocketConnection],
    ) -> None:
        """Shake hands, then answer control frames until the connection has ended."""
        is_open = False
        try:
            async with trio.open_nursery() as reader:
                with self._handshake:
                    connection = await trio_websocket.wrap_client_stream(
                        reader,
                        cast(
                            "trio.SocketStream", self._tap
                        ),  # no more of a stream is asked than `trio.abc.Stream`
                        _host_header(self._address),
                        self._address.resource,
                        extra_headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                        max_message_size=max_message_bytes,
                    )
                    is_open = True
                    # Whoever leaves, cancelled or not, closes with the peer's consent, which has to be read.
                    self._reading, reader.cancel_scope.shield = reader.cancel_scope, True
                    task_status.started(connection)
                if not is_open:
                    reader.cancel_scope.cancel()
        except* Exception as group:  # noqa: BLE001 - whatever the library met on the wire ends the session by name
            failure = group.exceptions[0]
            if isinstance(failure, trio_websocket.ConnectionRejected):
                raise self._refused(failure) from None
            self._tap.fail(f"the server broke the protocol ({failure})", close_code=1002)
        if not is_open:
            raise self._unshaken()

    def _refused(self, refusal: trio_websocket.ConnectionRejected) -> HandshakeRefused:
        wait = next((value for name, value in refusal.headers or () if name.lower() == b"retry-after"), None)
        return HandshakeRefused(
            self._address,
            refusal.status_code,
            retry_after_s=None
            if wait is None
            else retry_after_s(wait.decode("latin-1"), now_ns=self._clock.now_ns()),
        )

    def _unshaken(self) -> ConnectFailed:
        if self._tap.cause is None:
            return _too_slow(self._address, self._connect_s)
        cause = f"what answers there speaks no web socket, or ended the handshake: {self._tap.cause}"
        return ConnectFailed(self._address, cause, remedy="check the port")


async def _connect(address: Address, ssl_context: ssl.SSLContext | None) -> trio.abc.Stream:
    try:
        stream = await trio.open_tcp_stream(address.host, address.port)
    except OSError as exc:
        raise ConnectFailed(address, _why(exc), remedy=_connect_remedy(address)) from exc
    if not address.tls:
        return stream
    context = ssl_context or ssl.create_default_context()
    encrypted = trio.SSLStream(stream, context, server_hostname=address.host, https_compatible=True)
    try:
        await encrypted.do_handshake()
    except trio.BrokenResourceError as exc:
        await trio.aclose_forcefully(stream)
        cause = exc.__cause__
        untrusted = isinstance(cause, ssl.SSLCertVerificationError)
        raise TlsFailed(address, _why(cause or exc), untrusted=untrusted) from exc
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return encrypted


async def _watch(tap: Tap, clock: Clock, silent_s: float) -> None:
    """End the session of a connection that brings nothing at all, while somebody reads from it."""
    while True:
        await trio.sleep(silent_s / 4)
        if tap.reading and clock.mono_ns() - tap.last_read_ns > silent_s * 1e9:
            tap.fail(f"not a byte came for {silent_s:g} s, not even a ping")
            return


def _host_header(address: Address) -> str:
    default = 443 if address.tls else 80
    return address.authority.removesuffix(f":{default}")


def _connect_remedy(address: Address) -> str:
    if is_loopback(address.host):
        return f"start what should listen on port {address.port}, or mend the port"
    return "check the host's name and port, and this machine's network"


def _too_slow(address: Address, connect_s: float) -> ConnectFailed:
    return ConnectFailed(
        address, f"no answer within {connect_s:g} s", remedy="check the network, or raise connect_s"
    )


def _why(exc: BaseException) -> str:
    """Return what the system said, without its class, a file name of its own or the address again."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return exc.verify_message
    if isinstance(exc, OSError):
        if isinstance(exc.__cause__, ExceptionGroup):  # one for each address that was tried
            exc = exc.__cause__.exceptions[0]
        if (
            isinstance(exc, OSError)
            and exc.errno is not None
            and exc.errno > 0
            and not isinstance(exc, ssl.SSLError)
        ):
            return os.strerror(exc.errno)
        return exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc)
    return str(exc)
