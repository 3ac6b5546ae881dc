"""Take data messages off a web-socket connection before its protocol library sees them.

Owns: the stream that stands between the network and trio-websocket: what passes untouched (the handshake, control
frames), what is taken off (data messages, one batch a read, stamped when the read returned), and why it ended.
Never: answers a frame or closes by itself; trio-websocket does.

Explained in docs/explanation/web-socket.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import trio

from ticktrail._contracts.clock import Clock
from ticktrail.net._frames import FrameError, FrameSplitter

__all__ = ["Received", "Tap"]

READ_BYTES = 65_536
"""At most this much a read: some 300 messages of a busy market."""
MAX_HEAD_BYTES = 65_536
"""The answer to a handshake is far smaller; a server that sends more is none of ours."""
_HEAD_END = b"\r\n\r\n"


class Received(NamedTuple):
    """The data messages that one read of the socket made whole, and when it returned."""

    payloads: Sequence[bytes]
    recv_ns: int
    mono_ns: int


class Tap(trio.abc.Stream):
    """A stream to give to `trio_websocket.wrap_client_stream`.

    Args:
        stream: The connection.
        clock: Stamps each read.
        max_message_bytes: A longer message ends the session.
        out: Where batches go; closed when no more will come. Its bound is the back-pressure on the socket.
        on_cut: Called where the connection ends before the handshake is over.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        *,
        clock: Clock,
        max_message_bytes: int,
        out: trio.MemorySendChannel[Received],
        on_cut: Callable[[], None],
    ) -> None:
        self.cause: str | None = None
        self.close_code = 1000
        self.last_read_ns = clock.mono_ns()
        self.reading = False
        self._stream = stream
        self._clock = clock
        self._splitter = FrameSplitter(max_bytes=max_message_bytes)
        self._out = out
        self._on_cut = on_cut
        self._head: bytearray | None = bytearray()  # the handshake's answer so far; None once it is over
        self._last = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as the stream does."""
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        """Wait, as the stream does."""
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """Close the stream; no more batches will come."""
        self._end("closed before the handshake was over")
        await self._stream.aclose()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return the next bytes that are not data messages; empty at the end of the stream."""
        del max_bytes  # data messages are read in larger pieces than control frames need
        if self._last:
            self._out.close()  # the close frame has been seen to by now
        while True:
            data = await self._read()
            if not data:
                self._end("the server ended the connection without a close frame")
                return b""
            if self._head is not None:
                rest = self._take_head(data)
                if rest is None:
                    return bytes(data)
                head, data = data[: len(data) - len(rest)], rest
            else:
                head = b""
            control = await self._take(data)
            if head or control:
                return bytes(head) + control

    def fail(self, cause: str, *, close_code: int = 1000) -> None:
        """End the session from this side: no more batches, and `cause` says why."""
        self.cause = self.cause or cause
        self.close_code = close_code
        self._out.close()

    async def _read(self) -> bytes | bytearray:
        self.reading = True
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except trio.BrokenResourceError as exc:
            self._end(f"the connection broke ({exc.__cause__ or exc})")
            raise
        finally:
            self.reading = False
        self._recv_ns = self._clock.now_ns()
        self.last_read_ns = self._clock.mono_ns()
        return data

    def _take_head(self, data: bytes | bytearray) -> bytes | None:
        """Return what follows the handshake's answer in `data`; None while the answer is not whole, or declines."""
        head = self._head
        assert head is not None  # noqa: S101 - the caller looked
        before = len(head)
        head += data
        if len(head) > MAX_HEAD_BYTES or not head.startswith(b"HTTP/1.1 101"[: len(head)]):
            return None  # no web socket: trio-websocket reads the refusal, or refuses what it reads
        end = head.find(_HEAD_END)
        if end < 0:
            return None
        self._head = None
        return bytes(data[end + len(_HEAD_END) - before :])

    async def _take(self, data: bytes | bytearray) -> bytes:
        """Hand on the data messages, return the rest."""
        if self.cause is not None:
            return b""
        try:
            messages, control, self._last = self._splitter.feed(bytes(data))
        except FrameError as exc:
            self.fail(str(exc), close_code=exc.code)
            return b""
        if messages:
            # Nobody reads any more once the session is being closed; control frames must still pass.
            with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._out.send(Received(messages, self._recv_ns, self.last_read_ns))
        return control

    def _end(self, cause: str) -> None:
        if self._head is not None:
            self._on_cut()
        if not self._last:  # after a close frame the end of the stream is no news
            self.cause = self.cause or cause
        self._out.close()
