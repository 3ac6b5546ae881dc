"""Find code that keeps the event loop from turning, and name it.

Owns: the thread that asks the loop for a sign of life, and what is told where none comes.
Never: stops anybody: code that does not give way cannot be made to.

The thread asks, rather than a task of the loop that would wake a feed in which nothing happens.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio
from anyio.abc import TaskStatus

from ticktrail._contracts.clock import Clock
from ticktrail._engine.culprit import Culprit, culprit_of, whose
from ticktrail._plan.model import Plan
from ticktrail.events import LoopBlocked

__all__ = ["FOLD_S", "Watchdog"]

FOLD_S: Final = 60.0
"""What blocks in one place again within this time is told together with what follows."""
_AT_WORK: Final = 0.2
"""The share of the time for which a process that runs has a processor, on a machine with much to do beside it."""
_LOG = logging.getLogger("ticktrail.watchdog")


@dataclass(slots=True)
class _Folded:
    """What one place has done since it was told of last."""

    culprit: Culprit
    told_s: float
    longest_s: float = 0.0
    blocks: int = 0


class Watchdog:
    """Watches the event loop of one feed.

    Args:
        plan: Says how long the loop may give no sign of life, and where each plugin's code lies.
        clock: Gives the time of the events.
        publish: Takes the events, in the loop.
    """

    def __init__(self, plan: Plan, clock: Clock, publish: Callable[[LoopBlocked], None]) -> None:
        self._after_s = plan.blocked_after_s
        self._pause_s = min(0.1, plan.blocked_after_s / 10)
        self._code = plan.code
        self._clock = clock
        self._publish = publish
        self._ended = threading.Event()
        self._answered = threading.Event()
        self._over: list[tuple[Culprit, float]] = []
        self._news = anyio.Event()
        self._thread: threading.Thread | None = None
        self._folded: dict[tuple[str, str], _Folded] = {}
        self._said_s: dict[tuple[str, str], float] = {}

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Watch until cancelled or closed; the thread has ended when this returns. Started once the loop is watched."""
        if not self._after_s or self._ended.is_set():
            task_status.started()
            return
        self._thread = threading.Thread(
            target=self._watch,
            args=(_caller_into_loop(), threading.get_ident()),
            name="ticktrail-watchdog",
            daemon=True,
        )
        self._thread.start()
        task_status.started()
        try:
            while not self._ended.is_set():
                await self._news.wait()
                self._news = anyio.Event()
                self._tell()
        finally:
            self.close()

    def close(self) -> None:
        """End the watch: the thread has ended and everything is told when this returns, at once."""
        self._ended.set()
        self._answered.set()
        self._news.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._tell()
            for folded in self._folded.values():
                self._publish_folded(folded)

    def _answer(self) -> None:
        """Give the loop's sign of life."""
        self._answered.set()
        if self._over:
            self._news.set()

    # From here to the next line: in the thread.

    def _watch(self, call: Callable[[Callable[[], None]], None], ident: int) -> None:
        began_s, used_s = time.monotonic(), time.process_time()
        while not self._ended.wait(self._pause_s):
            if time.monotonic() - began_s > self._after_s:
                self._look_behind(began_s, used_s, ident)
            self._answered.clear()
            if self._ended.is_set():  # else `close` would wait for an answer that only it can give
                return
            began_s, used_s = time.monotonic(), time.process_time()
            try:
                call(self._answer)
            except RuntimeError:  # the loop is closed
                return
            if not self._answered.wait(self._after_s - self._pause_s):
                self._look(began_s, used_s, ident)
            began_s, used_s = time.monotonic(), time.process_time()

    def _look_behind(self, since_s: float, used_s: float, ident: int) -> None:
        """Find who kept even this thread from running: code that holds the interpreter, which has just let go of it."""
        for_s = time.monotonic() - since_s
        found = self._found(ident) if _worked(used_s, for_s) else None
        if found is not None:
            self._say(found, for_s)
            self._over.append((found, for_s))

    def _look(self, asked_s: float, used_s: float, ident: int) -> None:
        """Find who keeps the loop, tell it at once, and note it for the event once it is over."""
        late_s = time.monotonic() - asked_s
        if late_s > 1.25 * self._after_s and not _worked(used_s, late_s):
            # This thread was held up as well, and no code of ours did it: a machine that slept, or one with too much to
            # do. The loop gets a chance to answer.
            self._answered.wait(self._after_s)
        if self._answered.is_set() or self._ended.is_set():
            return
        found = self._found(ident)
        if found is not None and not self._answered.is_set():
            self._say(found, time.monotonic() - asked_s)
        while not self._answered.wait(self._pause_s) and not self._ended.is_set():
            pass
        if found is not None:
            self._over.append((found, time.monotonic() - asked_s))

    def _found(self, ident: int) -> Culprit | None:
        frame = sys._current_frames().get(ident)  # noqa: SLF001 - the one way to another thread's stack
        return None if frame is None else culprit_of(frame, self._code)

    def _say(self, found: Culprit, for_s: float) -> None:
        """Tell at once; what blocks again in the same place is folded, as its events are."""
        key, now_s = (found.plugin, found.where), time.monotonic()
        if now_s - self._said_s.get(key, -FOLD_S) < FOLD_S:
            return
        self._said_s[key] = now_s
        _LOG.warning(
            "the event loop has been blocked for %.1f s: %s is at %s; everything else in the feed waits; where the "
            "code is yours, let such work run in a thread (anyio.to_thread.run_sync), or give way to others meanwhile",
            for_s,
            whose(found.plugin, found.distribution),
            found.where,
        )

    # From here on: in the loop.

    def _tell(self) -> None:
        while self._over:
            culprit, for_s = self._over.pop(0)
            key = (culprit.plugin, culprit.where)
            now_s = time.monotonic()
            folded = self._folded.get(key)
            if folded is None:
                self._folded[key] = _Folded(culprit, now_s)
                self._publish_one(culprit, for_s, 1)
                continue
            folded.culprit = culprit
            folded.longest_s = max(folded.longest_s, for_s)
            folded.blocks += 1
            if now_s - folded.told_s >= FOLD_S:
                folded.told_s = now_s
                self._publish_folded(folded)

    def _publish_folded(self, folded: _Folded) -> None:
        if folded.blocks:
            self._publish_one(folded.culprit, folded.longest_s, folded.blocks)
            folded.blocks, folded.longest_s = 0, 0.0

    def _publish_one(self, culprit: Culprit, for_s: float, blocks: int) -> None:
        self._publish(
            LoopBlocked(
                at_ns=self._clock.now_ns(),
                plugin=culprit.plugin,
                distribution=culprit.distribution,
                where=culprit.where,
                for_s=round(for_s, 3),
                stack=culprit.stack,
                blocks=blocks,
            )
        )


def _worked(used_before_s: float, in_s: float) -> bool:
    """Tell whether this process had the processor for a good part of a time: else it was held up from outside."""
    return time.process_time() - used_before_s > in_s * _AT_WORK


def _caller_into_loop() -> Callable[[Callable[[], None]], None]:
    """Return what has a function called in the loop that runs here, from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415 - only where it is what runs

        return trio.lowlevel.current_trio_token().run_sync_soon

    def call(function: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(function)

    return call
