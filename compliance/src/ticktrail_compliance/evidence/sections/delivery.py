"""Sum up what was delivered, by which legs, and what is missing.

Owns: the sections on availability and on quality, and what is aimed at in both.
Never: judges a tick anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ticktrail.events import (
    FeedStopped,
    HoleLeft,
    HoleRepaired,
    LatencyMeasured,
    LegDown,
    LegSwitched,
    LegUp,
    QualityMeasured,
    SinkDropped,
)
from ticktrail_compliance.acts import WriterOpened
from ticktrail_compliance.evidence.model import Column, Criterion, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.source import Source, Told
from ticktrail_compliance.oversight.history import LegHistory, leg_histories
from ticktrail_compliance.reports.delivery import delivery_of
from ticktrail_compliance.reports.quality import quality_report

__all__ = ["availability_section", "quality_section"]

UPTIME_PCT = 99.9
INVALID_PCT = 0.1


def availability_section(source: Source) -> tuple[Section, Sequence[Criterion]]:
    """Return the section on availability, and what is aimed at."""
    period = source.period
    delivery = delivery_of(
        source.events(), from_ns=period.from_ns, to_ns=period.to_ns, went_on=source.went_on
    )
    gaps = (one.gap for one in source.ticks.gaps)
    legs = leg_histories(
        source.events(),
        gaps,
        source.legs,
        from_ns=period.from_ns,
        to_ns=period.to_ns,
        went_on=source.went_on,
    )
    switches = [
        (one.seq, one.record)
        for one in source.marks
        if isinstance(one.record, LegSwitched) and one.record.on_air
    ]
    section = Section(
        id="availability",
        title="Availability",
        figures=[
            Figure(
                id="ran",
                title="Feeds ran",
                kind="seconds",
                value=delivery.ran_s,
                how="from each start to its stop, to the period's end where a run went on after it, or to the last "
                "record of one that did not say its end",
                entries=entries_of(delivery.run_seqs),
            ),
            Figure(
                id="out",
                title="Of that, something was not delivered",
                kind="seconds",
                value=delivery.out_s,
                how="the union of all outages: one instrument that no leg delivers counts as an outage",
                entries=entries_of(one.seq for one in delivery.outages),
            ),
            Figure(
                id="outages",
                title="Outages",
                kind="count",
                value=len(delivery.outages),
                how="times in which no leg delivered some instrument",
                entries=entries_of(one.seq for one in delivery.outages),
            ),
            Figure(
                id="legs",
                title="Legs",
                kind="count",
                value=len(legs),
                how="legs of which the log ever told; their uptime below is by the entries leg_up and leg_down",
                entries=entries_of(
                    one.seq for one in source.marks if isinstance(one.record, LegUp | LegDown)
                ),
            ),
            Figure(
                id="switches",
                title="Route switches",
                kind="count",
                value=len(switches),
                how="another leg spoke from then on, as sinks were told",
                entries=entries_of(seq for seq, _ in switches),
            ),
        ],
        tables=[
            table("legs", "Legs", _LEG_COLUMNS, [_leg_row(one) for one in legs], empty="no leg was ever up"),
            table(
                "outages",
                "Outages",
                (
                    Column("begun_ns", "Begun", "time"),
                    Column("ended_ns", "Ended", "time"),
                    Column("instruments", "Instruments"),
                    Column("legs", "Legs that failed"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        one.begun_ns,
                        one.ended_ns,
                        ", ".join(one.instruments) or "all",
                        ", ".join(one.legs),
                        one.seq,
                    )
                    for one in delivery.outages
                ],
            ),
            table(
                "switches",
                "Route switches",
                (
                    Column("at_ns", "When", "time"),
                    Column("from_leg", "From"),
                    Column("to_leg", "To"),
                    Column("cause", "Cause"),
                    Column("failover_ms", "Silent before", "ms"),
                    Column("instruments", "Instruments"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        act.at_ns,
                        act.from_leg,
                        act.to_leg,
                        act.cause,
                        act.failover_ms,
                        "all" if act.instruments is None else ", ".join(act.instruments),
                        seq,
                    )
                    for seq, act in switches
                ],
            ),
        ],
    )
    uptime = delivery.uptime_pct
    return section, [
        Criterion(
            id="uptime",
            title="Delivery uptime",
            target=f"≥ {UPTIME_PCT} % of the time in which feeds ran",
            kind="percent",
            value=uptime,
            outcome="not_recorded" if uptime is None else "met" if uptime >= UPTIME_PCT else "missed",
            how="time in which nothing was out, of the time in which feeds ran",
            entries=entries_of([*delivery.run_seqs, *(one.seq for one in delivery.outages)]),
        )
    ]


def quality_section(source: Source) -> tuple[Section, Sequence[Criterion]]:
    """Return the section on quality, and what is aimed at."""
    told, ticks = source.marks, source.ticks
    measured = [one for one in told if isinstance(one.record, QualityMeasured)]
    report = quality_report(
        (one.record for one in measured), from_ns=source.period.from_ns, to_ns=source.period.to_ns
    )
    left, repaired, dropped = (_of(told, kind) for kind in (HoleLeft, HoleRepaired, SinkDropped))
    journal = entries_of(ticks.seqs)
    gaps = Counter((str(one.gap.provider), one.gap.channel, one.gap.cause) for one in ticks.gaps)
    section = Section(
        id="quality",
        title="Data and its quality",
        figures=[
            *(
                Figure(id=name, title=title, kind="count", value=value, how=how, entries=journal)
                for name, title, value, how in (
                    (
                        "delivered",
                        "Ticks delivered",
                        ticks.delivered,
                        "in the segments of the period; gaps and switches are no ticks",
                    ),
                    (
                        "rejected",
                        "Ticks rejected",
                        ticks.rejected,
                        "kept back by a rule, or not to be decoded",
                    ),
                    (
                        "suppressed",
                        "Ticks suppressed",
                        ticks.suppressed,
                        "held back by the route, such as those of a standby leg",
                    ),
                    (
                        "flagged",
                        "Ticks flagged",
                        ticks.flagged,
                        "went on although a rule objected; counted above as well",
                    ),
                )
            ),
            Figure(
                id="unreadable",
                title="Segments that were destroyed",
                kind="count",
                value=ticks.destroyed,
                how="their contents were destroyed by rule, so that their ticks are counted nowhere here",
                entries=entries_of(()),
            ),
            Figure(
                id="gaps",
                title="Gaps",
                kind="count",
                value=len(ticks.gaps),
                how="holes that stand in what was delivered",
                entries=entries_of(one.seq for one in ticks.gaps),
            ),
            Figure(
                id="holes_left",
                title="Holes that no repair filled",
                kind="count",
                value=len(left),
                how="the entries hole_left",
                entries=entries_of(one.seq for one in left),
            ),
            Figure(
                id="holes_repaired",
                title="Holes that were filled",
                kind="count",
                value=len(repaired),
                how="the entries hole_repaired",
                entries=entries_of(one.seq for one in repaired),
            ),
            Figure(
                id="dropped",
                title="Ticks that lanes gave up",
                kind="count",
                value=sum(one.record.dropped for one in dropped if isinstance(one.record, SinkDropped)),
                how="as sinks were told; the log holds them",
                entries=entries_of(one.seq for one in dropped),
            ),
        ],
        tables=[
            table(
                "gaps",
                "Gaps, by leg, channel and cause",
                (
                    Column("leg", "Leg"),
                    Column("channel", "Channel"),
                    Column("cause", "Cause"),
                    Column("gaps", "Gaps", "count"),
                ),
                [(*key, count) for key, count in sorted(gaps.items())],
            ),
            table(
                "judged",
                "What the rules found, by leg and instrument",
                (
                    Column("leg", "Leg"),
                    Column("instrument", "Instrument"),
                    Column("seen", "Judged", "count"),
                    Column("rejected", "Rejected", "count"),
                    Column("flagged", "Flagged", "count"),
                    Column("rules", "Rules that objected"),
                ),
                [
                    (
                        row.provider or "the route",
                        row.instrument,
                        row.seen,
                        row.rejected,
                        row.flagged,
                        ", ".join(rule.rule for rule in row.rules),
                    )
                    for row in report.rows
                ],
                empty="no feed recorded what its rules found",
            ),
        ],
    )
    return section, [_synthetic(source), _invalid(source)]


def _synthetic(source: Source) -> Criterion:
    ticks, unkept = source.ticks, _unkept(source)
    known = _known(source, unkept)
    return Criterion(
        id="synthetic",
        title="Synthetic ticks delivered",
        target="0",
        kind="count",
        value=ticks.synthetic if known or ticks.synthetic else None,
        outcome="missed" if ticks.synthetic else "met" if known else "not_recorded",
        how="ticks of the period's segments that bear the mark of made-up data" + _but(unkept),
        entries=entries_of(ticks.synthetic_seqs or [*unkept, *ticks.seqs]),
    )


def _invalid(source: Source) -> Criterion:
    ticks, unkept = source.ticks, _unkept(source)
    share = 100 * ticks.flagged / ticks.delivered if ticks.delivered and _known(source, unkept) else None
    return Criterion(
        id="invalid",
        title="Invalid after validation",
        target=f"< {INVALID_PCT} % of what was delivered",
        kind="percent",
        value=share,
        outcome="not_recorded" if share is None else "met" if share < INVALID_PCT else "missed",
        how=f"{ticks.flagged:,} ticks to which a rule objected and that went on, of {ticks.delivered:,} delivered"
        + _but(unkept),
        entries=entries_of([*unkept, *ticks.seqs]),
    )


def _unkept(source: Source) -> Sequence[int]:
    """Return the entries by which runs of the period tell that they do not keep every tick."""
    return [
        one.seq
        for one in source.acts
        if isinstance(one.record, WriterOpened)
        and one.record.recording is not None
        and one.record.recording.journal != "all"
        and one.writer in source.wrote
    ]


def _known(source: Source, unkept: Sequence[int]) -> bool:
    """Tell whether what was delivered was journalled.

    Not so where a run says that it keeps less, or where one of a version that does not say delivered and no segment
    holds it.
    """
    by_counts = 0
    for _, _, record in source.marks:
        if isinstance(record, FeedStopped):
            by_counts += sum(record.delivered.values())
        elif isinstance(record, LatencyMeasured):
            by_counts += record.ticks
    return not unkept and not source.ticks.destroyed and bool(source.ticks.delivered or not by_counts)


def _but(unkept: Sequence[int]) -> str:
    return "; not known, for a run did not journal every tick" if unkept else ""


def _of(told: Sequence[Told], kind: type[object]) -> Sequence[Told]:
    return [one for one in told if isinstance(one.record, kind)]


_LEG_COLUMNS = (
    Column("leg", "Leg"),
    Column("observed_s", "Observed", "seconds"),
    Column("uptime_pct", "Up", "percent"),
    Column("reconnects", "Reconnects", "count"),
    Column("failures", "Failures, by cause"),
    Column("judged", "Ticks judged", "count"),
    Column("reject_pct", "Rejected", "percent"),
    Column("gaps", "Gaps", "count"),
    Column("outages", "Outages", "count"),
)


def _leg_row(one: LegHistory) -> Sequence[str | int | float | None]:
    return (
        one.leg,
        one.observed_s,
        one.uptime_pct,
        one.reconnects,
        ", ".join(f"{count:,} {cause}" for cause, count in one.failures.items()) or "none",
        one.seen,
        None if one.reject_rate is None else 100 * one.reject_rate,
        one.gaps,
        one.outages,
    )
