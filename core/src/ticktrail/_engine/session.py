"""Carry what one session of a leg's provider brings into the leg's intake queue, in order.

Owns: what stands in that queue, what of it goes on to the route, and the session's word that data can flow.
Never: decodes, judges, or opens a session again (the leg does).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Provider
from ticktrail._contracts.route import Batch
from ticktrail._engine.equivalents import Equivalents
from ticktrail._engine.fitting import misfit_of_event
from ticktrail._engine.mark import Mark
from ticktrail._engine.panel import Panel
from ticktrail._plan.model import BackoffSettings
from ticktrail.events import Event
from ticktrail.model import Tick

__all__ = ["Down", "Frames", "Item", "LegChange", "LegNews", "Renewed", "Session", "Ticks", "Up"]


@dataclass(frozen=True, slots=True)
class Up:
    """The leg can deliver."""


@dataclass(frozen=True, slots=True)
class Down:
    """The leg cannot deliver; `final` if it will not be tried again."""

    cause: str
    final: bool


@dataclass(frozen=True, slots=True)
class Renewed:
    """The leg was opened anew, by a change of that number: what it brings from here on it was asked for by then."""

    change: int


LegNews: TypeAlias = tuple[int, Batch | Up | Down | Mark | Renewed]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegChange:
    """What is to be different on a leg; `provider` None: its session goes on."""

    number: int
    panel: Panel
    backoff: BackoffSettings
    provider: Provider | None = None
    equivalents: Equivalents | None = None


@dataclass(frozen=True, slots=True)
class Frames:
    payloads: Sequence[bytes]
    recv_ns: int
    mono_ns: int
    session_ns: int


@dataclass(frozen=True, slots=True)
class Ticks:
    ticks: Sequence[Tick]
    recv_ns: int
    mono_ns: int
    session_ns: int


Item: TypeAlias = Frames | Ticks | Up | Down | Mark | LegChange


class Session:
    """One session's intake, and its word that data can flow.

    Args:
        sender: The leg's intake queue.
        clock: The feed's.
        began: Called when the session can deliver.
        tell: Takes what the session has to say of itself.
    """

    def __init__(
        self,
        sender: MemoryObjectSendStream[Item],
        clock: Clock,
        *,
        began: Callable[[], None],
        tell: Callable[[Event], None],
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._began = began
        self._tell = tell
        self._begun_ns: int | None = None
        self._announced = False
        self.up_ns: int | None = None

    def started(self, value: None = None) -> None:
        """Take the provider's word that it is connected and subscribed."""
        del value
        if self.up_ns is None:
            self.up_ns = self._clock.mono_ns()
            self._began()
            with contextlib.suppress(anyio.WouldBlock):  # a full intake: the first data announces it
                self._sender.send_nowait(Up())
                self._announced = True

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Queue the payloads of one read."""
        await self._announce()
        await self._sender.send(Frames(payloads, recv_ns, mono_ns, self._since(mono_ns)))

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Queue ready ticks."""
        await self._announce()
        await self._sender.send(Ticks(list(ticks), recv_ns, mono_ns, self._since(mono_ns)))

    async def settled(self) -> bool:
        """Wait for a mark to pass leg, route and lanes."""
        mark = Mark()
        await self._sender.send(mark)
        await mark.passed.wait()
        return mark.is_whole

    def tell(self, event: Event) -> None:
        """Put the event on the bus.

        Raises:
            TypeError: It is none, or has fields of other types than an event's: a log that held it could not be read.
        """
        if why := misfit_of_event(event):
            raise TypeError(f"an event cannot be told: {why}")
        self._tell(event)

    async def _announce(self) -> None:
        """Tell the route in order: up comes before the first batch of the session."""
        if not self._announced:
            self.started()
        if not self._announced:
            self._announced = True
            await self._sender.send(Up())

    def _since(self, mono_ns: int) -> int:
        if self._begun_ns is None:
            self._begun_ns = mono_ns
        return self._begun_ns
