"""Run the audit commands.

Owns: the form of what is printed.
Never: checks or decrypts by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.anchoring import anchor_paths
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.checks.verified import record_verified
from ticktrail_compliance.destroyed import Legible
from ticktrail_compliance.entry import Header
from ticktrail_compliance.finding.writers import Writers
from ticktrail_compliance.incidents.automatic import open_for_findings
from ticktrail_compliance.naming import Named
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord, StoredRouted
from ticktrail_compliance.store.schema import LAYOUT
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.outcome import Verified
from ticktrail_compliance.verify.whole import verify as walk
from ticktrail_compliance.words import counted, fields, moment, value

__all__ = ["migrate", "show", "verify"]

FOUND = 1
FLUSH_EVERY = 1_000


def verify(
    named: Named,
    brought: Sequence[Path],
    *,
    quick: bool,
    resume: Path | None,
    open_incident: bool,
    as_json: bool,
) -> int:
    """Verify a log, print the outcome, open an incident where something was found, and return the exit status."""
    anchors = _anchors(named, brought)
    what = asked("audit verify", quick=quick, resume=resume)
    with reading(named, "verify", what) as log, Bars("verifying", shown=not as_json) as bars:
        found = walk(log, anchors=anchors, quick=quick, reopen=named.open, mark=resume, progress=bars)
    opened: Sequence[int] = ()
    why: str | None = None
    if open_incident and not found.sound:
        opened, why = open_for_findings(named, found.findings, [anchor.path for anchor in anchors])
    if as_json:
        told = {**msgspec.structs.asdict(found), "incidents": opened, "no_incident": why}
        click.echo(msgspec.json.encode(told))
    else:
        _tell(found)
        for number in opened:
            click.echo(f"incident {number} is open for it: `ticktrail incident show` tells more", err=True)
        if why is not None:
            click.echo(f"no incident could be opened for it in the log: {why}", err=True)
    unrecorded = record_verified(named, found, [anchor.path for anchor in anchors])
    if unrecorded is not None:
        click.echo(f"not recorded in the log: {unrecorded}", err=True)
    return 0 if found.sound else FOUND


def migrate(named: Named, *, as_json: bool) -> None:
    """Bring the tables of a log and its key store to the layout of this program."""
    with named.open_to_migrate() as log:
        name, count = log.name, log.count()
    if as_json:
        click.echo(msgspec.json.encode({"database": name, "layout": LAYOUT, "entries": count}))
    else:
        click.echo(f"{name} has layout {LAYOUT}, with {count:,} entries")


def show(
    named: Named,
    wanted: Range,
    writers: Writers,
    *,
    events: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the records of a range."""
    what = asked(
        "audit show",
        from_entry=wanted.from_seq,
        to_entry=wanted.to_seq,
        since_ns=wanted.since_ns,
        until_ns=wanted.until_ns,
        classes=wanted.classes,
        events=events,
        writers=writers.numbers,
        feeds=writers.feeds,
        limit=limit,
    )
    with reading(named, "read", what) as log:
        left_out = Legible(log)
        wanted = replace(wanted, writers=writers.find(log))
        _print_records(read_records(log, wanted, left_out.passes_over), events, limit, as_json=as_json)
    left_out.tell()


def _print_records(
    records: Iterator[tuple[Header, StoredRecord]],
    events: Collection[str],
    limit: int | None,
    *,
    as_json: bool,
) -> None:
    printed = 0
    for header, record in records:
        tag = _tag(record)
        if events and tag not in events:
            continue
        lines = _json_lines(header, record) if as_json else map(one_line, _lines(header, tag, record))
        for line in lines:
            if printed == limit:
                return
            click.echo(line)
            printed += 1


def _tell(found: Verified) -> None:
    entries = counted(found.entries, "entry", "entries")
    if found.sound and found.quick:
        click.echo(f"sound: {entries}, each in its place and under its checkpoints; contents were not opened")
    elif found.sound:
        events, ticks = counted(found.events, "event"), counted(found.ticks, "tick")
        segments = counted(found.segments, "segment")
        click.echo(f"sound: {entries}, {events}, {ticks} in {segments}, each as it was sealed")
    else:
        click.echo(f"not as it was sealed: {found.findings[0].what}", err=True)
        for finding in found.findings[1:]:
            click.echo(f"  also: {finding.what}", err=True)
        sound = f"{counted(found.ticks, 'tick')} {_verb(found.ticks, 'is', 'are')} sound"
        contents = "contents were not opened" if found.quick else sound
        click.echo(f"{entries} looked at; {contents}", err=True)
    if found.destroyed:
        gone = counted(found.destroyed, "entry is", "entries are")
        click.echo(f"destroyed: {gone} proven and can be read by nobody any more, as the log tells")
    if found.own_checkpoints:
        click.echo(
            f"checkpoints: {found.own_checkpoints:,} {_verb(found.own_checkpoints, 'agrees', 'agree')}"
        )
    if found.checkpoints or found.torn:
        agree = counted(found.checkpoints, "checkpoint agrees", "checkpoints agree")
        said = _verb(found.torn, "was cut short by a crash and says", "were cut short by a crash and say")
        torn = f"; {found.torn:,} {said} nothing" if found.torn else ""
        click.echo(f"anchors: {agree}{torn}")
    if found.head is not None:
        click.echo(f"head: {found.head}")


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _anchors(named: Named, brought: Sequence[Path]) -> Sequence[AnchorFile]:
    """Return the anchors of the feed file, and those that were brought beside them."""
    own = anchor_paths(named.settings, named.base_dir)
    known = {path.resolve() for path in own}
    return [
        *(AnchorFile(path, own=True) for path in own),
        *(AnchorFile(path) for path in dict.fromkeys(brought) if path.resolve() not in known),
    ]


def _tag(record: StoredRecord) -> str:
    return str(record.__struct_config__.tag)


def _json_lines(header: Header, record: StoredRecord) -> Iterator[bytes]:
    yield msgspec.json.encode({"seq": header.seq, "writer": header.writer, "record": record})


def _lines(header: Header, tag: str, record: StoredRecord) -> Iterator[str]:
    if not isinstance(record, StoredRouted):
        yield f"{header.seq:>6}  {moment(record.at_ns)}  {tag}: {fields(record, without={'at_ns', 'plan'})}"
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
        f"{name}={value(found)}" for name, found in shown.items() if found is not None and found is not False
    )
    return f"{tick.__struct_config__.tag} {told}"
