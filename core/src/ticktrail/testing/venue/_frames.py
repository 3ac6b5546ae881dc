"""Write web-socket frames by the hundred, in one send.

Owns: the bytes of a server's data frame, and a stream that two writers share.
Never: reads; trio-websocket does, and writes its own control frames through the same stream.

Source: RFC 6455 (December 2011) section 5.2.
"""

from __future__ import annotations

import trio

__all__ = ["SharedStream", "data_frame"]


def data_frame(payload: bytes, *, binary: bool = False) -> bytes:
    """Return an unmasked, unfragmented frame, of text where it is not `binary`."""
    first = b"\x82" if binary else b"\x81"
    size = len(payload)
    if size < 126:
        return first + bytes((size,)) + payload
    if size < 65_536:
        return first + b"\x7e" + size.to_bytes(2, "big") + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


class SharedStream(trio.abc.Stream):
    """A connection whose first bytes were read already, and on which whole sends never mix.

    Args:
        stream: The connection.
        read: What was taken off it: the client's handshake.
    """

    def __init__(self, stream: trio.SocketStream, read: bytes) -> None:
        self._stream = stream
        self._read = read
        self._sending = trio.Lock()

    @property
    def socket(self) -> trio.socket.SocketType:
        """The socket, for the addresses of both ends."""
        return self._stream.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, after whoever is sending."""
        async with self._sending:
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return what was read already first."""
        if self._read:
            first, self._read = self._read, b""
            await trio.lowlevel.checkpoint()
            return first
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()
