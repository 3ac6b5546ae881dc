"""Carry every record, tick or event, to every observer, in the order in which it was decided.

Owns: one bounded queue an observer; nothing is ever dropped here.
Never: calls an observer from the route's task.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import anyio

from ticktrail._contracts.observer import Observer, Record, Routed

__all__ = ["Bus", "Queue"]

MOST_RECORDS_AT_ONCE = 1_000
"""Records an observer gets in one call: enough to pay a thread hop once, few enough to stay interruptible."""


class Bus:
    """The control bus of one feed; `bound` is how many ticks may wait for an observer, an event counting as one."""

    def __init__(self, *, bound: int) -> None:
        self._bound = bound
        self._queues: list[Queue] = []
        self._first: list[Queue] = []
        self._listeners: list[Callable[[Record], None]] = []

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call `listener` with each record, at once and in the publisher's task: for counters and displays."""
        self._listeners.append(listener)

    def publish(self, record: Record) -> None:
        """Hand a record to everybody. Never waits; who publishes much calls `room` now and then."""
        for listener in self._listeners:
            listener(record)
        if self._queues:
            weight = _weight(record)
            for queue in self._queues:
                queue.put(record, weight)

    async def room(self) -> None:
        """Wait until every observer is less than its bound behind."""
        for queue in self._queues:
            if queue.weight >= self._bound:
                await queue.below(self._bound)

    async def recorded(self) -> None:
        """Wait until every observer that comes before delivery has taken all that was published."""
        for queue in self._first:
            await queue.settled()

    def attach(self, *, first: bool = False) -> Queue:
        """Return a new observer's queue; it sees what is published from now on.

        Args:
            first: Nothing is delivered before this observer has taken the record of it.
        """
        queue = Queue()
        self._queues.append(queue)
        if first:
            self._first.append(queue)
        return queue

    def close(self) -> None:
        """End every queue once it is empty."""
        for queue in self._queues:
            queue.close()


class Queue:
    """What one observer has still to see; `weight` is how much of the bound that is."""

    def __init__(self) -> None:
        self.records: deque[tuple[Record, int]] = deque()
        self.weight = 0
        self._closed = False
        self._is_observing = False
        self._filled = anyio.Event()
        self._taken = anyio.Event()

    def put(self, record: Record, weight: int) -> None:
        if not self.records:  # else nobody waits for one
            self._filled.set()
        self.records.append((record, weight))
        self.weight += weight

    def close(self) -> None:
        self._closed = True
        self._filled.set()

    async def below(self, bound: int) -> None:
        while self.weight >= bound:
            self._taken = anyio.Event()
            await self._taken.wait()

    async def settled(self) -> None:
        """Wait until nothing waits for the observer, and it has taken what it was given."""
        while self.records or self._is_observing:
            self._taken = anyio.Event()
            await self._taken.wait()

    async def feed(self, observer: Observer) -> None:
        """Give the observer its records until the queue is closed and empty."""
        while True:
            if not self.records:
                if self._closed:
                    return
                self._filled = anyio.Event()
                await self._filled.wait()
                continue
            taken: list[Record] = []
            while self.records and len(taken) < MOST_RECORDS_AT_ONCE:
                record, weight = self.records.popleft()
                taken.append(record)
                self.weight -= weight
            self._is_observing = True
            await observer.observe(taken)
            self._is_observing = False
            self._taken.set()


def _weight(record: Record) -> int:
    """Return how much a record counts against the bound: its ticks, or one."""
    if type(record) is not Routed:
        return 1
    held = sum(len(suppressed.ticks) for suppressed in record.suppressed) if record.suppressed else 0
    return max(1, len(record.delivered) + len(record.rejected) + len(record.flagged) + held)
