"""Run the commands that search the audit log.

Owns: the form of what `audit find` prints, and where both commands end.
Never: searches by itself.
"""

from __future__ import annotations

from dataclasses import replace

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.finding.explaining import explain as explain_tick
from ticktrail_compliance.finding.explanation import not_found, told
from ticktrail_compliance.finding.search import Found, Search, Searched, search
from ticktrail_compliance.finding.writers import Writers
from ticktrail_compliance.naming import Named
from ticktrail_compliance.words import moment

__all__ = ["explain", "find"]

NOT_FOUND = 1


def find(named: Named, wanted: Search, writers: Writers, *, limit: int | None, as_json: bool) -> int:
    """Print the entries that hold something, and how many there are; return the exit status."""
    searched = Searched()
    more = False
    with reading(named, "read", _asked("audit find", wanted, writers)) as log:
        wanted = replace(wanted, writers=writers.find(log))
        for found in search(log, wanted, searched):
            if limit is not None and searched.found > limit:
                more = True
                break
            click.echo(msgspec.json.encode(found) if as_json else one_line(_line(found)))
    status = 0 if searched.found else NOT_FOUND
    if not searched.found:
        click.echo("no entry holds what was asked for", err=True)
    if as_json:
        return status
    if more:
        click.echo(
            f"there are more than {limit:,} entries: narrow the search, or give a higher --limit", err=True
        )
        return status
    totals = ", ".join(
        f"{count:,} {_plural(name, count)}" for name, count in searched.totals.items() if count
    )
    click.echo(
        f"{searched.found:,} of {searched.entries:,} entries that were looked at{f': {totals}' if totals else ''}",
        err=True,
    )
    if searched.destroyed:
        click.echo(
            f"{searched.destroyed:,} entries could not be looked at: their content was destroyed", err=True
        )
    return status


def explain(named: Named, how: str, tick_id: str, wanted: Search, writers: Writers, *, as_json: bool) -> int:
    """Print what became of a tick; return the exit status."""
    with reading(named, "read", _asked(f"audit explain {tick_id}", wanted, writers)) as log:
        wanted = replace(wanted, writers=writers.find(log))
        found = explain_tick(log, tick_id, wanted)
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif found.copies:
        for line in told(found, how):
            click.echo(one_line(line))
    else:
        click.echo(one_line(not_found(found, wanted)), err=True)
    return 0 if found.copies else NOT_FOUND


def _asked(command: str, wanted: Search, writers: Writers) -> str:
    selection = wanted.selection
    return asked(
        command,
        since_ns=selection.from_ns,
        until_ns=selection.to_ns,
        classes=selection.classes,
        instruments=selection.instruments,
        providers=selection.providers,
        outcomes=selection.outcomes,
        channels=wanted.channels,
        events=wanted.events,
        rules=wanted.rules,
        writers=writers.numbers,
        feeds=writers.feeds,
    )


def _line(found: Found) -> str:
    parts = [f"{count} {_plural(name, count)}" for name, count in found.ticks.items()]
    parts += [f"{count} {name}" for name, count in found.events.items() if name != "routed"]
    parts += [f"by {rule}: {count}" for rule, count in found.rules.items()]
    of = ", ".join([*found.instruments, *found.providers])
    held = f"{', '.join(parts)}  ({of})" if of else ", ".join(parts)
    return f"{found.seq:>6}  {found.entry_class:<9}  {moment(found.first_ns)}  {held}"


def _plural(name: str, count: int) -> str:
    return f"event{'' if count == 1 else 's'}" if name == "event" else name
