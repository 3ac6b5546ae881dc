"""Say how a run went: what `ticktrail run --json` prints, and what `Feed.report` returns.

Owns: the report's shape.
Never: counts (the engine's tally does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ticktrail.quality import InstrumentQuality

__all__ = ["Latency", "Report", "SinkCounts", "SwitchRecord"]


class SwitchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the speaking leg; `failover_ms` as in `ticktrail.events.LegSwitched`."""

    at_ns: int
    from_leg: str | None = msgspec.field(name="from")
    to_leg: str = msgspec.field(name="to")
    cause: str
    failover_ms: float | None


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds from the socket read that brought a tick to the end of the sink's write; None: no tick."""

    p50: float | None
    p99: float | None


class SinkCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Ticks that a sink took, and ticks that its lane gave up."""

    written: int
    dropped: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one run.

    Attributes:
        received: By leg and kind: every tick decoded.
        delivered: By kind: ticks that went to the sinks, gap and switch notices among them.
        rejected: By rule; a tick that broke two rules counts in both, and in `rejected_ticks` once.
        suppressed: By reason.
        undecodable: Frames that were no tick.
        switches: Changes of the speaking leg, in order.
        reconnects: By leg.
        latency_us: From socket to sink.
        audit: What the observer of that report key counted; empty without one.
        sinks: By name.
        flagged: By rule: ticks that went on with a mark.
        quality: What the rules found, by leg and instrument.
        rejected_ticks: Ticks that were not delivered because of a rule.
        warnings: What the person who runs the feed must know, in order.
    """

    received: Mapping[str, Mapping[str, int]]
    delivered: Mapping[str, int]
    rejected: Mapping[str, int]
    suppressed: Mapping[str, int]
    undecodable: int
    switches: Sequence[SwitchRecord]
    reconnects: Mapping[str, int]
    latency_us: Latency
    audit: Mapping[str, int]
    sinks: Mapping[str, SinkCounts]
    flagged: Mapping[str, int] = {}
    quality: Sequence[InstrumentQuality] = ()
    rejected_ticks: int = 0
    warnings: Sequence[str] = ()
