"""End a connection whose server says nothing any more, so that a writer learns of it.

Owns: how long an answer is waited for, and the thread that looks.
Never: judges an answer, or runs a statement.

A server that is stopped, or behind something that keeps its connections open, confirms every byte and never answers: no
option of TCP ends that. Shutting the socket down does, whatever the driver is waiting in.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Protocol

from sqlalchemy import event
from sqlalchemy.engine import Engine

__all__ = ["Watch"]

LOOK_S = 0.25
"""How often it is looked whether an answer is due."""


class _HasSocket(Protocol):
    def fileno(self) -> int: ...


class Watch:
    """Watches one connection of an engine at a time; blocking calls on it fail once an answer is too late.

    Args:
        engine: Its driver's connections must tell their socket, as those on libpq do.
        limit_s: How long an answer may take; may be changed between two questions.
    """

    def __init__(self, engine: Engine, limit_s: float) -> None:
        self.limit_s = limit_s
        self.ended = False
        """Whether the connection was ended for its silence."""
        self._due: float | None = None
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._stop: threading.Event | None = None
        event.listen(
            engine, "connect", self._opened, insert=True
        )  # before the dialect asks the server anything
        event.listen(engine, "before_cursor_execute", self._asked)
        event.listen(engine, "after_cursor_execute", self._answered)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Wait for an answer within the limit, to what is no statement: a commit, a new connection."""
        self._asked()
        try:
            yield
        finally:
            self._answered()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Wait for every answer meanwhile, however long it takes."""
        limit_s, self.limit_s = self.limit_s, float("inf")
        try:
            yield
        finally:
            self.limit_s = limit_s

    def close(self) -> None:
        """Look no more, until there is another connection."""
        with self._lock:
            self._due = None
            if self._socket is not None:
                self._socket.close()
                self._socket = None
            if self._stop is not None:
                self._stop.set()
                self._stop = None

    def _opened(self, connection: _HasSocket, _record: object) -> None:
        self.close()
        with self._lock:
            self.ended = False
            # a second handle of the same socket: the first may be closed, and its number another's, at any time
            self._socket = socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            self._stop = threading.Event()
            looking = threading.Thread(
                target=self._look, args=(self._stop,), name="audit-silence", daemon=True
            )
        self._asked()
        looking.start()

    def _asked(self, *_: object) -> None:
        self._due = time.monotonic() + self.limit_s

    def _answered(self, *_: object) -> None:
        self._due = None

    def _look(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_S):
            with self._lock:
                due = self._due
                if due is None or time.monotonic() < due or self._socket is None or stop.is_set():
                    continue
                self.ended, self._due = True, None
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
