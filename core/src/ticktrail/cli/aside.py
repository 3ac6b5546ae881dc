"""Say something on standard error while a feed runs, whoever reads it and however slowly.

Owns: the thread that writes, and the bound of what waits for it.
Never: makes the feed wait for a reader; what has no room is counted.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Final

from rich.console import Console

from ticktrail._logs.outlet import StandardError

__all__ = ["Aside"]

MOST: Final = 1_000
"""Texts that wait: a pipe that nobody empties takes some hundreds before, and nobody reads more than that."""
CLOSE_WITHIN_S: Final = 2.0


class Aside:
    """Standard error beside a feed.

    Args:
        console: Gives what is said its form. Where it is not the process's own standard error, it is written to at
            once.

    Attributes:
        lost: Texts that had no room, and of which nothing is said yet.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_own = console.file is sys.__stderr__
        self._outlet = StandardError()
        self._queue: deque[str] = deque()
        self._filled = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None
        self.lost = 0

    def say(self, marked: str) -> None:
        """Write a text with rich's markup, on a line of its own; never waits."""
        if not self._is_own:
            self._console.print(marked, highlight=False, soft_wrap=True)
            return
        with self._console.capture() as captured:
            self._console.print(marked, highlight=False, soft_wrap=True)
        if len(self._queue) >= MOST:
            self.lost += 1
            return
        self._queue.append(captured.get())
        self._filled.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="ticktrail standard error", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Write what is left, for `CLOSE_WITHIN_S` at most: a reader that hangs does not hold up the end either."""
        self._closing = True
        self._filled.set()
        if self._thread is not None:
            self._thread.join(CLOSE_WITHIN_S)

    def _run(self) -> None:
        while not (self._closing and not self._queue):
            self._filled.wait()
            self._filled.clear()
            try:
                while self._queue:
                    self._outlet.write(self._queue.popleft())
                if self.lost:
                    lost, self.lost = self.lost, 0
                    self._outlet.write(f"{lost:,} more had no room here while nobody read\n")
            except OSError:  # its reader has gone: there is nobody left to say it to, nor how much it was
                self._queue.clear()
