"""Hold what was aimed at and what was reached, with what there is to draw of it.

Owns: the form of ``ticktrail report slo --json``.
Never: computes a figure, or draws one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.latency import Buckets
from ticktrail_compliance.evidence.model import Criterion

__all__ = ["ClockPoint", "LatencyPoint", "Objectives", "QualityPoint", "Span"]


class LatencyPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What one record of latencies says: microseconds that half, and all but one in a hundred, did not exceed."""

    at_ns: int
    p50_us: float | None
    p99_us: float | None


class QualityPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What one record of the rules' findings says: ticks judged, rejected, and flagged."""

    at_ns: int
    seen: int
    rejected: int
    flagged: int


class ClockPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of the clock: its offset and how far true time may lie around that, milliseconds."""

    at_ns: int
    offset_ms: float
    bound_ms: float


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which something was not delivered; `ended_ns` None: its end is not told."""

    begun_ns: int
    ended_ns: int | None
    what: str


class Objectives(msgspec.Struct, frozen=True, kw_only=True):
    """The objectives of a period.

    Attributes:
        log_id: Of which log.
        from_ns: The period's first moment, UTC nanoseconds.
        to_ns: Its last.
        last_seq: The last entry that was looked at.
        met: Whether some were met and none missed: one of which nothing is recorded is neither.
        objectives: Each, with its figure, how it was computed, and the entries that prove it.
        latency: How long ticks took, all counts of the period.
        latency_over_time: The same, record by record.
        quality_over_time: What the rules found, record by record.
        clock_over_time: Measurements of the clock.
        outages: Times in which something was not delivered.
    """

    log_id: str
    from_ns: int
    to_ns: int
    last_seq: int
    met: bool
    objectives: Sequence[Criterion]
    latency: Buckets
    latency_over_time: Sequence[LatencyPoint]
    quality_over_time: Sequence[QualityPoint]
    clock_over_time: Sequence[ClockPoint]
    outages: Sequence[Span]
