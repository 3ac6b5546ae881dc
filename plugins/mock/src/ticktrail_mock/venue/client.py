"""Serve one connection: its subscriptions, its requests, its pings.

Owns: the conversation in the venue's words, and the venue's limits on it.
Never: decides what is sent when; the path does.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", read 2026-11: live subscribing, 5 incoming
messages a second, 1,024 streams a connection, a ping every 20 s and one minute for its pong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec
import trio
import trio_websocket

from ticktrail_mock.venue.frames import SharedStream, text_frame
from ticktrail_mock.venue.tape import Message

__all__ = ["Client"]

MOST_STREAMS = 1_024
MESSAGES_A_SECOND = 5
PING_EVERY_S = 20.0
PONG_WITHIN_S = 60.0


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
        refuse: Returns an error for the next subscription, or None.
        on_change: Called when the subscriptions changed.
    """

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        streams: Iterable[str],
        combined: bool,
        refuse: Callable[[], tuple[int, str] | None],
        on_change: Callable[[], None],
    ) -> None:
        self.streams = set(streams)
        self._connection = connection
        self._stream = stream
        self._combined = combined
        self._refuse = refuse
        self._on_change = on_change
        self._asked: deque[float] = deque(maxlen=MESSAGES_A_SECOND)

    async def serve(self) -> None:
        """Answer requests until the connection ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ping)
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
            if message.stream in self.streams
        ]
        if frames:
            try:
                await self._stream.send_all(b"".join(frames))
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

    def _within_limit(self) -> bool:
        now = trio.current_time()
        full = len(self._asked) == MESSAGES_A_SECOND and now - self._asked[0] < 1.0
        self._asked.append(now)
        return not full

    async def _ping(self) -> None:
        while True:
            await trio.sleep(PING_EVERY_S)
            try:
                with trio.move_on_after(PONG_WITHIN_S) as waiting:
                    await self._connection.ping()
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
