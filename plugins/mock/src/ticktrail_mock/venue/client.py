"""Serve one connection: its subscriptions, its requests, its pings.

Owns: the conversation in the venue's words, and the venue's limits on it.
Never: decides what is sent when; the path does.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", read 2026-11: live subscribing, 5 incoming
messages a second, 1,024 streams a connection, a ping every 20 s and one minute for its pong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import trio
import trio_websocket

from ticktrail_mock.venue.frames import SharedStream, text_frame
from ticktrail_mock.venue.tape import Message

__all__ = ["ROUTES", "Client"]

MOST_STREAMS = 1_024
MESSAGES_A_SECOND = {"spot": 5, "futures": 10}
ROUTES: Mapping[str, tuple[str, ...]] = {
    "/public": ("depth", "bookTicker", "trade"),
    "/market": ("aggTrade", "kline", "markPrice", "ticker", "forceOrder"),
}
"""Paths of USD-M futures and the streams that come over each; over the wrong one a stream is granted and silent."""
PING_EVERY_S = 20.0
PONG_WITHIN_S = 60.0
QUEUED_LATE = 10_000
"""Pieces that wait for a connection that lags; beyond it the venue waits for that connection."""


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[str] = []


class _Unwrapped(msgspec.Struct):
    data: msgspec.Raw


class Client:
    """One web-socket connection of a loopback venue.

    Args:
        connection: Reads the client's messages and keeps the protocol.
        stream: The same connection, to write data to by the batch.
        streams: What the URL subscribed to.
        combined: Whether events are wrapped with the name of their stream (``/stream``) or bare (``/ws``).
        route: ``/public`` or ``/market`` of futures; empty for a venue without such paths.
        refuse: Returns an error for the next subscription, or None.
        on_change: Called when the subscriptions changed.

    Attributes:
        lag_s: How late it gets what the others get at once.
    """

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        streams: Iterable[str],
        combined: bool,
        route: str,
        refuse: Callable[[], tuple[int, str] | None],
        on_change: Callable[[], None],
    ) -> None:
        self.streams = set(streams)
        self._connection = connection
        self._stream = stream
        self._combined = combined
        self._kinds = ROUTES.get(route)
        self._most = MESSAGES_A_SECOND["futures" if route else "spot"]
        self.lag_s = 0.0
        self.busiest_second = 0
        self._refuse = refuse
        self._on_change = on_change
        self._asked: deque[float] = deque()
        self._put_late, self._take_late = trio.open_memory_channel[tuple[float, bytes]](QUEUED_LATE)

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ping)
            nursery.start_soon(self._send_late)
            while True:
                try:
                    text = await self._connection.get_message()
                except trio_websocket.ConnectionClosed:
                    break
                if not self._within_limit():
                    await self._connection.aclose(1008, "Too many requests")
                    break
                await self.say(self._answer(text))
            nursery.cancel_scope.cancel()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send what of the messages is subscribed to."""
        frames = [
            text_frame(
                message.raw
                if self._combined
                else bytes(msgspec.json.decode(message.raw, type=_Unwrapped).data)
            )
            for message in messages
            if message.stream in self.streams and self._comes_here(message.stream)
        ]
        if frames and self.lag_s:
            await self._put_late.send((trio.current_time() + self.lag_s, b"".join(frames)))
        elif frames:
            await self._write(b"".join(frames))

    async def _send_late(self) -> None:
        async for due, data in self._take_late:
            await trio.sleep_until(due)
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.streams.clear()  # it has gone; `serve` ends by itself
            self._on_change()

    async def say(self, payload: bytes) -> None:
        """Send one message, whatever is subscribed to."""
        try:
            await self._stream.send_all(text_frame(payload))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.streams.clear()

    async def cut(self) -> None:
        """End the connection without a close frame; what was sent before still arrives."""
        self.streams.clear()
        await self._stream.aclose()

    def _comes_here(self, stream: str) -> bool:
        return self._kinds is None or stream.partition("@")[2].startswith(self._kinds)

    def _within_limit(self) -> bool:
        """Count a message, pongs included, and tell whether there were too many within a second."""
        now = trio.current_time()
        self._asked.append(now)
        while now - self._asked[0] >= 1.0:
            self._asked.popleft()
        self.busiest_second = max(self.busiest_second, len(self._asked))
        return len(self._asked) <= self._most

    async def _ping(self) -> None:
        while True:
            await trio.sleep(PING_EVERY_S)
            try:
                with trio.move_on_after(PONG_WITHIN_S) as waiting:
                    await self._connection.ping()
                    self._within_limit()
            except trio_websocket.ConnectionClosed:
                return
            if waiting.cancelled_caught:
                await self.cut()
                return

    def _answer(self, text: str | bytes) -> bytes:
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.ValidationError as exc:
            return _error(2, f"Invalid request: {exc}", None)
        except msgspec.MsgspecError as exc:
            return _error(3, f"Invalid JSON: {exc}", None)
        result: list[str] | None = None
        refused: tuple[int, str] | None = None
        match request.method:
            case "SUBSCRIBE":
                refused = self._refuse()
                if refused is None and len(self.streams | set(request.params)) > MOST_STREAMS:
                    refused = (2, f"Invalid request: more than {MOST_STREAMS} streams")
                if refused is None:
                    self.streams.update(request.params)
            case "UNSUBSCRIBE":
                self.streams.difference_update(request.params)
            case "LIST_SUBSCRIPTIONS":
                result = sorted(self.streams)
            case other:
                known = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS"
                refused = (2, f"Invalid request: unknown variant `{other}`, expected one of {known}")
        if refused is not None:
            return _error(*refused, request.id)
        self._on_change()
        return msgspec.json.encode({"result": result, "id": request.id})


def _error(code: int, message: str, number: int | str | None) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "msg": message}, "id": number})
