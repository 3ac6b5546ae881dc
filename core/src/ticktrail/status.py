"""Say how a running feed stands: what `ticktrail ctl FEED.toml status --json` prints.

Owns: the status's shape.
Never: counts or decides (the engine does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail.health import HealthState, LegHealth
from ticktrail.model import InstrumentId, ProviderId
from ticktrail.report import Latency, SwitchRecord

__all__ = [
    "ClockStatus",
    "FeedStatus",
    "LegState",
    "LegStatus",
    "NodeStatus",
    "ObserverStatus",
    "SinkStatus",
]

LegState: TypeAlias = Literal["connecting", "live", "down", "resting"]


class LegStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One leg: its state, its breaker's, failures in a row, sessions so far, ticks received, and how it does.

    `retry_in_s` is when one that is down is tried again, from `FeedStatus.at_ns` on; None where nothing but a person's
    word will have it tried, or where it does not wait. `received_by` holds the ticks by kind; `received` counts frames
    that were no tick as well. `done` is how much of a source that ends, such as a recording, was played, from 0 to 1;
    None of a source that has no end.
    """

    state: HealthState
    breaker: str
    failures: int
    sessions: int
    received: int
    retry_in_s: float | None = None
    health: LegHealth
    received_by: Mapping[str, int] = {}
    done: float | None = None


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One inner node of the route: for how many instruments each child speaks, and for which if it is not the most.

    Of a node whose children speak at the same time each speaks for all. `pinned` holds by child which instruments a
    person told it to speak for whatever happens, `state` what else there is to know, such as a canary's share.
    `name` is ``/`` for the topmost node and has the child's label for each step down; `children` holds by label the
    leg, or the name of the node, that stands there.
    """

    name: str
    kind: str
    children: Mapping[str, str]
    speakers: Mapping[str, int]
    apart: Mapping[str, Sequence[str]]
    pinned: Mapping[str, Sequence[str]]
    state: Mapping[str, str]


class SinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lane: ticks that wait, of how many that may, were written, were given up; `failed` is why it failed."""

    queued: int
    bound: int
    written: int
    dropped: int
    failed: str | None


class ObserverStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One observer: ticks and events that wait for it, of how many that may, its counts, and what is wrong with it.

    `trouble` is empty where nothing is, or where the observer cannot tell. `keeps_record` tells of one that can keep
    the journal of ticks, as the audit log does: what is wrong with it is wrong with the feed. `levels` names those of
    the counts that can fall; all others only grow.
    """

    waiting: int
    bound: int
    counts: Mapping[str, int]
    trouble: str
    keeps_record: bool = False
    levels: Sequence[str] = ()


class ClockStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of this machine's clock: true time = local + `offset_ns`, within ± `bound_ns`.

    Attributes:
        is_measured: Whether the feed measures it at all.
        offset_ns: As last measured; None before that.
        bound_ns: The same.
        limit_ns: What |offset| + bound must not exceed.
        measured_at_ns: When that was; None: never.
        breach: ``offset`` or ``unmeasured`` where the clock is not in tolerance; empty where it is.
    """

    is_measured: bool
    offset_ns: int | None
    bound_ns: int | None
    limit_ns: int
    measured_at_ns: int | None
    breach: str


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A feed at one moment; the clock's offset is that of the last measurement, None before it.

    `settings_sha256` is over the feed file that is in force, `instruments` what the feed has now. `speaking` holds by
    instrument the legs of which something may be delivered now, `rejected_by` the ticks rejected by rule (one that
    broke two counts in both), `suppressed_by` those suppressed by reason. `latency_steps_us` is the histogram behind
    `latency_us`: by ascending upper edge in microseconds, how many ticks; steps that have none are left out.
    `delivered_s` holds by instrument how many seconds ago the last that was delivered of it was received, by a clock
    that never jumps; gaps, switches and values served once more count as nothing, what never was delivered is left out.
    """

    feed: str
    at_ns: int
    legs: Mapping[str, LegStatus]
    route: Sequence[NodeStatus]
    delivered: int
    rejected: int
    suppressed: int
    switches: int
    last_switch: SwitchRecord | None
    sinks: Mapping[str, SinkStatus]
    clock_offset_ns: int | None
    settings_sha256: str = ""
    instruments: Sequence[str] = ()
    profile: str
    channels: Sequence[str]
    started_ns: int
    speaking: Mapping[InstrumentId, Sequence[ProviderId]]
    rejected_by: Mapping[str, int]
    flagged_by: Mapping[str, int]
    suppressed_by: Mapping[str, int]
    latency_us: Latency
    delivered_s: Mapping[InstrumentId, float] = {}
    latency_steps_us: Sequence[tuple[float, int]] = ()
    latency_sum_ns: int = 0
    clock: ClockStatus
    observers: Mapping[str, ObserverStatus]
