"""Say how the legs fare, and when none of them can deliver.

Owns: the events of health.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticktrail.events._base import BaseEvent
from ticktrail.health import HealthState
from ticktrail.latency import Buckets
from ticktrail.model import InstrumentId, ProviderId

__all__ = ["LatencyMeasured", "LegStateChanged", "OutageBegun", "OutageEnded"]


class LatencyMeasured(BaseEvent, frozen=True, tag="latency_measured"):
    """How long ticks took from the socket read that brought them to the end of a sink's write, since `from_ns`.

    A tick counts once for each sink that wrote it. `p50_us` and `p99_us` are microseconds that so many of them did not
    exceed; `buckets` holds all counts, so that those of several events can be added up.
    """

    from_ns: int
    ticks: int
    p50_us: float | None
    p99_us: float | None
    buckets: Buckets


class LegStateChanged(BaseEvent, frozen=True, tag="leg_state_changed"):
    """A leg became better or worse; `why` is empty where nothing is wrong any more."""

    provider: ProviderId
    from_state: HealthState
    to_state: HealthState
    why: str


class OutageBegun(BaseEvent, frozen=True, tag="outage_begun"):
    """Critical: nothing is delivered of these instruments from here on; None: of all that the feed has.

    `legs` says why, of each leg that serves one of them. A leg does not deliver where it is down, connecting or
    resting, or where its rules reject everything; nor one that is well while the route is pinned to another.
    """

    legs: Mapping[ProviderId, str]
    instruments: Sequence[InstrumentId] | None = None


class OutageEnded(BaseEvent, frozen=True, tag="outage_ended"):
    """A leg delivers these again; how long none did, at the most. None: all of the feed."""

    provider: ProviderId
    lasted_s: float
    instruments: Sequence[InstrumentId] | None = None
