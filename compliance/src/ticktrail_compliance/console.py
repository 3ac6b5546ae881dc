"""Run the audit commands.

Owns: the form of what is printed.
Never: checks or decrypts by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from ticktrail_compliance.entry import Header
from ticktrail_compliance.naming import moment, open_named
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord, StoredRouted
from ticktrail_compliance.verify import Verified
from ticktrail_compliance.verify import verify as walk

__all__ = ["show", "verify"]

FOUND = 1
FLUSH_EVERY = 1_000


def verify(feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool) -> int:
    """Verify a log, print the outcome, and return the exit status."""
    with open_named(feed_file, database, key) as log:
        if as_json or not sys.stderr.isatty():
            found = walk(log)
        else:
            with click.progressbar(length=log.count(), label="verifying", file=sys.stderr) as bar:
                found = walk(log, progress=lambda _: bar.update(1))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _tell(found)
    return 0 if found.sound else FOUND


def show(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    wanted: Range,
    *,
    events: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the records of a range."""
    with open_named(feed_file, database, key) as log:
        printed = 0
        for header, record in read_records(log, wanted):
            tag = _tag(record)
            if events and tag not in events:
                continue
            lines = _json_lines(header, record) if as_json else _lines(header, tag, record)
            for line in lines:
                if printed == limit:
                    return
                click.echo(line)
                printed += 1


def _tell(found: Verified) -> None:
    if found.sound:
        click.echo(
            f"sound: {found.entries:,} entries, {found.events:,} events, {found.ticks:,} ticks in "
            f"{found.segments:,} segments, each as it was sealed"
        )
    else:
        click.echo(f"not as it was sealed: {found.findings[0].what}", err=True)
        for finding in found.findings[1:]:
            click.echo(f"  also: {finding.what}", err=True)
        click.echo(f"{found.entries:,} entries looked at; {found.ticks:,} ticks are sound", err=True)
    if found.head is not None:
        click.echo(f"head: {found.head}")


def _tag(record: StoredRecord) -> str:
    return str(record.__struct_config__.tag)


def _json_lines(header: Header, record: StoredRecord) -> Iterator[bytes]:
    yield msgspec.json.encode({"seq": header.seq, "record": record})


def _lines(header: Header, tag: str, record: StoredRecord) -> Iterator[str]:
    if not isinstance(record, StoredRouted):
        fields = {
            name: getattr(record, name) for name in record.__struct_fields__ if name not in {"at_ns", "plan"}
        }
        told = ", ".join(f"{name} {value}" for name, value in fields.items())
        yield f"{header.seq:>6}  {moment(record.at_ns)}  {tag}: {told}"
        return
    at = f"{header.seq:>6}  {moment(record.recv_ns)}"
    for tick in record.delivered:
        yield f"{at}  delivered   {_one_line(tick)}"
    for rejected in record.rejected:
        rules = ", ".join(str(violation.get("rule")) for violation in rejected.violations)
        yield f"{at}  rejected    {_one_line(rejected.tick)}  by {rules}"
    for flagged in record.flagged:
        rules = ", ".join(str(violation.get("rule")) for violation in flagged.violations)
        yield f"{at}  flagged     {_one_line(flagged.tick)}  by {rules}"
    for held in record.suppressed:
        for tick in held.ticks:
            yield f"{at}  suppressed  {_one_line(tick)}  {held.reason}"


def _one_line(tick: msgspec.Struct) -> str:
    shown = {
        name: getattr(tick, name) for name in tick.__struct_fields__ if name not in {"event_ns", "recv_ns"}
    }
    told = " ".join(
        f"{name}={value}" for name, value in shown.items() if value is not None and value is not False
    )
    return f"{tick.__struct_config__.tag} {told}"
