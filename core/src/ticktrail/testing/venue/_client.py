"""Serve one connection of any venue: write what is subscribed to, late where a fault wants it so.

Owns: the way out of a connection.
Never: knows a venue's words, or decides what is sent when; its subclasses and the path do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import trio
import trio_websocket

from ticktrail.testing.venue._frames import SharedStream
from ticktrail.testing.venue._message import Message

__all__ = ["Client", "cut_short"]

QUEUED_LATE = 10_000
"""Pieces that wait for a connection that lags; beyond it the venue waits for that connection."""

FLOOD_PIECE_BYTES = 65_536


class Client(ABC):
    """One web-socket connection of a loopback venue.

    Args:
        connection: Reads the client's messages and keeps the protocol.
        stream: The same connection, to write data to by the batch.
        streams: What it is subscribed to from the beginning.
        on_change: Called when the subscriptions changed.

    Attributes:
        streams: What it is subscribed to.
        lag_s: How late it gets what the others get at once.
        busiest_second: The most messages that it sent within a second.
    """

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        streams: Iterable[str] = (),
        on_change: Callable[[], None],
    ) -> None:
        self.streams = set(streams)
        self.lag_s = 0.0
        self.busiest_second = 0
        self.connection = connection
        self.on_change = on_change
        self._stream = stream
        self._last = b""
        self._heard: deque[float] = deque()
        self._put_late, self._take_late = trio.open_memory_channel[tuple[float, bytes]](QUEUED_LATE)

    @abstractmethod
    async def converse(self) -> None:
        """Answer the client until the connection ends."""

    @abstractmethod
    def wants(self, stream: str) -> bool:
        """Tell whether messages of a stream come over this connection."""

    @abstractmethod
    def frames(self, messages: Sequence[Message]) -> bytes:
        """Return the frames of messages that are wanted; empty where there are none."""

    @abstractmethod
    def frame(self, payload: bytes) -> bytes:
        """Return the frame of one message of the venue's."""

    async def serve(self) -> None:
        """Be there until the connection ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_late)
            await self.converse()
            nursery.cancel_scope.cancel()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send what of the messages is subscribed to."""
        data = self.frames([message for message in messages if self.wants(message.stream)])
        self._last = data or self._last
        if data and self.lag_s:
            await self._put_late.send((trio.current_time() + self.lag_s, data))
        elif data:
            await self._write(data)

    async def say(self, *payloads: bytes) -> None:
        """Send messages, whatever is subscribed to; nothing comes between them."""
        try:
            await self._stream.send_all(b"".join(self.frame(payload) for payload in payloads))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.streams.clear()

    async def flood(self, least_bytes: int) -> None:
        """Send what was sent last again and again, so many bytes of it; nothing, where nothing was sent."""
        sent = 0
        while self._last and sent < least_bytes and self.streams:
            piece = self._last * max(1, FLOOD_PIECE_BYTES // len(self._last))
            await self._write(piece)
            sent += len(piece)

    async def cut(self) -> None:
        """End the connection without a close frame; what was sent before still arrives."""
        self.streams.clear()
        await self._stream.aclose()

    def heard(self) -> int:
        """Count a message of the client's, pongs included, and return how many there were within a second."""
        now = trio.current_time()
        self._heard.append(now)
        while now - self._heard[0] >= 1.0:
            self._heard.popleft()
        self.busiest_second = max(self.busiest_second, len(self._heard))
        return len(self._heard)

    async def keep_alive(self, every_s: float, within_s: float) -> None:
        """Ping the client now and then; who does not answer in time is cut."""
        while True:
            await trio.sleep(every_s)
            try:
                with trio.move_on_after(within_s) as waiting:
                    await self.connection.ping()
                    self.heard()
            except trio_websocket.ConnectionClosed:
                return
            if waiting.cancelled_caught:
                await self.cut()
                return

    async def _send_late(self) -> None:
        async for due, data in self._take_late:
            await trio.sleep_until(due)
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.streams.clear()  # it has gone; `serve` ends by itself
            self.on_change()


def cut_short(payload: bytes) -> bytes:
    """Return the first two thirds of a message, which is none any more."""
    return payload[: len(payload) * 2 // 3]
