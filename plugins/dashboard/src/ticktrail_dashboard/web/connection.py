"""Hold one browser's connection: how long it may live, and how long a write to it may take.

Owns: the limits of a connection, and the registry of those that are open.
Never: reads a request (hypercorn does) or answers one.

hypercorn shields its writes from cancellation, so that one to somebody who reads nothing would never end. The stream
below gives each write a deadline of its own, at which the connection is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import trio

__all__ = ["Connection", "Connections", "GuardedStream", "Limits"]

MOST_CONNECTIONS_BESIDE_PAGES: Final = 32
"""Connections beyond those of the pages that are told of changes: requests for files, charts, metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long things may take.

    Attributes:
        write_s: One write, before whoever does not read is dropped.
        plain_life_s: A connection that is not told of changes, whatever it does.
        after_page_s: One that no longer is.
        headers_s: The head of a request, the first one of a connection and each later one.
    """

    write_s: float = 5.0
    plain_life_s: float = 60.0
    after_page_s: float = 2.0
    headers_s: int = 5


class Connection:
    """One open connection; its `scope` ends all of it but a write that goes on, which `close` does."""

    def __init__(self, scope: trio.CancelScope, limits: Limits, close: Callable[[], None]) -> None:
        self._scope = scope
        self.close = close
        self._limits = limits
        scope.deadline = trio.current_time() + limits.plain_life_s
        self.was_dropped = False

    def keep(self, *, told: bool) -> None:
        """Let it live as long as its page stays open, or end soon after that."""
        self._scope.deadline = math.inf if told else trio.current_time() + self._limits.after_page_s


class Connections:
    """All that are open; `most` is how many there may be.

    Attributes:
        refused: So many were one too many.
        dropped: So many did not read.
        broken: So many went away in the middle.
        failed: So many ended by a defect.
        trouble: What the first of these was.
    """

    def __init__(self, most: int, limits: Limits) -> None:
        self.most = most
        self.limits = limits
        self.refused = 0
        self.dropped = 0
        self.broken = 0
        self.failed = 0
        self.trouble = ""
        self._open: set[Connection] = set()
        # A port that was reset can come again before the request that was under way has ended.
        self._newest: dict[tuple[str, int], Connection] = {}

    def fail(self, exc: BaseException) -> None:
        """Note that serving one failed by a defect; the first one is kept, for `trouble`."""
        while isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
        self.failed += 1
        self.trouble = self.trouble or f"a connection failed by a defect: {type(exc).__name__}: {exc}"

    def __len__(self) -> int:
        return len(self._open)

    def add(self, client: tuple[str, int], scope: trio.CancelScope, close: Callable[[], None]) -> Connection:
        """Return a new one; `close` closes its socket at once."""
        connection = Connection(scope, self.limits, close)
        self._open.add(connection)
        self._newest[client] = connection
        return connection

    def remove(self, client: tuple[str, int], connection: Connection) -> None:
        """Forget one that has ended; a newer one of the same address and port stays."""
        self._open.discard(connection)
        if self._newest.get(client) is connection:
            del self._newest[client]
        if connection.was_dropped:
            self.dropped += 1

    def close_all(self) -> None:
        """Close all sockets, whatever is being written to them."""
        for connection in self._open:
            connection.close()

    def get(self, client: tuple[str, int]) -> Connection | None:
        """Return the one of a request, by its ``client``."""
        return self._newest.get(client)


class GuardedStream(trio.abc.HalfCloseableStream):
    """A TCP stream whose writes have a deadline; `drop` is called at the first one that misses it."""

    def __init__(self, stream: trio.SocketStream, drop: Callable[[], None], *, write_s: float) -> None:
        self._write_s = write_s
        self._stream = stream
        self._drop = drop
        self.socket = stream.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send, or drop the connection.

        Raises:
            trio.BrokenResourceError: The other side is gone, or does not read.
        """
        with trio.move_on_after(self._write_s) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            self._drop()
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the other side does not read")

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until a write may go through, or its deadline."""
        with trio.move_on_after(self._write_s):
            await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Return what was received."""
        return await self._stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        """Tell the other side that nothing more comes."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Close."""
        await self._stream.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
