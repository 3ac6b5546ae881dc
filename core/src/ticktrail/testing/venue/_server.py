"""Run a venue on this machine: web sockets and REST on one port, fed from a tape, faults included.

Owns: the server's life, and the pace at which the tape goes to the paths.
Never: reaches beyond the loopback interface, or knows a venue's words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import trio

from ticktrail.errors import ConfigError
from ticktrail.pace import Pace, Speed
from ticktrail.testing.venue._door import Door
from ticktrail.testing.venue._faults import Fault
from ticktrail.testing.venue._message import Message, Tape
from ticktrail.testing.venue._path import KINDS, Asked, VenuePath

__all__ = ["Venue", "running"]

HOST = "127.0.0.1"
CHUNK = 256
"""Messages that go to the paths at once while the tape is behind its pace."""
P = TypeVar("P", bound=VenuePath)


class Venue(ABC, Generic[P]):
    """A running venue; `running` runs one.

    Args:
        tape: What it sends.
        path_type: What its paths are.
        faults: What it does wrong, and when.
        starts_at: The tape starts once so many streams are subscribed to in all.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        ended: Set once the tape's last message was handed to the paths.

    Raises:
        ConfigError: A fault is of a kind that this venue cannot do.
    """

    def __init__(self, tape: Tape, path_type: type[P], *, faults: Sequence[Fault], starts_at: int) -> None:
        self.port = 0
        self.ended = trio.Event()
        self.faults = faults
        self._tape = tape
        self._kinds = KINDS | path_type.own_kinds
        self._starts_at = starts_at
        self._paths: dict[str, P] = {}
        self._subscribed = trio.Event()
        self._nursery: trio.Nursery | None = None
        for fault in faults:
            self._check(fault)

    @abstractmethod
    def new_path(self, prefix: str) -> P:
        """Return the path of a prefix at which nobody was before."""

    @abstractmethod
    def door(self) -> Door:
        """Return what connections meet first."""

    def note(self, chunk: Sequence[Message]) -> None:
        """Take note of what the tape has next, before any path gets it."""

    def ws_url(self, prefix: str = "") -> str:
        """Return the URL for a provider's ``ws_url``."""
        return f"ws://{HOST}:{self.port}{prefix}"

    def rest_url(self, prefix: str = "") -> str:
        """Return the URL for a provider's ``rest_url``."""
        return f"http://{HOST}:{self.port}{prefix}"

    def sent(self, prefix: str = "") -> int:
        """Return how many messages of the tape a path was due so far, muted ones among them."""
        return self.path(prefix).sent

    def asked(self, prefix: str = "") -> Sequence[Asked]:
        """Return every REST request that a path was asked so far."""
        return self.path(prefix).asked

    def connections(self, prefix: str = "") -> int:
        """Return how many web sockets are open on a path."""
        return len(self.path(prefix).clients)

    def subscribed(self, prefix: str = "") -> int:
        """Return how many streams a path's connections are subscribed to."""
        return self.path(prefix).subscribed()

    def streams(self, prefix: str = "") -> Sequence[str]:
        """Return what a path's connections are subscribed to, in order of the name; twice what two of them are."""
        return sorted(name for client in self.path(prefix).clients for name in client.streams)

    async def flood(self, least_bytes: int) -> None:
        """Send every connection again what it was sent last, so many bytes of it; waits while they are not read."""
        async with trio.open_nursery() as nursery:
            for path in self._paths.values():
                for client in path.clients:
                    nursery.start_soon(client.flood, least_bytes)

    def busiest_second(self, prefix: str = "") -> int:
        """Return the most messages that one of a path's connections sent within a second."""
        path = self.path(prefix)
        return max([path.busiest_second, *(client.busiest_second for client in path.clients)])

    async def do(self, fault: Fault) -> None:
        """Do something wrong now, on the paths that the fault names; its own moment is not looked at.

        Raises:
            ConfigError: It is of a kind that this venue cannot do.
        """
        self._check(fault)
        for path in tuple(self._paths.values()):
            if path.prefix.startswith(fault.path):
                await path.do(fault)

    async def run(self, speed: Speed, port: int, *, task_status: trio.TaskStatus[None]) -> None:
        """Serve until cancelled.

        Raises:
            ConfigError: The port is taken.
        """
        door = self.door()
        try:
            listeners = await trio.open_tcp_listeners(port, host=HOST)
        except OSError as exc:
            raise ConfigError(
                f"port {port} of {HOST} cannot be listened on: {exc.strerror}; choose another --port, or 0 for any"
            ) from exc
        self.port = listeners[0].socket.getsockname()[1]
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self.path("")
            nursery.start_soon(self._play, speed)
            nursery.start_soon(trio.serve_listeners, door.welcome, listeners)
            task_status.started()

    def path(self, prefix: str) -> P:
        """Return the path of a prefix."""
        path = self._paths.get(prefix)
        if path is None:
            path = self._paths[prefix] = self.new_path(prefix)
            assert self._nursery is not None  # noqa: S101 - paths are asked for only while the venue runs
            self._nursery.start_soon(path.run)
        return path

    def on_subscribed(self) -> None:
        """Start the tape once enough is subscribed to."""
        if sum(path.subscribed() for path in self._paths.values()) >= self._starts_at:
            self._subscribed.set()

    def _check(self, fault: Fault) -> None:
        if fault.kind not in self._kinds:
            raise ConfigError(
                f"this venue has no fault {fault.kind!r}; those that it has: {', '.join(sorted(self._kinds))}"
            )

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
        self.note(chunk)
        for path in tuple(self._paths.values()):
            await path.offer(chunk)
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def running(venue: Venue[P], *, speed: Speed, port: int) -> AsyncIterator[None]:
    """Run a venue for as long as the context is open.

    Raises:
        ConfigError: The port is taken.
    """
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(venue.run, speed, port)
            yield
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:  # a nursery's wrapping
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group.exceptions[0].__cause__
        raise
