"""Run the report commands.

Owns: which records a report reads, and which form of it is printed.
Never: judges or words; the reports themselves do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import click
import msgspec

from ticktrail_compliance.naming import open_named
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.reports.clock import clock_report
from ticktrail_compliance.reports.clock_text import clock_lines
from ticktrail_compliance.reports.quality import quality_report
from ticktrail_compliance.reports.quality_text import quality_lines

__all__ = ["Wanted", "clock", "quality"]

R_co = TypeVar("R_co", covariant=True)
F = TypeVar("F", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a report is asked of: a log by its feed file or by database and key, and a period (nanoseconds)."""

    feed_file: Path | None
    database: str | None
    key: str | None
    from_ns: int | None
    to_ns: int | None


class _Draw(Protocol[R_co]):
    def __call__(
        self, records: Iterable[StoredRecord], *, from_ns: int | None, to_ns: int | None
    ) -> R_co: ...


def clock(wanted: Wanted, *, as_json: bool) -> None:
    """Print the report on the clock of a period."""
    _print(wanted, clock_report, clock_lines, as_json=as_json)


def quality(wanted: Wanted, *, as_json: bool) -> None:
    """Print the report on the data's quality in a period."""
    _print(wanted, quality_report, quality_lines, as_json=as_json)


def _print(wanted: Wanted, draw: _Draw[F], lines: Callable[[F], Iterator[str]], *, as_json: bool) -> None:
    period = Range(since_ns=wanted.from_ns, until_ns=wanted.to_ns, kind="control")
    with open_named(wanted.feed_file, wanted.database, wanted.key) as log:
        records = (record for _, record in read_records(log, period))
        found = draw(records, from_ns=wanted.from_ns, to_ns=wanted.to_ns)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in lines(found):
        click.echo(line)
