"""Sum up how long ticks took.

Owns: what is aimed at in latency.
Never: measures; the feed recorded what it counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail.events import LatencyMeasured
from ticktrail.latency import add_buckets, percentile_us
from ticktrail_compliance.evidence.model import Criterion, entries_of
from ticktrail_compliance.evidence.source import Source

__all__ = ["LATENCY_MS", "latency_criteria"]

LATENCY_MS = 100


def latency_criteria(source: Source) -> Sequence[Criterion]:
    """Return what is aimed at: half of the ticks, and all but one in a hundred, within the limit."""
    told = [(one.seq, one.record) for one in source.marks if isinstance(one.record, LatencyMeasured)]
    counted = add_buckets(record.buckets for _, record in told)
    ticks = sum(count for _, count in counted)
    criteria = []
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        found_us = percentile_us(counted, share)
        found_ms = None if found_us is None else found_us / 1_000
        criteria.append(
            Criterion(
                id=f"latency_{name}",
                title=f"Latency, {name}",
                target=f"≤ {LATENCY_MS} ms",
                kind="ms",
                value=found_ms,
                outcome="not_recorded" if found_ms is None else "met" if found_ms <= LATENCY_MS else "missed",
                how=f"from the socket to the end of a sink's write, of {ticks:,} ticks as the feed counted them in "
                "buckets of 6 %; what a feed that was killed had not recorded is missing",
                entries=entries_of(seq for seq, _ in told),
            )
        )
    return criteria
