"""Be Binance on this machine: its paths, its door, its clock.

Owns: what makes a venue this one.
Never: listens or keeps the pace; the server of any venue does.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import h11
import trio_websocket

from ticktrail.pace import Speed
from ticktrail.testing.venue import Answer, Door, Fault, SharedStream, Venue, Visit, running
from ticktrail_mock.venue.binance.client import ROUTES, BinanceClient
from ticktrail_mock.venue.binance.memory import Memory
from ticktrail_mock.venue.binance.path import BinancePath
from ticktrail_mock.venue.binance.quota import Quota
from ticktrail_mock.venue.binance.rest import PREFIXES, answer_rest
from ticktrail_mock.venue.binance.tape import Tape

__all__ = ["BinanceVenue", "serve_binance"]

ENDS = ("/stream", "/ws")


class BinanceVenue(Venue[BinancePath]):
    """A running loopback Binance; made by `serve_binance`."""

    def __init__(
        self,
        tape: Tape,
        *,
        faults: Sequence[Fault],
        waits: bool,
        starts_at: int,
        archive: bool,
        weight_per_minute: int,
    ) -> None:
        super().__init__(tape, BinancePath, faults=faults, starts_at=starts_at)
        self._messages = tape.messages
        self._listing = tape.listing()
        self._snapshots = tape.snapshots()
        self._waits = waits
        self._archive = archive
        self._weight_per_minute = weight_per_minute

    def set_clock(self, ahead_ms: int, prefix: str = "") -> None:
        """Let a path's clock run ahead of this machine's."""
        self.path(prefix).clock_ahead_ms = ahead_ms

    def new_path(self, prefix: str) -> BinancePath:
        """Return a path with books and trades of its own."""
        return BinancePath(
            prefix,
            self.faults,
            waits=self._waits and not prefix,
            memory=Memory(self._snapshots, self._messages() if self._archive else None),
            quota=Quota(self._weight_per_minute),
            now_ms=_now_ms,
            on_subscribed=self.on_subscribed,
        )

    def door(self) -> Door:
        """Return the door."""
        return Door(lead=self._lead, answer=self._answer)

    def _lead(self, request: h11.Request) -> Visit | None:
        parts = urlsplit(request.target.decode("ascii"))
        end = next((end for end in ENDS if f"{end}/" in f"{parts.path}/"), None)
        if end is None:
            return None
        before, _, names = parts.path.partition(end)
        route = next((route for route in ROUTES if before.endswith(route)), "")
        path = self.path(before.removesuffix(route))
        if end == "/stream":
            names = parse_qs(parts.query).get("streams", [""])[0]

        def client(connection: trio_websocket.WebSocketConnection, stream: SharedStream) -> BinanceClient:
            return BinanceClient(
                connection,
                stream,
                streams=[name for name in names.split("/") if name],
                combined=end == "/stream",
                route=route,
                refuse=lambda: path.take("error_reply"),
                on_change=path.changed,
            )

        return Visit(path, client)

    async def _answer(self, request: h11.Request) -> Answer:
        parts = urlsplit(request.target.decode("ascii"))
        api = next((api for api in PREFIXES if api in parts.path), PREFIXES[0])
        prefix, _, name = parts.path.partition(api)
        return await answer_rest(self.path(prefix), api, name, parts.query, self._listing, _now_ms)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def serve_binance(
    tape: Tape,
    *,
    port: int = 0,
    speed: Speed = "recorded",
    faults: Sequence[Fault] = (),
    waits: bool = False,
    starts_at: int = 1,
    archive: bool = False,
    weight_per_minute: int = 6_000,
) -> AsyncIterator[BinanceVenue]:
    """Run a venue for as long as the context is open.

    Args:
        tape: What it sends.
        port: Where; 0 for any free one.
        speed: At which pace, from the first subscription on.
        faults: What it does wrong, and when.
        waits: Hold the root path's messages while nobody is subscribed there, so that a client that comes back
            misses nothing.
        starts_at: The tape starts once so many streams are subscribed to in all.
        archive: All trades of the tape, which must have an end, have happened already for who asks by REST.
        weight_per_minute: REST weight that a path takes.

    Raises:
        ConfigError: The port is taken, or a fault is none of this venue's.
    """
    venue = BinanceVenue(
        tape,
        faults=faults,
        waits=waits,
        starts_at=starts_at,
        archive=archive,
        weight_per_minute=weight_per_minute,
    )
    async with running(venue, speed=speed, port=port):
        yield venue
