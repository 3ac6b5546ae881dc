"""Gather what an audit log says of the data's quality.

Owns: the counts of a period by leg, instrument and rule, and what became of rules and instruments in it. Pure.
Never: reads a database, or judges a tick anew: each record stands as it was sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ticktrail.events import (
    CriticalFinding,
    InstrumentQuarantined,
    InstrumentReleased,
    PriceLevelConfirmed,
    QualityMeasured,
    RuleDisabled,
    RuleFailing,
)
from ticktrail.quality import InstrumentQuality, merge_quality
from ticktrail_compliance.records import StoredRecord

__all__ = ["QualityReport", "quality_report"]


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules found in a period.

    `rows` holds one row a leg and instrument; a leg of None is the route, whose rules see every leg. `counted_from_ns`
    and `counted_to_ns` are the bounds of what was counted, None without any: counts are recorded every
    `quality_every_s` and at a feed's end, so that they may reach out of the period at its beginning. Where nothing was
    counted, `ran` says whether a feed wrote anything at all in the period, `log_from_ns` and `log_to_ns` what the log
    covers (None for an empty one); they are not looked for otherwise.
    """

    from_ns: int | None
    to_ns: int | None
    counted_from_ns: int | None
    counted_to_ns: int | None
    seen: int
    rejected: int
    flagged: int
    rows: Sequence[InstrumentQuality]
    critical: Sequence[CriticalFinding]
    levels: Sequence[PriceLevelConfirmed]
    quarantines: Sequence[InstrumentQuarantined | InstrumentReleased]
    failures: Sequence[RuleFailing | RuleDisabled]
    log_from_ns: int | None = None
    log_to_ns: int | None = None
    ran: bool = True


def quality_report(
    records: Iterable[StoredRecord], *, from_ns: int | None = None, to_ns: int | None = None
) -> QualityReport:
    """Return what the records say of quality.

    Args:
        records: Events in the order of the log; others are passed over.
        from_ns: The period's beginning, for the report's head; the records are taken as given.
        to_ns: The period's end, likewise.
    """
    measured: list[QualityMeasured] = []
    critical: list[CriticalFinding] = []
    levels: list[PriceLevelConfirmed] = []
    quarantines: list[InstrumentQuarantined | InstrumentReleased] = []
    failures: list[RuleFailing | RuleDisabled] = []
    for record in records:
        match record:
            case QualityMeasured():
                measured.append(record)
            case CriticalFinding():
                critical.append(record)
            case PriceLevelConfirmed():
                levels.append(record)
            case InstrumentQuarantined() | InstrumentReleased():
                quarantines.append(record)
            case RuleFailing() | RuleDisabled():
                failures.append(record)
    rows = merge_quality(row for one in measured for row in one.rows)
    on_legs = [row for row in rows if row.provider is not None]
    return QualityReport(
        from_ns=from_ns,
        to_ns=to_ns,
        counted_from_ns=min((one.from_ns for one in measured), default=None),
        counted_to_ns=max((one.at_ns for one in measured), default=None),
        seen=sum(row.seen for row in on_legs),  # the route sees again what a leg let through
        rejected=sum(row.rejected for row in rows),
        flagged=sum(row.flagged for row in rows),
        rows=rows,
        critical=critical,
        levels=levels,
        quarantines=quarantines,
        failures=failures,
    )
