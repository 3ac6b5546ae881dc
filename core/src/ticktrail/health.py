"""Say how well a leg does: its state, its uptime, its rejects, its delays and its silence.

Owns: the shapes that `Feed.health`, `ticktrail ctl status --json` and events speak of.
Never: measures or decides (the engine does).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from ticktrail.model import Channel, InstrumentId

__all__ = ["HealthState", "InstrumentHealth", "LegHealth"]

HealthState: TypeAlias = Literal["connecting", "live", "degraded", "down", "resting"]
"""``connecting``: tried now; ``live``: can deliver; ``degraded``: can deliver, and much of it is wrong or late;
``down``: waits until it is tried again, or for a person; ``resting``: closed on purpose until it is needed."""


class InstrumentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument of one leg, in the leg's present session.

    Attributes:
        state: ``connecting`` until it was heard; else as the leg, or ``degraded`` alone.
        reject_rate: Share of its ticks that rules rejected, weighted towards now; None where too few came.
        last_update_ns: UTC nanoseconds when something of it that was not rejected was received; None: nothing was.
        silent_s: By channel that was heard, seconds since.
    """

    state: HealthState
    reject_rate: float | None
    last_update_ns: int | None
    silent_s: Mapping[Channel, float]


class LegHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One leg at one moment.

    Attributes:
        state: What it does.
        why: Of ``degraded`` what is wrong, of ``down`` what it failed by; empty otherwise.
        is_healthy: Whether it is live.
        last_update_ns: UTC nanoseconds when something that was not rejected was received; None: nothing was yet.
        consecutive_failures: Sessions lost in a row.
        uptime_pct: Per cent of the time since the feed started in which it could deliver; degraded counts as up.
        uptime_1h_pct: The same of the last hour, or since the start where that is less; within ten seconds.
        uptime_24h_pct: The same of the last day.
        reject_rate: Share of its ticks that rules rejected, weighted towards now; None where too few came.
        latency_ms: Milliseconds from the venue's time to the socket's, clock offset taken off, weighted towards now;
            None where no tick has a time of the venue's.
        latency_drift_ms: By how much that is above what it is in the long run; None before that is known.
        silent_s: By channel that was heard in this session, seconds since.
        instruments: Each that the leg is asked for.
    """

    state: HealthState
    why: str
    is_healthy: bool
    last_update_ns: int | None
    consecutive_failures: int
    uptime_pct: float
    uptime_1h_pct: float
    uptime_24h_pct: float
    reject_rate: float | None
    latency_ms: float | None
    latency_drift_ms: float | None
    silent_s: Mapping[Channel, float]
    instruments: Mapping[InstrumentId, InstrumentHealth]
