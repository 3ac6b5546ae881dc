"""Serve one Binance connection: its subscriptions, its requests, its pings.

Owns: the conversation in the venue's words, and the venue's limits on it.
Never: decides what is sent when; the path does.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", read 2026-11: live subscribing, 5 incoming
messages a second, 1,024 streams a connection, a ping every 20 s and one minute for its pong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import trio
import trio_websocket

from ticktrail.testing.venue import Client, Fault, Message, SharedStream, cut_short, data_frame

__all__ = ["ROUTES", "BinanceClient"]

MOST_STREAMS = 1_024
MESSAGES_A_SECOND = {"spot": 5, "futures": 10}
ROUTES: Mapping[str, tuple[str, ...]] = {
    "/public": ("depth", "bookTicker", "trade"),
    "/market": ("aggTrade", "kline", "markPrice", "ticker", "forceOrder"),
}
"""Paths of USD-M futures and the streams that come over each; over the wrong one a stream is granted and silent."""
PING_EVERY_S = 20.0
PONG_WITHIN_S = 60.0


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[str] = []


class _Unwrapped(msgspec.Struct):
    data: msgspec.Raw


class BinanceClient(Client):
    """One web-socket connection of a loopback Binance.

    Args:
        connection: Reads the client's messages and keeps the protocol.
        stream: The same connection, to write data to by the batch.
        streams: What the URL subscribed to.
        combined: Whether events are wrapped with the name of their stream (``/stream``) or bare (``/ws``).
        route: ``/public`` or ``/market`` of futures; empty for a venue without such paths.
        refuse: Returns the fault that refuses the next subscription, or None.
        on_change: Called when the subscriptions changed.
    """

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        streams: Iterable[str],
        combined: bool,
        route: str,
        refuse: Callable[[], Fault | None],
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(connection, stream, streams=streams, on_change=on_change)
        self._combined = combined
        self._kinds = ROUTES.get(route)
        self._most = MESSAGES_A_SECOND["futures" if route else "spot"]
        self._refuse = refuse

    async def converse(self) -> None:
        """Answer requests until the connection ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.keep_alive, PING_EVERY_S, PONG_WITHIN_S)
            while True:
                try:
                    text = await self.connection.get_message()
                except trio_websocket.ConnectionClosed:
                    break
                if self.heard() > self._most:
                    await self.connection.aclose(1008, "Too many requests")
                    break
                await self.say(self._answer(text))
            nursery.cancel_scope.cancel()

    def wants(self, stream: str) -> bool:
        """Tell whether a stream is subscribed to and comes over this route."""
        return stream in self.streams and (
            self._kinds is None or stream.partition("@")[2].startswith(self._kinds)
        )

    def frames(self, messages: Sequence[Message]) -> bytes:
        """Return a frame a message."""
        return b"".join([data_frame(self._payload(message)) for message in messages])

    def frame(self, payload: bytes) -> bytes:
        """Return a text frame."""
        return data_frame(payload)

    def _payload(self, message: Message) -> bytes:
        raw = message.raw
        if not self._combined:
            raw = bytes(msgspec.json.decode(raw, type=_Unwrapped).data)
        return cut_short(raw) if message.cut else raw

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
                fault = self._refuse()
                if fault is not None:
                    refused = (fault.code, fault.message)
                elif len(self.streams | set(request.params)) > MOST_STREAMS:
                    refused = (2, f"Invalid request: more than {MOST_STREAMS} streams")
                else:
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
        self.on_change()
        return msgspec.json.encode({"result": result, "id": request.id})


def _error(code: int, message: str, number: int | str | None) -> bytes:
    return msgspec.json.encode({"error": {"code": code, "msg": message}, "id": number})
