"""Run the report commands.

Owns: which records a report reads, and which form of it is printed.
Never: judges or words; the reports themselves do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.naming import find_named
from ticktrail_compliance.reading import EVENTS, Range, headers, read_records
from ticktrail_compliance.reports.clock import clock_report
from ticktrail_compliance.reports.clock_text import clock_lines
from ticktrail_compliance.reports.feeding import since_the_beginning
from ticktrail_compliance.reports.quality import QualityReport, quality_report
from ticktrail_compliance.reports.quality_text import quality_lines
from ticktrail_compliance.reports.shadow import shadow_report
from ticktrail_compliance.reports.shadow_text import shadow_lines
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Wanted", "clock", "quality", "shadow"]

F = TypeVar("F", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a report is asked of: a log by its feed file or by database and key, and a period (nanoseconds)."""

    feed_file: Path | None
    database: str | None
    key: str | None
    from_ns: int | None
    to_ns: int | None


def clock(wanted: Wanted, *, as_json: bool) -> None:
    """Print the report on the clock of a period."""
    with _reading(wanted, "clock") as log:
        left_out = LeftOut(log)
        found = clock_report(
            (record for _, record in since_the_beginning(log, wanted.to_ns, left_out)),
            from_ns=wanted.from_ns,
            to_ns=wanted.to_ns,
        )
    _print(found, clock_lines, left_out, as_json=as_json)


def quality(wanted: Wanted, *, as_json: bool) -> None:
    """Print the report on the data's quality in a period."""
    period = Range(since_ns=wanted.from_ns, until_ns=wanted.to_ns, classes=EVENTS)
    with _reading(wanted, "quality") as log:
        left_out = LeftOut(log)
        records = (record for _, record in read_records(log, period, left_out.passes_over))
        found = quality_report(records, from_ns=wanted.from_ns, to_ns=wanted.to_ns)
        if found.counted_from_ns is None:
            found = _with_coverage(found, log, wanted)
    _print(found, quality_lines, left_out, as_json=as_json)


def shadow(wanted: Wanted, *, as_json: bool) -> None:
    """Print the report on candidates that ran in the shadow of a speaker in a period.

    The exit status is 1 where one of the two was never up: who waits for the report is not to take it for a pass.
    """
    period = Range(since_ns=wanted.from_ns, until_ns=wanted.to_ns, classes=EVENTS)
    with _reading(wanted, "shadow") as log:
        left_out = LeftOut(log)
        records = (record for _, record in read_records(log, period, left_out.passes_over))
        found = shadow_report(records, from_ns=wanted.from_ns, to_ns=wanted.to_ns)
    _print(found, shadow_lines, left_out, as_json=as_json)
    if any(pair.never_up for pair in found.pairs):
        raise SystemExit(1)


def _reading(wanted: Wanted, report: str) -> AbstractContextManager[AuditLog]:
    named = find_named(wanted.feed_file, wanted.database, wanted.key)
    what = asked(f"report {report}", from_ns=wanted.from_ns, to_ns=wanted.to_ns)
    return reading(named, "read", what)


def _with_coverage(found: QualityReport, log: AuditLog, wanted: Wanted) -> QualityReport:
    """Add what the log covers, and whether anything of it lies in the period: an entry's records lie close together."""
    period = Range(since_ns=wanted.from_ns, until_ns=wanted.to_ns)
    first_ns: int | None = None
    last_ns: int | None = None
    ran = False
    for header in headers(log, Range(classes=EVENTS | {"journal"})):
        first_ns = header.first_ns if first_ns is None else min(first_ns, header.first_ns)
        last_ns = header.last_ns if last_ns is None else max(last_ns, header.last_ns)
        ran = ran or period.may_hold(header)
    return msgspec.structs.replace(found, log_from_ns=first_ns, log_to_ns=last_ns, ran=ran)


def _print(found: F, lines: Callable[[F], Iterator[str]], left_out: LeftOut, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in lines(found):
            click.echo(one_line(line))
    if told := left_out.told():
        click.echo(told, err=True)
