"""Put into an event, and into ticks for the sinks, what a route has to say of itself.

Owns: how a switch is told, and the batches of what no leg brought.
Never: decides on a switch, or delivers.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail._contracts.route import Batch
from ticktrail._engine.node import Spoke
from ticktrail.events import LegSwitched
from ticktrail.model import Switched, Tick

__all__ = ["batch_of", "event_of", "ticks_of"]


def event_of(spoke: Spoke, at_ns: int, *, of: int) -> LegSwitched:
    """Return the event of a switch, in a feed of so many instruments."""
    return LegSwitched(
        at_ns=at_ns,
        from_leg=spoke.from_leg,
        to_leg=spoke.to_leg,
        cause=spoke.cause,
        failover_ms=None if spoke.silent_ns is None else round(spoke.silent_ns / 1e6, 3),
        instruments=None if len(spoke.instruments) == of else spoke.instruments,
        on_air=spoke.on_air,
    )


def ticks_of(spoke: Spoke, at_ns: int) -> list[Tick]:
    """Return what tells the sinks of a switch, a tick for each instrument."""
    return [
        Switched(
            instrument=instrument,
            provider=spoke.to_leg,
            event_ns=None,
            recv_ns=at_ns,
            from_provider=spoke.from_leg,
            cause=spoke.cause,
        )
        for instrument in spoke.instruments
    ]


def batch_of(first: Tick, mono_ns: int, ticks: Sequence[Tick] = ()) -> Batch:
    """Return a batch that the route made: of one tick, or of all of these, of which the first is one."""
    return Batch(
        provider=first.provider,
        recv_ns=first.recv_ns,
        mono_ns=mono_ns,
        session_ns=mono_ns,
        ticks=ticks or [first],
    )
