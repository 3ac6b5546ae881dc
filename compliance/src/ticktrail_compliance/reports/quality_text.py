"""Tell the report on the data's quality to people.

Owns: the words.
Never: counts; `ticktrail_compliance.reports.quality` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.events import Event
from ticktrail.quality import Example, InstrumentQuality, RuleQuality
from ticktrail_compliance.reports.quality import QualityReport
from ticktrail_compliance.words import fields, moment, share, value

__all__ = ["quality_lines"]


def quality_lines(found: QualityReport) -> Iterator[str]:
    """Yield the lines of the report."""
    if found.counted_from_ns is None or found.counted_to_ns is None:
        yield _nothing(found)
        return
    yield f"quality, counted from {moment(found.counted_from_ns)} to {moment(found.counted_to_ns)}"
    yield (
        f"{found.seen:,} ticks seen, {share(found.rejected, found.seen)} rejected, "
        f"{share(found.flagged, found.seen)} flagged"
    )
    for row in found.rows:
        became = (
            f"{share(row.rejected, row.seen)} rejected, {share(row.flagged, row.seen)} flagged"
            if row.rules or row.rejected or row.flagged
            else "clean"
        )
        yield f"{row.provider or 'route'} {row.instrument}: {row.seen:,} seen, {became}"
        for rule in row.rules:
            count = rule.rejected + rule.flagged
            yield f"  {rule.rule} ({rule.severity}): {_counts(rule, row)}"
            yield f"    first {moment(rule.first.recv_ns)}  {_example(rule.first)}"
            if count > 1:
                yield f"    last  {moment(rule.last.recv_ns)}  {_example(rule.last)}"
    for title, events in (
        ("critical findings", found.critical),
        ("price levels confirmed", found.levels),
        ("quarantines", found.quarantines),
        ("rules that failed", found.failures),
    ):
        if events:
            yield f"{title}:"
            yield from (f"  {_event(event)}" for event in events)


def _nothing(found: QualityReport) -> str:
    """Tell why there are no counts: nobody ran, or a run has not come to recording any."""
    if found.ran:
        return (
            "the log has no counts in this period, though a feed ran in it: they are recorded every quality_every_s "
            "and when a feed stops, so that a run which was killed has none of its last part; `ticktrail audit show "
            "--event routed` shows each tick"
        )
    if found.log_from_ns is None or found.log_to_ns is None:
        return "no run wrote anything: the log is empty"
    return (
        f"no run wrote anything in this period; the log covers {moment(found.log_from_ns)} to "
        f"{moment(found.log_to_ns)}"
    )


def _counts(rule: RuleQuality, row: InstrumentQuality) -> str:
    """Tell what became of the ticks, and for a rule of the route, whose row names no leg, of which legs they were."""
    became = ((rule.rejected, "rejected"), (rule.flagged, "flagged"))
    told = ", ".join(f"{share(count, row.seen)} {what}" for count, what in became if count)
    legs = ", ".join(f"{count:,} of {leg}" for leg, count in rule.by_provider.items())
    return f"{told} ({legs})" if legs and row.provider is None else told


def _example(example: Example) -> str:
    found = ", ".join(f"{key} {value(held)}" for key, held in example.violation.items() if key != "rule")
    what = " ".join(str(example.tick[key]) for key in ("provider", "type", "id") if key in example.tick)
    return f"{what}: {found}" if found else what


def _event(event: Event) -> str:
    told = fields(event, without={"at_ns", "violation"})
    return f"{moment(event.at_ns)}  {event.__struct_config__.tag}: {told}"
