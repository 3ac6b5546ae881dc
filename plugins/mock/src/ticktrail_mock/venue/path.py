"""Deliver the tape to the connections of one path, faults included.

Owns: one URL prefix of a venue: its connections, how many messages it was sent, and what is wrong with it now.
Never: knows another path: what goes wrong here goes on as it should there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import trio

from ticktrail_mock.venue.client import Client
from ticktrail_mock.venue.faults import Fault, FaultScript
from ticktrail_mock.venue.memory import Memory
from ticktrail_mock.venue.quota import Quota
from ticktrail_mock.venue.tape import Message

__all__ = ["VenuePath"]

QUEUED_CHUNKS = 1_000
LOOK_EVERY_S = 0.05
"""How often faults that are due by time are looked for while nothing is sent."""


class VenuePath:
    """One URL prefix.

    Args:
        prefix: Such as ``/a``; empty for the venue's root.
        faults: The venue's fault script.
        waits: Hold the tape while nobody is subscribed, so that a client that comes back misses nothing.
        memory: What the path has sent, for whoever asks by REST.
        quota: What is asked by REST, and how much of it is too much.
        now_ms: The venue's clock.
        on_subscribed: Called when somebody is subscribed.
    """

    def __init__(
        self,
        prefix: str,
        faults: Sequence[Fault],
        *,
        waits: bool,
        memory: Memory,
        quota: Quota,
        now_ms: Callable[[], int],
        on_subscribed: Callable[[], None],
    ) -> None:
        self.prefix = prefix
        self.sent = 0
        self.memory = memory
        self.quota = quota
        self.states: dict[str, str] = {}
        self.clock_ahead_ms = 0
        self.busiest_second = 0
        """Most messages that a connection, since closed, sent within a second."""
        self._clients: dict[Client, None] = {}  # in the order in which they came
        self._script = FaultScript(faults, prefix)
        self._waits = waits
        self._now_ms = now_ms
        self._on_subscribed = on_subscribed
        self._wanted: set[str] = set()
        self._somebody = trio.Event()
        self._began: float | None = None
        self._mute_until = self._slow_until = self._refuse_until = -math.inf
        self._slow_rate = 1.0
        self._status, self._retry_after_s = 503, 0
        self._refuse_next = 0
        self._error_next = 0
        self._error = (2, "")
        self._spoil: list[Fault] = []
        self._muted_stream = ""
        self._late_s, self._late_next = 0.0, 0
        self._html, self._html_next = 502, 0
        self._old_next = 0
        self._lag_s, self._lag_next = 0.0, 0
        self._handshake_s, self._handshake_next = 0.0, 0
        self._put, self._take = trio.open_memory_channel[Sequence[Message]](QUEUED_CHUNKS)

    async def offer(self, chunk: Sequence[Message]) -> None:
        """Queue what the tape has next; waits while the path is far behind."""
        if self._waits or self._began is not None:
            await self._put.send(chunk)

    def changed(self) -> None:
        """Take note that some connection's subscriptions changed."""
        self._wanted = {stream for client in self.clients for stream in client.streams}
        if self._wanted:
            if self._began is None:
                self._began = trio.current_time()
            self._somebody.set()
            self._on_subscribed()
        elif self._somebody.is_set():
            self._somebody = trio.Event()

    def asked(self) -> None:
        """Take note of a request: at an archive, which nobody need subscribe to, the script's time begins with it."""
        if self.memory.is_archive and self._began is None:
            self._began = trio.current_time()

    def refusal(self) -> tuple[int, int] | None:
        """Return HTTP status and ``Retry-After`` for a new connection or request, or None where it is welcome."""
        if trio.current_time() < self._refuse_until:
            return self._status, self._retry_after_s
        if self._refuse_next > 0:
            self._refuse_next -= 1
            return self._status, self._retry_after_s
        return None

    def refuse_subscription(self) -> tuple[int, str] | None:
        """Return the error for a subscription, or None where it is granted."""
        if self._error_next == 0:
            return None
        self._error_next -= 1
        return self._error

    def delay_s(self) -> float:
        """Return how late the next request is answered."""
        if self._late_next == 0:
            return 0.0
        self._late_next -= 1
        return self._late_s

    def handshake_delay_s(self) -> float:
        """Return how late the next connection is let in."""
        if self._handshake_next == 0:
            return 0.0
        self._handshake_next -= 1
        return self._handshake_s

    def html_status(self) -> int | None:
        """Return the status of a page that is answered in place of what was asked for, or None."""
        if self._html_next == 0:
            return None
        self._html_next -= 1
        return self._html

    def takes_old_book(self) -> bool:
        """Return whether the next snapshot is an old one."""
        if self._old_next == 0:
            return False
        self._old_next -= 1
        return True

    @property
    def clients(self) -> Sequence[Client]:
        """The path's connections, oldest first."""
        return tuple(self._clients)

    def enter(self, client: Client) -> None:
        """Let a connection in."""
        self._clients[client] = None
        if self._lag_next:
            self._lag_next -= 1
            client.lag_s = self._lag_s
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
            case "error_reply":
                self._error, self._error_next = (fault.code, fault.message), fault.count
            case "garble" | "skip":
                self._spoil.extend([fault] * fault.count)
            case "forget":
                for client in self.clients:
                    client.streams -= {name for name in client.streams if name.endswith(fault.stream)}
                self.changed()
            case "late_rest":
                self._late_s, self._late_next = fault.for_s, fault.count
            case "html":
                self._html, self._html_next = fault.status, fault.count
            case "old_book":
                self._old_next = fault.count
            case "lag":
                self._lag_s, self._lag_next = fault.for_s, fault.count
            case "late_handshake":
                self._handshake_s, self._handshake_next = fault.for_s, fault.count
            case "status":
                self.states[fault.symbol] = fault.state
            case "shutdown":
                notice = {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": self._now_ms()}}
                for client in self.clients:
                    await client.say(msgspec.json.encode(notice))

    async def _deliver(self, chunk: Sequence[Message]) -> None:
        """Send the chunk, cut where the next fault is due."""
        start = 0
        while start < len(chunk):
            if self._waits:
                await self._somebody.wait()
            wanted = self._wanted
            room = self._room()
            part: list[Message] = []
            begun = start
            while start < len(chunk) and len(part) < room:
                message = chunk[start]
                start += 1
                if message.stream in wanted:
                    part.append(message)
            self.memory.see(chunk[begun:start])
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
        if self.states:
            gone = {f"{symbol.lower()}@" for symbol, state in self.states.items() if state == ""}
            messages = [m for m in messages if m.stream[: m.stream.find("@") + 1] not in gone]
        if self._spoil:
            messages = self._spoilt(messages)
        for client in self.clients:
            await client.send(messages)
        if now < self._slow_until:
            await trio.sleep(1 / self._slow_rate)

    def _spoilt(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Leave out or cut short the messages that a fault wants so."""
        out: list[Message] = []
        for message in messages:
            fault = next((fault for fault in self._spoil if message.stream.endswith(fault.stream)), None)
            if fault is None:
                out.append(message)
                continue
            self._spoil.remove(fault)
            if fault.kind == "garble":
                out.append(Message(message.stream, message.raw[: len(message.raw) * 2 // 3], message.due_ns))
        return out

    async def _do_due(self) -> None:
        if self._began is None:
            return
        for fault in self._script.due(self.sent, trio.current_time() - self._began):
            await self.do(fault)
