"""Be Binance on this machine: web sockets and REST on one port, fed from a tape, faults included.

Owns: the server's life, and the pace at which the tape goes to the paths.
Never: reaches beyond the loopback interface.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import trio

from ticktrail.errors import ConfigError
from ticktrail_mock.pace import Pace, Speed
from ticktrail_mock.venue.door import Door
from ticktrail_mock.venue.faults import Fault
from ticktrail_mock.venue.memory import Memory
from ticktrail_mock.venue.path import VenuePath
from ticktrail_mock.venue.quota import Asked, Quota
from ticktrail_mock.venue.tape import Message, Tape

__all__ = ["BinanceVenue", "serve_binance"]

HOST = "127.0.0.1"
CHUNK = 256
"""Messages that go to the paths at once while the tape is behind its pace."""


class BinanceVenue:
    """A running venue; made by `serve_binance`.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        ended: Set once the tape's last message was handed to the paths.
    """

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
        self.port = 0
        self.ended = trio.Event()
        self._tape = tape
        self._faults = faults
        self._waits = waits
        self._starts_at = starts_at
        self._archive = archive
        self._weight_per_minute = weight_per_minute
        self._snapshots = tape.snapshots()
        self._paths: dict[str, VenuePath] = {}
        self._subscribed = trio.Event()
        self._nursery: trio.Nursery | None = None

    def ws_url(self, prefix: str = "") -> str:
        """Return the URL for a provider's ``ws_url``."""
        return f"ws://{HOST}:{self.port}{prefix}"

    def rest_url(self, prefix: str = "") -> str:
        """Return the URL for a provider's ``rest_url``."""
        return f"http://{HOST}:{self.port}{prefix}"

    def sent(self, prefix: str = "") -> int:
        """Return how many messages of the tape a path was due so far, muted ones among them."""
        return self._path(prefix).sent

    def asked(self, prefix: str = "") -> Sequence[Asked]:
        """Return every REST request that a path was asked so far."""
        return self._path(prefix).quota.asked

    def connections(self, prefix: str = "") -> int:
        """Return how many web sockets are open on a path."""
        return len(self._path(prefix).clients)

    def subscribed(self, prefix: str = "") -> int:
        """Return how many streams a path's connections are subscribed to."""
        return self._path(prefix).subscribed()

    def busiest_second(self, prefix: str = "") -> int:
        """Return the most messages that one of a path's connections sent within a second."""
        path = self._path(prefix)
        return max([path.busiest_second, *(client.busiest_second for client in path.clients)])

    def set_clock(self, ahead_ms: int, prefix: str = "") -> None:
        """Let a path's clock run ahead of this machine's."""
        self._path(prefix).clock_ahead_ms = ahead_ms

    async def do(self, fault: Fault) -> None:
        """Do something wrong now, on the paths that the fault names; its own moment is not looked at."""
        for path in tuple(self._paths.values()):
            if path.prefix.startswith(fault.path):
                await path.do(fault)

    async def run(self, speed: Speed, port: int, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled.

        Raises:
            ConfigError: The port is taken.
        """
        door = Door(self._tape.listing(), path_of=self._path, now_ms=lambda: time.time_ns() // 1_000_000)
        try:
            listeners = await trio.open_tcp_listeners(port, host=HOST)
        except OSError as exc:
            raise ConfigError(
                f"port {port} of {HOST} cannot be listened on: {exc.strerror}; choose another --port, or 0 for any"
            ) from exc
        self.port = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._path("")
            nursery.start_soon(self._play, speed)
            nursery.start_soon(trio.serve_listeners, door.welcome, listeners)
            task_status.started()

    def _path(self, prefix: str) -> VenuePath:
        path = self._paths.get(prefix)
        if path is None:
            path = self._paths[prefix] = VenuePath(
                prefix,
                self._faults,
                waits=self._waits and not prefix,
                memory=Memory(self._snapshots, self._tape.messages() if self._archive else None),
                quota=Quota(self._weight_per_minute),
                now_ms=lambda: time.time_ns() // 1_000_000,
                on_subscribed=self._somebody_subscribed,
            )
            assert self._nursery is not None  # noqa: S101 - paths are asked for only while the venue runs
            self._nursery.start_soon(path.run)
        return path

    def _somebody_subscribed(self) -> None:
        if sum(path.subscribed() for path in self._paths.values()) >= self._starts_at:
            self._subscribed.set()

    async def _play(self, speed: Speed) -> None:
        """Hand the tape to the paths, at its pace."""
        await self._subscribed.wait()
        pace = Pace(speed)
        chunk: list[Message] = []
        for message in self._tape.messages():
            if len(chunk) >= CHUNK or not pace.is_due(message.due_ns):
                if chunk:
                    await self._offer(chunk)
                    chunk = []
                await pace.wait_until(message.due_ns)
            chunk.append(message)
        await self._offer(chunk)
        self.ended.set()

    async def _offer(self, chunk: Sequence[Message]) -> None:
        for path in tuple(self._paths.values()):
            await path.offer(chunk)
        await trio.lowlevel.checkpoint()


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
        ConfigError: The port is taken.
    """
    venue = BinanceVenue(
        tape,
        faults=faults,
        waits=waits,
        starts_at=starts_at,
        archive=archive,
        weight_per_minute=weight_per_minute,
    )
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(venue.run, speed, port)
            yield venue
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:  # a nursery's wrapping
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        raise
