"""Keep the stamps of what several tasks of a session hand over from going back.

Owns: the stamp of what was overtaken between the read of its socket and the intake.
Never: changes anything else of what is handed over, or its order.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail._contracts.provider import Intake
from ticktrail.events import Event
from ticktrail.model import Tick

__all__ = ["InOrder"]


class InOrder:
    """An `Intake` for sessions of more than one task: its `recv_ns` and `mono_ns` never go back.

    Each task stamps what it read when the read returned, and hands it over some turns of the event loop later. What
    another task read after it, and handed over before it, stands before it in the feed, in the log and in every
    recording; it is given the later stamp of the two, which is still a time at which it was there. A clock that was
    set back is none of this: the monotonic one tells them apart, and such stamps are handed on as they are.

    Args:
        intake: Takes all of it over.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._recv_ns = 0
        self._mono_ns: int | None = None

    async def frames(self, payloads: Sequence[bytes], *, recv_ns: int, mono_ns: int) -> None:
        """Hand over the payloads of one read, as `Intake.frames` does."""
        recv_ns, mono_ns = self._next(recv_ns, mono_ns)
        await self._intake.frames(payloads, recv_ns=recv_ns, mono_ns=mono_ns)

    async def ticks(self, ticks: Sequence[Tick], *, recv_ns: int, mono_ns: int) -> None:
        """Hand over ready ticks, as `Intake.ticks` does; a new stamp stands on each tick that had the old one."""
        read_ns = recv_ns
        recv_ns, mono_ns = self._next(recv_ns, mono_ns)
        if recv_ns != read_ns:
            ticks = [
                msgspec.structs.replace(tick, recv_ns=recv_ns) if tick.recv_ns == read_ns else tick
                for tick in ticks
            ]
        await self._intake.ticks(ticks, recv_ns=recv_ns, mono_ns=mono_ns)

    async def settled(self) -> bool:
        """Wait until all that was handed over is with every sink, as `Intake.settled` does."""
        return await self._intake.settled()

    def tell(self, event: Event) -> None:
        """Put an event on the control bus, as `Intake.tell` does."""
        self._intake.tell(event)

    def _next(self, recv_ns: int, mono_ns: int) -> tuple[int, int]:
        if self._mono_ns is None or mono_ns >= self._mono_ns:
            self._recv_ns, self._mono_ns = recv_ns, mono_ns
        return self._recv_ns, self._mono_ns
