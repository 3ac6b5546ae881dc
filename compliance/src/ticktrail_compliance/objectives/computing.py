"""Compute what a feed reached, out of its log alone.

Owns: which objectives there are, in which order.
Never: judges a tick or a clock anew: each record stands as it was sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticktrail.errors import ConfigError
from ticktrail.events import LatencyMeasured, QualityMeasured
from ticktrail.latency import add_buckets
from ticktrail_compliance.evidence.model import Criterion, Period, if_whole
from ticktrail_compliance.evidence.sections.checks import checks_criterion
from ticktrail_compliance.evidence.sections.clock import clock_section
from ticktrail_compliance.evidence.sections.delivery import availability_section, quality_section
from ticktrail_compliance.evidence.sections.latency import latency_criteria
from ticktrail_compliance.evidence.source import Source, source_of
from ticktrail_compliance.objectives.model import (
    ClockPoint,
    LatencyPoint,
    Objectives,
    QualityPoint,
    Span,
)
from ticktrail_compliance.reading import Range, conditions, headers
from ticktrail_compliance.reports.clock import clock_report
from ticktrail_compliance.reports.delivery import delivery_of
from ticktrail_compliance.store.log import AuditLog

__all__ = ["objectives_of"]


def objectives_of(
    log: AuditLog, from_ns: int | None, to_ns: int, progress: Callable[[int], None]
) -> Objectives:
    """Return what was aimed at and what was reached in a period.

    Args:
        log: Open to read.
        from_ns: The period's first moment; None: that of the log's first entry.
        to_ns: Its last.
        progress: Is told the number of each segment that is done.

    Raises:
        AuditError: An entry cannot be read.
        ConfigError: The log holds nothing of the period.
    """
    span = log.span(conditions(Range(since_ns=from_ns, until_ns=to_ns)))
    if span is None:
        raise ConfigError(
            f"{log.name}: no entry tells of the period, so that nothing can be said of it; name another one "
            "(`ticktrail audit show` prints the log)"
        )
    first_seq, last_seq = span
    if from_ns is None:
        from_ns = next(headers(log, Range(from_seq=first_seq, to_seq=first_seq))).first_ns
    source = source_of(log, Period(from_ns, to_ns), last_seq, progress)
    objectives = _objectives(source)
    latencies = [one.record for one in source.marks if isinstance(one.record, LatencyMeasured)]
    qualities = [one.record for one in source.marks if isinstance(one.record, QualityMeasured)]
    return Objectives(
        log_id=log.log_id,
        from_ns=from_ns,
        to_ns=to_ns,
        last_seq=last_seq,
        met=any(one.outcome == "met" for one in objectives)
        and all(one.outcome != "missed" for one in objectives),
        objectives=objectives,
        latency=add_buckets(one.buckets for one in latencies),
        latency_over_time=[
            LatencyPoint(at_ns=one.at_ns, p50_us=one.p50_us, p99_us=one.p99_us) for one in latencies
        ],
        quality_over_time=[
            QualityPoint(
                at_ns=one.at_ns,
                seen=sum(row.seen for row in one.rows),
                rejected=sum(row.rejected for row in one.rows),
                flagged=sum(row.flagged for row in one.rows),
            )
            for one in qualities
        ],
        clock_over_time=_clock(source),
        outages=_outages(source),
    )


def _objectives(source: Source) -> Sequence[Criterion]:
    _, (synthetic, invalid) = quality_section(source)
    _, availability = availability_section(source)
    _, clock = clock_section(source)
    latency, availability, clocks = (
        [if_whole(one, source.destroyed) for one in some]
        for some in (latency_criteria(source), availability, [clock])
    )
    return [
        synthetic,
        *latency,
        *availability,
        invalid,
        *clocks,
        checks_criterion(source),
    ]


def _clock(source: Source) -> Sequence[ClockPoint]:
    period = source.period
    found = clock_report((record for _, record in source.clock()), from_ns=period.from_ns, to_ns=period.to_ns)
    return [
        ClockPoint(at_ns=one.at_ns, offset_ms=one.offset_ns / 1e6, bound_ms=one.bound_ns / 1e6)
        for one in found.checks
        if one.offset_ns is not None and one.bound_ns is not None
    ]


def _outages(source: Source) -> Sequence[Span]:
    period = source.period
    found = delivery_of(source.events(), from_ns=period.from_ns, to_ns=period.to_ns, went_on=source.went_on)
    return [
        Span(
            begun_ns=one.begun_ns,
            ended_ns=one.ended_ns,
            what=", ".join(one.instruments) or "everything",
        )
        for one in found.outages
    ]
