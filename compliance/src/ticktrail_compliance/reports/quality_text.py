"""Tell the report on the data's quality to people.

Owns: the words.
Never: counts; `ticktrail_compliance.reports.quality` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.events import Event
from ticktrail.quality import Example
from ticktrail_compliance.naming import moment
from ticktrail_compliance.reports.quality import QualityReport

__all__ = ["quality_lines"]


def quality_lines(found: QualityReport) -> Iterator[str]:
    """Yield the lines of the report."""
    if found.counted_from_ns is None or found.counted_to_ns is None:
        yield (
            "the log has no counts in this period: they are recorded every quality_every_s and when a feed stops, so "
            "that a run which was killed has none of its last part; `ticktrail audit show --event routed` shows each "
            "tick"
        )
        return
    yield f"quality, counted from {moment(found.counted_from_ns)} to {moment(found.counted_to_ns)}"
    yield (
        f"{found.seen:,} ticks seen, {_of(found.rejected, found.seen)} rejected, "
        f"{_of(found.flagged, found.seen)} flagged"
    )
    for row in found.rows:
        if not row.rules:
            continue
        yield (
            f"{row.provider or 'route'} {row.instrument}: {row.seen:,} seen, {_of(row.rejected, row.seen)} rejected, "
            f"{_of(row.flagged, row.seen)} flagged"
        )
        for rule in row.rules:
            count = rule.rejected + rule.flagged
            yield f"  {rule.rule} ({rule.severity}): {_of(rule.rejected, row.seen)} rejected, {rule.flagged:,} flagged"
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


def _of(count: int, seen: int) -> str:
    return f"{count:,}" if not count or not seen else f"{count:,} ({count / seen:.3%})"


def _example(example: Example) -> str:
    found = ", ".join(f"{key} {value}" for key, value in example.violation.items() if key != "rule")
    what = " ".join(str(example.tick[key]) for key in ("provider", "type", "id") if key in example.tick)
    return f"{what}: {found}" if found else what


def _event(event: Event) -> str:
    fields = {
        name: getattr(event, name) for name in event.__struct_fields__ if name not in {"at_ns", "violation"}
    }
    told = ", ".join(f"{name} {value}" for name, value in fields.items() if value is not None)
    return f"{moment(event.at_ns)}  {event.__struct_config__.tag}: {told}"
