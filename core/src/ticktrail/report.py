"""Say how a run went: what `ticktrail run --json` prints, and what `Feed.report` returns.

Owns: the report's shape.
Never: counts (the engine's tally does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ticktrail.quality import InstrumentQuality

__all__ = ["Latency", "RepairCounts", "Report", "SinkCounts", "SwitchRecord"]


class SwitchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change of the speaking leg; `failover_ms` and `instruments` as in `ticktrail.events.LegSwitched`."""

    at_ns: int
    from_leg: str | None = msgspec.field(name="from")
    to_leg: str = msgspec.field(name="to")
    cause: str
    failover_ms: float | None
    instruments: Sequence[str] | None = None


class RepairCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Holes that were filled out of an archive, holes of which a gap remains, and the ticks fetched for both."""

    repaired: int = 0
    left: int = 0
    ticks: int = 0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Microseconds from the socket read that brought a tick to the end of the sink's write; None: no tick."""

    p50: float | None
    p99: float | None


class SinkCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Ticks that a sink took, and ticks that its lane gave up: together all that was delivered.

    The gaps that tell a sink what its own lane gave up are in neither.
    """

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
        switches: Changes of the speaking leg, in order: those that the sinks were told of.
        reconnects: By leg.
        latency_us: From socket to sink.
        audit: What the observer of that report key counted; empty without one.
        observers: By report key, what each of the other observers counted.
        sinks: By name.
        flagged: By rule: ticks that went on with a mark.
        quality: What the rules found, by leg and instrument.
        rejected_ticks: Ticks that were not delivered because of a rule.
        derived_ticks: Ticks that no leg brought: best quotes that a route made when a leg was lost, last known values
            that were served once more. With those received they are all that was delivered (without gap and switch
            notices), suppressed and rejected.
        repairs: Holes in what was delivered, where ``[repair]`` asks for what is missing.
        warnings: What the person who runs the feed must know, in order.
        switches_below: Changes within what was not delivered, such as a shadow's candidate, or below a leg of a merge
            that does not lead: no sink was told.
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
    observers: Mapping[str, Mapping[str, int]] = {}
    flagged: Mapping[str, int] = {}
    quality: Sequence[InstrumentQuality] = ()
    rejected_ticks: int = 0
    derived_ticks: int = 0
    repairs: RepairCounts = RepairCounts()
    warnings: Sequence[str] = ()
    switches_below: Sequence[SwitchRecord] = ()
