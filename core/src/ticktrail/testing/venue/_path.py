"""Deliver the tape to the connections of one path, faults included.

Owns: one URL prefix of a venue: its connections, how many messages it was sent, and what is wrong with it now.
Never: knows another path: what goes wrong here goes on as it should there. Never knows a venue: subclasses do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

import trio

from ticktrail.testing.venue._client import Client
from ticktrail.testing.venue._faults import Fault, FaultKind, FaultScript
from ticktrail.testing.venue._message import Message

__all__ = ["KINDS", "Asked", "Memory", "Quota", "VenuePath"]

QUEUED_CHUNKS = 1_000
LOOK_EVERY_S = 0.05
"""How often faults that are due by time are looked for while nothing is sent."""
COUNTED: frozenset[FaultKind] = frozenset({"error_reply", "late_rest", "html", "lag", "late_handshake"})
KINDS: frozenset[FaultKind] = COUNTED | {"cut", "mute", "slow", "refuse", "garble", "skip", "forget"}
"""What can go wrong at any venue."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One REST request: when, what, what it weighed, and whether it came while the venue had asked for silence."""

    at: float
    what: str
    weight: int
    in_ban: bool


class Memory(Protocol):
    """What a path has sent, for whoever asks by REST."""

    @property
    def is_archive(self) -> bool:
        """Whether everything has happened already."""
        ...

    def see(self, messages: Iterable[Message]) -> None:
        """Remember what the path sends now."""
        ...


class Quota(Protocol):
    """What a path is asked by REST, and how much of it is too much."""

    @property
    def asked(self) -> Sequence[Asked]:
        """Every request so far."""
        ...


class VenuePath:
    """One URL prefix.

    Args:
        prefix: Such as ``/a``; empty for the venue's root.
        faults: The venue's fault script.
        waits: Hold the tape while nobody is subscribed, so that a client that comes back misses nothing.
        memory: What the path has sent, for whoever asks by REST.
        quota: What is asked by REST, and how much of it is too much.
        on_subscribed: Called when somebody is subscribed.

    Attributes:
        own_counted: Faults of this venue alone that the next requests suffer.
        own_kinds: All faults of this venue alone.
    """

    own_counted: ClassVar[frozenset[FaultKind]] = frozenset()
    own_kinds: ClassVar[frozenset[FaultKind]] = frozenset()

    def __init__(
        self,
        prefix: str,
        faults: Sequence[Fault],
        *,
        waits: bool,
        memory: Memory,
        quota: Quota,
        on_subscribed: Callable[[], None],
    ) -> None:
        self.prefix = prefix
        self.sent = 0
        self.busiest_second = 0
        """Most messages that a connection, since closed, sent within a second."""
        self._memory = memory
        self._quota = quota
        self._clients: dict[Client, None] = {}  # in the order in which they came
        self._script = FaultScript(faults, prefix)
        self._waits = waits
        self._on_subscribed = on_subscribed
        self._wanted: dict[str, bool] = {}  # what was found out since the subscriptions changed
        self._somebody = trio.Event()
        self._began: float | None = None
        self._mute_until = self._slow_until = self._refuse_until = -math.inf
        self._slow_rate = 1.0
        self._status, self._retry_after_s = 503, 0
        self._refuse_next = 0
        self._next: dict[FaultKind, tuple[Fault, int]] = {}
        self._spoil: list[Fault] = []
        self._muted_stream = ""
        self._put, self._take = trio.open_memory_channel[Sequence[Message]](QUEUED_CHUNKS)

    async def do_own(self, fault: Fault) -> None:
        """Do something wrong that only this venue can."""
        raise NotImplementedError(fault.kind)

    def beginning(self) -> None:
        """Take note that the path gets the tape from now on; called once."""

    def passing(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return what of the messages the venue sends at all."""
        return messages

    async def offer(self, chunk: Sequence[Message]) -> None:
        """Queue what the tape has next; waits while the path is far behind."""
        if self._waits or self._began is not None:
            await self._put.send(chunk)

    def changed(self) -> None:
        """Take note that some connection's subscriptions changed."""
        self._wanted.clear()
        if any(client.streams for client in self.clients):
            self._begin()
            self._somebody.set()
            self._on_subscribed()
        elif self._somebody.is_set():
            self._somebody = trio.Event()

    def note_request(self) -> None:
        """Take note of a request: at an archive, which nobody need subscribe to, the script's time begins with it."""
        if self._memory.is_archive:
            self._begin()

    @property
    def asked(self) -> Sequence[Asked]:
        """Every REST request so far."""
        return self._quota.asked

    def refusal(self) -> tuple[int, int] | None:
        """Return HTTP status and ``Retry-After`` for a new connection or request, or None where it is welcome."""
        if trio.current_time() < self._refuse_until:
            return self._status, self._retry_after_s
        if self._refuse_next > 0:
            self._refuse_next -= 1
            return self._status, self._retry_after_s
        return None

    def waiting(self, kind: FaultKind) -> Fault | None:
        """Return the fault of this kind that the next one is to suffer, and leave it."""
        fault, _ = self._next.get(kind, (None, 0))
        return fault

    def take(self, kind: FaultKind) -> Fault | None:
        """Return the fault of this kind that the next one is to suffer, or None; it has one fewer to go."""
        fault, left = self._next.pop(kind, (None, 0))
        if fault is not None and left > 1:
            self._next[kind] = (fault, left - 1)
        return fault

    @property
    def clients(self) -> Sequence[Client]:
        """The path's connections, oldest first."""
        return tuple(self._clients)

    def enter(self, client: Client) -> None:
        """Let a connection in."""
        self._clients[client] = None
        lag = self.take("lag")
        if lag is not None:
            client.lag_s = lag.for_s
        self.changed()

    def leave(self, client: Client) -> None:
        """Take note that a connection has ended."""
        del self._clients[client]
        self.busiest_second = max(self.busiest_second, client.busiest_second)
        client.streams.clear()
        self.changed()

    def subscribed(self) -> int:
        """Return how many streams the path's connections are subscribed to in all."""
        return sum(len(client.streams) for client in self.clients)

    async def run(self) -> None:
        """Deliver what is queued, and do wrong what is due."""
        while True:
            chunk: Sequence[Message] = ()
            with trio.move_on_after(LOOK_EVERY_S):  # around nothing but the wait
                chunk = await self._take.receive()
            await self._deliver(chunk)
            await self._do_due()

    async def do(self, fault: Fault) -> None:
        """Do something wrong, at once."""
        until = trio.current_time() + fault.for_s if fault.for_s else math.inf
        match fault.kind:
            case "cut":
                of = {"": slice(None), "oldest": slice(1), "newest": slice(-1, None)}[fault.only]
                for client in self.clients[of]:
                    await client.cut()
                self.changed()
            case "mute":
                self._mute_until, self._muted_stream = until, fault.stream
            case "slow":
                self._slow_until, self._slow_rate = until, fault.rate
            case "refuse":
                self._status, self._retry_after_s = fault.status, fault.retry_after_s
                if fault.for_s:
                    self._refuse_until = until
                else:
                    self._refuse_next = fault.count
            case "garble" | "skip":
                self._spoil.extend([fault] * fault.count)
            case "forget":
                for client in self.clients:
                    client.streams -= {name for name in client.streams if name.endswith(fault.stream)}
                self.changed()
            case kind if kind in COUNTED or kind in self.own_counted:
                self._next[kind] = (fault, fault.count)
            case _:
                await self.do_own(fault)

    def _begin(self) -> None:
        if self._began is None:
            self._began = trio.current_time()
            self.beginning()

    async def _deliver(self, chunk: Sequence[Message]) -> None:
        """Send the chunk, cut where the next fault is due."""
        start = 0
        while start < len(chunk):
            if self._waits:
                await self._somebody.wait()
            room = self._room()
            part: list[Message] = []
            begun = start
            while start < len(chunk) and len(part) < room:
                message = chunk[start]
                start += 1
                wanted = self._wanted.get(message.stream)
                if wanted is None:
                    wanted = any(client.wants(message.stream) for client in self.clients)
                    self._wanted[message.stream] = wanted
                if wanted:
                    part.append(message)
            self._memory.see(chunk[begun:start])
            if part:
                await self._send(part)
                self.sent += len(part)
                await self._do_due()

    def _room(self) -> int:
        """Return how many messages may go in one piece."""
        if trio.current_time() < self._slow_until:
            return 1
        due = self._script.next_message(self.sent)
        return 1_000_000 if due is None else max(1, due - self.sent)

    async def _send(self, messages: Sequence[Message]) -> None:
        now = trio.current_time()
        if now < self._mute_until:
            if not self._muted_stream:
                return
            messages = [message for message in messages if not message.stream.endswith(self._muted_stream)]
        messages = self.passing(messages)
        if self._spoil:
            messages = self._spoilt(messages)
        for client in self.clients:
            await client.send(messages)
        if now < self._slow_until:
            await trio.sleep(1 / self._slow_rate)

    def _spoilt(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Leave out or mark as cut short the messages that a fault wants so."""
        out: list[Message] = []
        for message in messages:
            fault = next((fault for fault in self._spoil if message.stream.endswith(fault.stream)), None)
            if fault is None:
                out.append(message)
                continue
            self._spoil.remove(fault)
            if fault.kind == "garble":
                out.append(replace(message, cut=True))
        return out

    async def _do_due(self) -> None:
        if self._began is None:
            return
        for fault in self._script.due(self.sent, trio.current_time() - self._began):
            await self.do(fault)
