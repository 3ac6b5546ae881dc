"""Be a venue that speaks JSON over one web socket and answers REST requests, in some twenty lines of its own words.

Owns: what such venues have in common, so that a subclass says only what it is asked and what it answers.
Never: knows a venue's words; the subclass does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Self
from urllib.parse import parse_qsl, urlsplit

import h11
import msgspec
import trio
import trio_websocket

from ticktrail.pace import Speed
from ticktrail.testing.venue._client import Client, cut_short
from ticktrail.testing.venue._door import Door, Visit
from ticktrail.testing.venue._faults import Fault
from ticktrail.testing.venue._frames import SharedStream, data_frame
from ticktrail.testing.venue._json_path import JsonPath, text_of
from ticktrail.testing.venue._message import Message, Tape
from ticktrail.testing.venue._rest import Answer, hindrance
from ticktrail.testing.venue._server import Venue, running

__all__ = ["JsonClient", "JsonVenue"]

REMEMBERED = 100_000


class JsonVenue(Venue[JsonPath]):
    """A venue whose messages are JSON texts; subclass it with the words of yours.

    Override `hear`, and what else the venue has: `greeting`, `refusal`, `answer`, `heartbeat`, `new_client`. What
    is said there is encoded as JSON; bytes go as they are.

    Args:
        tape: What it sends, such as a `LiveTape`.
        faults: What it does wrong, and when.
        starts_at: The tape starts once so many streams are subscribed to in all.
        waits: Hold the tape while nobody is subscribed, so that a client that comes back misses nothing.

    Attributes:
        ws_path: Where web sockets are taken, such as ``/v2``; empty: anywhere.
        heartbeat_every_s: How often `heartbeat` is sent; 0: never.
        told: What the tape had so far, for `answer`: the last 100,000 messages.
    """

    ws_path: ClassVar[str] = ""
    heartbeat_every_s: ClassVar[float] = 0.0

    def __init__(
        self, tape: Tape, *, faults: Sequence[Fault] = (), starts_at: int = 1, waits: bool = False
    ) -> None:
        super().__init__(tape, JsonPath, faults=faults, starts_at=starts_at)
        self.told: deque[Message] = deque(maxlen=REMEMBERED)
        self._waits = waits

    def greeting(self) -> Iterable[object]:
        """Return what a client is told as soon as it is connected."""
        return ()

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Take a client's message, already decoded; call `client.subscribe` or `unsubscribe`, return the answers."""
        raise NotImplementedError(f"{type(self).__name__}.hear: say what a subscription is")

    def refusal(self, message: object, fault: Fault) -> object | None:
        """Return what is said in place of granting the message, under ``error_reply``; None for what nobody grants."""
        del message, fault
        return None

    def heartbeat(self) -> object:
        """Return what is sent now and then whatever happens."""
        return {}

    def answer(self, path: str, query: Mapping[str, str]) -> object | Answer | None:
        """Return what a REST request is answered; None: 404."""
        del path, query
        return None

    @asynccontextmanager
    async def serve(self, *, speed: Speed = "recorded", port: int = 0) -> AsyncIterator[Self]:
        """Run it for as long as the context is open.

        Raises:
            ConfigError: The port is taken.
        """
        async with running(self, speed=speed, port=port):
            yield self

    def note(self, chunk: Sequence[Message]) -> None:
        """Remember what the tape has next."""
        self.told.extend(chunk)

    def new_path(self, prefix: str) -> JsonPath:
        """Return the path of a prefix."""
        return JsonPath(prefix, self.faults, waits=self._waits, on_subscribed=self.on_subscribed)

    def new_client(
        self, connection: trio_websocket.WebSocketConnection, stream: SharedStream, path: JsonPath
    ) -> JsonClient:
        """Return what serves a connection; override it where one keeps more than what it is subscribed to."""
        return JsonClient(connection, stream, venue=self, path=path)

    def door(self) -> Door:
        """Return what connections meet first."""
        return Door(lead=self._lead, answer=self._answer)

    def _lead(self, request: h11.Request) -> Visit | None:
        if self.ws_path and urlsplit(request.target.decode("ascii")).path != self.ws_path:
            return None
        path = self.path("")
        return Visit(path, lambda connection, stream: self.new_client(connection, stream, path))

    async def _answer(self, request: h11.Request) -> Answer:
        parts = urlsplit(request.target.decode("ascii"))
        path = self.path("")
        path.note_asked(request.target.decode("ascii"))
        hindered = await hindrance(path, b"{}")
        if hindered is not None:
            return hindered
        said = self.answer(parts.path, dict(parse_qsl(parts.query)))
        if isinstance(said, Answer):
            return said
        return Answer(404, b"{}") if said is None else Answer(200, text_of(said))


class JsonClient(Client):
    """One connection to a `JsonVenue`."""

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        venue: JsonVenue,
        path: JsonPath,
    ) -> None:
        super().__init__(connection, stream, on_change=path.changed)
        self._venue = venue
        self._path = path

    def subscribe(self, *streams: str) -> None:
        """Send what the tape has of these streams from now on."""
        self.streams.update(streams)
        self.on_change()

    def unsubscribe(self, *streams: str) -> None:
        """Send no more of these streams."""
        self.streams.difference_update(streams)
        self.on_change()

    def wants(self, stream: str) -> bool:
        """Tell whether a stream is subscribed to."""
        return stream in self.streams

    def frames(self, messages: Sequence[Message]) -> bytes:
        """Return a frame a message."""
        return b"".join(
            data_frame(cut_short(message.raw) if message.cut else message.raw) for message in messages
        )

    def frame(self, payload: bytes) -> bytes:
        """Return a text frame."""
        return data_frame(payload)

    async def converse(self) -> None:
        """Greet, and answer until the connection ends."""
        async with trio.open_nursery() as nursery:
            if self._venue.heartbeat_every_s:
                nursery.start_soon(self._beat)
            await self.say(*map(text_of, self._venue.greeting()))
            while True:
                try:
                    text = await self.connection.get_message()
                except trio_websocket.ConnectionClosed:
                    break
                self.heard()
                try:
                    message = msgspec.json.decode(text)
                except msgspec.DecodeError:
                    await self.connection.aclose(1007, "no JSON")
                    break
                await self.say(*map(text_of, self._replies(message)))
            nursery.cancel_scope.cancel()

    def _replies(self, message: object) -> Iterable[object]:
        fault = self._path.waiting("error_reply")
        refused = None if fault is None else self._venue.refusal(message, fault)
        if refused is None:
            return self._venue.hear(self, message)
        self._path.take("error_reply")
        return (refused,)

    async def _beat(self) -> None:
        while True:
            await trio.sleep(self._venue.heartbeat_every_s)
            await self.say(text_of(self._venue.heartbeat()))
