"""Serve one Alpaca connection: its authentication, its subscriptions, its encoding.

Owns: the conversation in the venue's words, and the venue's limits on it.
Never: decides what is sent when; the path does.

Source: docs.alpaca.markets, "WebSocket Stream", read 2026-11: control messages come in arrays of one; 10 s for the
authentication; the acknowledgement lists every subscription; a request beyond the symbol limit changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec
import trio
import trio_websocket

from ticktrail.testing.venue import Client, Message, SharedStream, cut_short, data_frame
from ticktrail_mock.venue.alpaca.codec import array, json_of, msgpack_of, request_of, text_of
from ticktrail_mock.venue.alpaca.path import AlpacaPath, error_message
from ticktrail_mock.venue.alpaca.words import (
    ALL,
    BY_THEMSELVES,
    CHANNEL_OF,
    CHANNELS,
    ERRORS,
    LIMITED,
    SYMBOLS,
    Market,
    stream_name,
)

__all__ = ["AlpacaClient", "Terms"]

PONG_WITHIN_S = 90.0
ELSEWHERE = frozenset(CHANNEL_OF.values()) | {"news"}
"""Channels that some feed has."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms clients are served.

    Attributes:
        market: Which market the venue is.
        key: The key that it knows.
        secret: That key's secret.
        symbol_limit: Symbols that a connection may have trades, quotes and order books of; None: any number.
        connection_limit: Authenticated connections to one feed of a path; None: any number.
        auth_within_s: How long a connection may stay without authentication.
        ping_every_s: How often connections are pinged; None: never.
        now_ns: The venue's clock.
    """

    market: Market
    key: str
    secret: str
    symbol_limit: int | None
    connection_limit: int | None
    auth_within_s: float
    ping_every_s: float | None
    now_ns: Callable[[], int]


class AlpacaClient(Client):
    """One web-socket connection of a loopback Alpaca.

    Args:
        connection: Reads the client's messages and keeps the protocol.
        stream: The same connection, to write data to by the batch.
        path: Where it is.
        terms: On what terms.
        feed: Such as ``v2/iex``.
        binary: It speaks MessagePack, else JSON.
        keys: Key and secret of the handshake's headers; None without.

    Attributes:
        feed: Such as ``v2/iex``.
        authenticated: It has shown the right keys.
    """

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        path: AlpacaPath,
        terms: Terms,
        feed: str,
        binary: bool,
        keys: tuple[str, str] | None,
    ) -> None:
        super().__init__(connection, stream, on_change=path.changed)
        self.feed = feed
        self.authenticated = False
        self._path = path
        self._terms = terms
        self._binary = binary
        self._keys = keys
        self._in_book: dict[
            str, int
        ] = {}  # by symbol: the tape up to this place was in the book that was sent

    async def converse(self) -> None:
        """Greet, answer requests until the connection ends, and ping meanwhile."""
        async with trio.open_nursery() as nursery:
            if self._terms.ping_every_s is not None:
                nursery.start_soon(self.keep_alive, self._terms.ping_every_s, PONG_WITHIN_S)
            await self._talk()
            nursery.cancel_scope.cancel()

    async def _talk(self) -> None:
        deadline = trio.current_time() + self._terms.auth_within_s
        await self.say(_success("connected"))
        if self._keys is not None:
            await self.say(self._authenticate(*self._keys))
        while True:
            with trio.CancelScope(deadline=math.inf if self.authenticated else deadline) as waiting:
                try:
                    message = await self.connection.get_message()
                except trio_websocket.ConnectionClosed:
                    return
            if waiting.cancelled_caught:
                await self.say(_error(404))
                await self.connection.aclose(1000)
                return
            self.heard()
            await self.say(*self._answers(message))

    def wants(self, stream: str) -> bool:
        """Tell whether a stream is subscribed to, by its name, by ``*``, or with the trades of its symbol."""
        symbol, _, channel = stream.rpartition("@")
        return self._has(symbol, channel) or (channel in BY_THEMSELVES and self._has(symbol, "trades"))

    def frames(self, messages: Sequence[Message]) -> bytes:
        """Return a frame for each run of messages that came together."""
        new = [message for message in messages if not self._is_in_book(message)]
        frames: list[bytes] = []
        for _, group in groupby(new, key=lambda message: message.batch):
            together = list(group)
            payload = self._encoded(array([message.raw for message in together]))
            spoilt = any(message.cut for message in together)
            frames.append(data_frame(cut_short(payload) if spoilt else payload, binary=self._binary))
        return b"".join(frames)

    def frame(self, payload: bytes) -> bytes:
        """Return the frame of a message given as JSON."""
        return data_frame(self._encoded(payload), binary=self._binary)

    def _encoded(self, payload: bytes) -> bytes:
        return msgpack_of(payload, self._terms.market) if self._binary else payload

    def _has(self, symbol: str, channel: str) -> bool:
        return stream_name(symbol, channel) in self.streams or stream_name(ALL, channel) in self.streams

    def _is_in_book(self, message: Message) -> bool:
        """Tell whether a change of a book was in the whole book that this connection was sent already."""
        symbol, _, channel = message.stream.rpartition("@")
        return channel == "orderbooks" and message.number <= self._in_book.get(symbol, 0)

    def _answers(self, message: str | bytes) -> Iterable[bytes]:
        try:
            request = request_of(message, binary=self._binary)
        except msgspec.MsgspecError:
            return [_error(400)]
        match request.get("action"):
            case "auth":
                key, secret = request.get("key"), request.get("secret")
                if not isinstance(key, str) or not isinstance(secret, str):
                    return [_error(400)]
                return [self._authenticate(key, secret)]
            case "subscribe" | "unsubscribe" as action:
                if not self.authenticated:
                    return [_error(401)]
                lists = {channel: names for channel, names in request.items() if isinstance(names, list)}
                return self._subscribe(lists) if action == "subscribe" else self._unsubscribe(lists)
            case _:
                return [_error(400)]

    def _authenticate(self, key: str, secret: str) -> bytes:
        if self.authenticated:
            return _error(403)
        fault = self._path.refuse("auth")
        if fault is not None:
            return error_message(fault.code, fault.message)
        if (key, secret) != (self._terms.key, self._terms.secret):
            return _error(402)
        others = sum(
            isinstance(client, AlpacaClient) and client.authenticated and client.feed == self.feed
            for client in self._path.clients
        )
        if self._terms.connection_limit is not None and others >= self._terms.connection_limit:
            return _error(406)
        self.authenticated = True
        return _success("authenticated")

    def _subscribe(self, lists: dict[str, list[str]]) -> Iterable[bytes]:
        fault = self._path.refuse("subscribe")
        if fault is not None:
            return [error_message(fault.code, fault.message)]
        mine = CHANNELS[self._terms.market]
        if any(names and channel in ELSEWHERE and channel not in mine for channel, names in lists.items()):
            return [_error(410)]
        wanted = {channel: names for channel, names in lists.items() if channel in mine}
        valid = SYMBOLS[self._terms.market].fullmatch
        if not all(valid(name) for names in wanted.values() for name in names):
            return [_error(400)]
        streams = {stream_name(name, channel) for channel, names in wanted.items() for name in names}
        limit = self._terms.symbol_limit
        if limit is not None and self._limited(self.streams | streams) > limit:
            return [_error(405)]
        before = {symbol for symbol in self._path.symbols if self._has(symbol, "orderbooks")}
        self.streams |= streams
        self.on_change()
        resets = [
            self._whole_book(symbol)
            for symbol in self._path.symbols
            if symbol not in before and self._has(symbol, "orderbooks")
        ]
        return [self._acknowledgement(), *resets]

    def _unsubscribe(self, lists: dict[str, list[str]]) -> Iterable[bytes]:
        for channel, names in lists.items():
            gone = {stream_name(name, channel) for name in names}
            if ALL in names:
                gone |= {stream for stream in self.streams if stream.endswith(f"@{channel}")}
            self.streams -= gone
        self.on_change()
        return [self._acknowledgement()]

    def _limited(self, streams: Iterable[str]) -> int:
        """Return of how many symbols these are; ``*`` is all of them."""
        parts = [stream.rpartition("@") for stream in streams]
        symbols = {symbol for symbol, _, channel in parts if channel in LIMITED}
        return len(symbols - {ALL} | set(self._path.symbols) if ALL in symbols else symbols)

    def _acknowledgement(self) -> bytes:
        """Return the whole list of what is subscribed to."""
        lists: dict[str, set[str]] = {channel: set() for channel in CHANNELS[self._terms.market]}
        for stream in self.streams:
            symbol, _, channel = stream.rpartition("@")
            lists[channel].add(symbol)
        for channel in BY_THEMSELVES:
            if channel in lists:
                lists[channel] |= lists["trades"]
        return json_of(
            [{"T": "subscription", **{channel: sorted(names) for channel, names in lists.items()}}]
        )

    def _whole_book(self, symbol: str) -> bytes:
        """Return a symbol's book as it is now; changes that are in it are not sent any more."""
        self._in_book[symbol] = self._path.memory.number
        book, time = self._path.memory.book(symbol)
        bids, asks = book.levels()
        event = {
            "T": "o",
            "S": symbol,
            "t": time or text_of(self._terms.now_ns()),
            "b": bids,
            "a": asks,
            "r": True,
        }
        return json_of([event])


def _success(text: str) -> bytes:
    return msgspec.json.encode([{"T": "success", "msg": text}])


def _error(code: int) -> bytes:
    return error_message(code, ERRORS[code])
