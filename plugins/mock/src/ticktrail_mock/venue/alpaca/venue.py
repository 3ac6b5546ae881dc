"""Be Alpaca on this machine: its paths, its door, its keys.

Owns: what makes a venue this one.
Never: listens or keeps the pace; the server of any venue does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import h11
import trio
import trio_websocket

from ticktrail.errors import ConfigError
from ticktrail.pace import Speed
from ticktrail.testing.venue import Answer, Door, Fault, Message, SharedStream, Venue, Visit, header, running
from ticktrail_mock.venue.alpaca.client import AlpacaClient, Terms
from ticktrail_mock.venue.alpaca.codec import json_of
from ticktrail_mock.venue.alpaca.memory import Memory
from ticktrail_mock.venue.alpaca.path import AlpacaPath
from ticktrail_mock.venue.alpaca.quota import Quota
from ticktrail_mock.venue.alpaca.rest import answer_rest, question_of
from ticktrail_mock.venue.alpaca.tape import AlpacaTape
from ticktrail_mock.venue.alpaca.words import FEEDS, Market

__all__ = ["AlpacaVenue", "serve_alpaca"]

KEY, SECRET = "KEY", "SECRET"  # of nobody


class AlpacaVenue(Venue[AlpacaPath]):
    """A running loopback Alpaca; made by `serve_alpaca`.

    `ws_url` is without the feed, such as ``/v2/iex``, which a provider adds.

    Attributes:
        market: ``stocks`` or ``crypto``.
    """

    def __init__(
        self,
        tape: AlpacaTape,
        terms: Terms,
        *,
        faults: Sequence[Fault],
        waits: bool,
        starts_at: int,
        archive: bool,
        requests_per_minute: int,
    ) -> None:
        super().__init__(tape, AlpacaPath, faults=faults, starts_at=starts_at)
        if terms.market != tape.market:
            raise ConfigError(f"the tape is of {tape.market}, the venue of {terms.market}; make them agree")
        self.market = terms.market
        self._terms = terms
        self._messages = tape.messages
        self._books = tape.books()
        self._market = Memory(self._books, archive=())  # of books alone
        self._symbols = tape.symbols()
        self._waits = waits
        self._archive = archive
        self._requests_per_minute = requests_per_minute

    def note(self, chunk: Sequence[Message]) -> None:
        """Know the books at the place to which the tape has come."""
        self._market.see(chunk)

    def new_path(self, prefix: str) -> AlpacaPath:
        """Return a path with a memory of its own."""
        waits = self._waits and not prefix
        return AlpacaPath(
            prefix,
            self.faults,
            waits=waits,
            memory=Memory(self._books, self._messages() if self._archive else None),
            quota=Quota(self._requests_per_minute, now_s=time.time),
            symbols=self._symbols,
            market=None if waits else self._market,
            on_subscribed=self.on_subscribed,
        )

    def door(self) -> Door:
        """Return the door."""
        return Door(lead=self._lead, answer=self._answer)

    def _lead(self, request: h11.Request) -> Visit | None:
        parts = FEEDS[self._terms.market].fullmatch(_path_of(request))
        if parts is None:
            return None
        path = self.path(parts["prefix"])
        keys = _keys_of(request)
        binary = header(request, "content-type").startswith("application/msgpack")

        def client(connection: trio_websocket.WebSocketConnection, stream: SharedStream) -> AlpacaClient:
            return AlpacaClient(
                connection,
                stream,
                path=path,
                terms=self._terms,
                feed=parts["feed"],
                binary=binary,
                keys=keys if any(keys) else None,
            )

        return Visit(path, client)

    async def _answer(self, request: h11.Request) -> Answer:
        target = urlsplit(request.target.decode("ascii"))
        question = question_of(self._terms.market, _path_of(request), target.query)
        if question is None:
            quota = self.path("").quota  # whose path it was meant for nobody can tell
            quota.count(request.target.decode("ascii"), trio.current_time())
            return Answer(404, json_of({"message": "endpoint not found."}), headers=quota.headers())
        return await answer_rest(
            self.path(question.prefix),
            question,
            self._terms.market,
            keys=_keys_of(request),
            is_known=lambda key, secret: (key, secret) == (self._terms.key, self._terms.secret),
        )


def _path_of(request: h11.Request) -> str:
    return unquote(urlsplit(request.target.decode("ascii")).path)


def _keys_of(request: h11.Request) -> tuple[str, str]:
    return header(request, "APCA-API-KEY-ID"), header(request, "APCA-API-SECRET-KEY")


@asynccontextmanager
async def serve_alpaca(
    tape: AlpacaTape,
    *,
    port: int = 0,
    speed: Speed = "recorded",
    faults: Sequence[Fault] = (),
    waits: bool = False,
    starts_at: int = 1,
    archive: bool = False,
    market: Market | None = None,
    key: str = KEY,
    secret: str = SECRET,
    symbol_limit: int | None = None,
    connection_limit: int | None = None,
    requests_per_minute: int = 200,
    auth_within_s: float = 10.0,
    ping_every_s: float | None = 20.0,
) -> AsyncIterator[AlpacaVenue]:
    """Run a venue for as long as the context is open.

    Args:
        tape: What it sends.
        port: Where; 0 for any free one.
        speed: At which pace, from the first subscription on.
        faults: What it does wrong, and when.
        waits: Hold the root path's messages while nobody is subscribed there, so that a client that comes back
            misses nothing.
        starts_at: The tape starts once so many streams are subscribed to in all: a symbol of a channel is one, ``*``
            is one.
        archive: All of the tape, which must have an end, has happened already for who asks by REST.
        market: ``stocks`` or ``crypto``; None: the tape's.
        key: The key that the venue knows.
        secret: That key's secret.
        symbol_limit: Symbols that a connection may have trades, quotes and order books of; None: any number.
        connection_limit: Authenticated connections to one feed of a path; None: any number.
        requests_per_minute: REST requests that a path takes.
        auth_within_s: How long a connection may stay without authentication.
        ping_every_s: How often connections are pinged, of which the venue's documentation says nothing; None: never.

    Raises:
        ConfigError: The port is taken, a fault is none of this venue's, or the market is not the tape's.
    """
    terms = Terms(
        market=market or tape.market,
        key=key,
        secret=secret,
        symbol_limit=symbol_limit,
        connection_limit=connection_limit,
        auth_within_s=auth_within_s,
        ping_every_s=ping_every_s,
        now_ns=time.time_ns,
    )
    venue = AlpacaVenue(
        tape,
        terms,
        faults=faults,
        waits=waits,
        starts_at=starts_at,
        archive=archive,
        requests_per_minute=requests_per_minute,
    )
    async with running(venue, speed=speed, port=port):
        yield venue
