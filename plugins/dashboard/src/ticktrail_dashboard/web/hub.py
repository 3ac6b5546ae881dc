"""Tell all open pages the same frame, built once, and none of them more often than it can read.

Owns: how many pages are told, when the next frame is built, and which of the two forms a page gets.
Never: builds a frame itself, waits for a page, or does anything while nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import trio

__all__ = ["Frames", "Hub", "Subscription"]

EVERY_S: Final = 0.25
MOST_EVERY_S: Final = 2.0
SHARE: Final = 0.01
"""Of one core, what building and sending frames may take: where it takes more, frames come less often."""
SENDING_S: Final = 0.000_15
"""What handing a frame to one page takes, about: it happens elsewhere."""
SENDING_BYTE_S: Final = 2e-9
"""And each byte of it, which is copied some times on its way through HTTP and the loopback interface."""
OVER: Final = 5
"""Frames over which that is taken."""
HEARTBEAT_S: Final = 15.0
HEARTBEAT: Final = b": the feed is watched\n\n"


class Frames(Protocol):
    """Who builds frames, encoded."""

    def advance(self) -> bytes | None:
        """Return what has changed since the last call; None: nothing has."""
        ...

    def whole(self) -> bytes:
        """Return all there is, as of the last `advance`."""
        ...


class Subscription:
    """One page: the number of the frame that it was given last, and whether it must have a whole one."""

    def __init__(self) -> None:
        self.number = -1
        self.needs_whole = True


class Hub:
    """The pages that are open.

    Args:
        frames: Builds what they are told.
        most: How many there may be.
        cpu_s: The processor time of this thread, by which the cost of building is measured.
    """

    def __init__(self, frames: Frames, most: int, cpu_s: Callable[[], float]) -> None:
        self._frames = frames
        self._most = most
        self._cpu_s = cpu_s
        self._pages: set[Subscription] = set()
        self._number = 0
        self._delta = b""
        self._whole = b""
        self._whole_number = -1
        self._told = trio.Event()
        self._someone = trio.Event()
        self.served = 0
        self.refused = 0
        self.has_ended = False

    @property
    def watching(self) -> int:
        """How many pages are open."""
        return len(self._pages)

    @property
    def someone(self) -> trio.Event:
        """Set while somebody looks."""
        return self._someone

    @contextmanager
    def page(self) -> Iterator[Subscription | None]:
        """Give a page its subscription; None: there are as many as there may be, or the feed has ended."""
        if len(self._pages) >= self._most or self.has_ended:
            self.refused += 1
            yield None
            return
        if not self._pages:
            self._whole_number = -1  # it is of when somebody looked last
        page = Subscription()
        self._pages.add(page)
        self.served += 1
        self._someone.set()
        try:
            yield page
        finally:
            self._pages.remove(page)
            if not self._pages and not self.has_ended:
                self._someone = trio.Event()

    async def next(self, page: Subscription) -> bytes | None:
        """Wait for a page's next event and return it as it is to be sent; None: there will be no more.

        Of frames for which the page was too slow it gets the last one, whole.
        """
        await trio.lowlevel.checkpoint()
        deadline = trio.current_time() + HEARTBEAT_S
        while True:
            data = self._take(page)
            if data is not None:
                return b"id: %d\nevent: frame\ndata: %s\n\n" % (page.number, data)
            if self.has_ended:
                return None
            with trio.move_on_at(deadline):
                await self._told.wait()
            if trio.current_time() >= deadline:
                return HEARTBEAT

    def _take(self, page: Subscription) -> bytes | None:
        """Return what a page has not seen yet; None: it must wait."""
        behind = self._number - page.number
        if not page.needs_whole and behind <= 1:
            page.number = self._number
            return self._delta if behind else None
        page.needs_whole = True
        if self._whole_number != self._number:
            return None
        page.number, page.needs_whole = self._number, False
        return self._whole

    async def keep_telling(self) -> None:
        """Build frames for as long as somebody looks, until cancelled."""
        usual_s = 0.0  # what a frame takes, the last few weighing most
        while True:
            await self._someone.wait()
            began_s = self._cpu_s()
            self.tell()
            sending_s = SENDING_S + len(self._delta) * SENDING_BYTE_S
            took_s = self._cpu_s() - began_s + len(self._pages) * sending_s
            usual_s += (took_s - usual_s) / OVER
            await trio.sleep(min(max(EVERY_S, usual_s / SHARE), MOST_EVERY_S))

    def tell(self) -> None:
        """Build the next frame now, and wake all pages."""
        delta = self._frames.advance()
        if delta is not None:
            self._number += 1
            self._delta = delta
        is_wanted = any(page.needs_whole for page in self._pages)
        if is_wanted:
            self._whole, self._whole_number = self._frames.whole(), self._number
        elif delta is not None:
            self._whole = b""
        if is_wanted or delta is not None:
            told, self._told = self._told, trio.Event()
            told.set()

    def end(self) -> None:
        """Tell the last frame; whoever has taken it is through."""
        if not self.has_ended:
            try:
                self.tell()
            finally:
                self.has_ended = True
                self._someone.set()
                self._told.set()
