"""Run the report commands.

Owns: which records a report reads, and the form of what is printed.
Never: judges; the reports themselves do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from ticktrail.events import Event
from ticktrail.quality import Example
from ticktrail_compliance.naming import moment, open_named
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.reports.clock import ClockBreach, ClockCheck, ClockReport, clock_report
from ticktrail_compliance.reports.quality import QualityReport, quality_report

__all__ = ["clock", "quality"]

_NS_PER_MS = 1_000_000


def clock(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    as_json: bool,
) -> None:
    """Print the report on the clock of a period."""
    wanted = Range(since_ns=from_ns, until_ns=to_ns, kind="control")
    with open_named(feed_file, database, key) as log:
        found = clock_report(
            (record for _, record in read_records(log, wanted)), from_ns=from_ns, to_ns=to_ns
        )
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _lines(found):
            click.echo(line)


def quality(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    as_json: bool,
) -> None:
    """Print the report on the data's quality in a period."""
    wanted = Range(since_ns=from_ns, until_ns=to_ns, kind="control")
    with open_named(feed_file, database, key) as log:
        found = quality_report(
            (record for _, record in read_records(log, wanted)), from_ns=from_ns, to_ns=to_ns
        )
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _quality_lines(found):
            click.echo(line)


def _quality_lines(found: QualityReport) -> Iterator[str]:
    if found.counted_from_ns is None or found.counted_to_ns is None:
        yield "nothing was judged: the log has no counts in this period"
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


def _lines(found: ClockReport) -> Iterator[str]:
    begin = "the beginning" if found.from_ns is None else moment(found.from_ns)
    end = "the end" if found.to_ns is None else moment(found.to_ns)
    yield f"clock, from {begin} to {end} of the log"
    if found.share_in_tolerance is None:
        yield "no check of the clock is recorded"
    else:
        yield (
            f"{len(found.checks):,} checks, {found.measured:,} measured, {found.in_tolerance:,} in tolerance "
            f"({found.share_in_tolerance:.3%})"
        )
    if found.longest_unchecked_s is not None:
        yield f"longest time without a valid check: {found.longest_unchecked_s:,.3f} s"
    for server, times in found.false_tickers.items():
        yield f"false ticker: {server}, in {times:,} checks"
    yield f"breaches: {len(found.breaches) or 'none'}"
    yield from (f"  {_breach(breach)}" for breach in found.breaches)
    if found.steps:
        yield "steps:"
        yield from (
            f"  {moment(step.at_ns)}  {_ms(step.from_offset_ns)} → {_ms(step.to_offset_ns)}, "
            f"where {_ms(step.allowed_ns)} can be explained"
            for step in found.steps
        )
    if found.peers:
        yield "venues that disagree:"
        yield from (f"  {moment(peer.at_ns)}  {peer.provider}: {peer.detail}" for peer in found.peers)
    if found.checks:
        yield "checks:"
        yield from (f"  {_check(check)}" for check in found.checks)


def _check(check: ClockCheck) -> str:
    at = moment(check.at_ns)
    if check.offset_ns is None or check.bound_ns is None:
        return f"{at}  not measured: {check.cause}"
    limit = "" if check.limit_ns is None else f" (limit {_ms(check.limit_ns).lstrip('+')})"
    verdict = "in tolerance" if check.in_tolerance else "OUT OF TOLERANCE"
    return (
        f"{at}  {check.source}  {_ms(check.offset_ns)} ± {_ms(check.bound_ns).lstrip('+')}{limit}  {verdict}"
    )


def _breach(breach: ClockBreach) -> str:
    what = (
        "no valid measurement"
        if breach.cause == "unmeasured"
        else "offset not recorded"
        if breach.offset_ns is None or breach.bound_ns is None
        else f"{_ms(breach.offset_ns)} ± {_ms(breach.bound_ns).lstrip('+')}"
    )
    if breach.ended_ns is not None and breach.lasted_s is not None:
        end = f"to {moment(breach.ended_ns)}, corrected after {breach.lasted_s:,.3f} s"
    else:
        how = "the feed stopped" if breach.ended_by == "feed_stopped" else "the records end"
        end = f"not corrected before {how}"
    return f"{moment(breach.begun_ns)}  {what} against {_ms(breach.limit_ns).lstrip('+')}, {end}"


def _ms(ns: int) -> str:
    return f"{ns / _NS_PER_MS:+,.3f} ms"
