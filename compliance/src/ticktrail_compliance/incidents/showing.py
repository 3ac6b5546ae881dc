"""Show incidents: the list with what is due, one of them, and the record of one.

Owns: the form of what is printed.
Never: writes to the log.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.incidents.console import find_incident, now_ns
from ticktrail_compliance.incidents.files import write_new
from ticktrail_compliance.incidents.record import facts_lines, record_lines
from ticktrail_compliance.incidents.register import Register, register_of
from ticktrail_compliance.incidents.reminding import time_left
from ticktrail_compliance.incidents.report_html import html_of
from ticktrail_compliance.incidents.view import View, view_of
from ticktrail_compliance.naming import Named
from ticktrail_compliance.words import counted

__all__ = ["Form", "list_incidents", "report", "show"]

Form: TypeAlias = Literal["text", "json", "html"]

FOUND = 1


def list_incidents(named: Named, *, with_closed: bool, only_overdue: bool, as_json: bool) -> int:
    """Print the incidents of a log, and return the exit status: 1 where something is overdue."""
    what = asked("incident list", overdue=only_overdue, all=with_closed)
    with reading(named, "check", what, "to see what is due") as log:
        register = register_of(log)
    at_ns, settings = now_ns(), register.settings
    views = [view_of(one, at_ns, settings) for one in register.incidents.values()]
    overdue = [view for view in views if any(one.is_overdue for one in view.due)]
    shown = overdue if only_overdue else [view for view in views if with_closed or view.closed_ns is None]
    if as_json:
        listed = [msgspec.structs.replace(view, steps=()) for view in shown]
        click.echo(
            msgspec.json.encode(
                {
                    "incidents": listed,
                    "overdue": [view.number for view in overdue],
                    "unreadable": register.unreadable,
                    "destroyed": register.destroyed,
                }
            )
        )
    else:
        for view in shown:
            _print_line(view)
            for one in view.due:
                click.echo(f"        {time_left(one, settings)}")
            for late in view.late:
                click.echo(f"        late: {late.what}")
        if not shown:
            click.echo("nothing is overdue" if only_overdue else "no incident is open")
    _tell_lost(register)
    return FOUND if overdue else 0


def show(named: Named, number: int, *, as_json: bool) -> None:
    """Print what is known of an incident.

    Raises:
        ConfigError: There is none of that number.
    """
    with reading(named, "read", asked(f"incident show {number}"), f"incident {number}") as log:
        register = register_of(log)
        view = view_of(find_incident(register, number, log), now_ns(), register.settings)
    if as_json:
        click.echo(msgspec.json.encode(view))
    else:
        for line in facts_lines(view, register.settings.place):
            click.echo(line)
    _tell_lost(register)


def report(named: Named, number: int, form: Form, out: Path | None) -> None:
    """Print or write the record of an incident.

    Raises:
        ConfigError: There is none of that number, or the file is there already.
    """
    with reading(named, "read", asked(f"incident report {number}", out=out), f"incident {number}") as log:
        register = register_of(log)
        view = view_of(find_incident(register, number, log), now_ns(), register.settings)
        name = log.name
    firm, place = "" if register.policy is None else register.policy.firm, register.settings.place
    match form:
        case "json":
            told_of = {"log": name, "firm": firm, "drawn_ns": now_ns(), "incident": view}
            text = msgspec.json.encode(told_of).decode() + "\n"
        case "html":
            text = html_of(view, place, log=name, firm=firm, now_ns=now_ns())
        case "text":
            text = "\n".join(record_lines(view, place, name, firm)) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        write_new(out, text.encode(), "--out")
        click.echo(
            f"{out} holds the record of incident {number}: {counted(len(view.steps), 'entry', 'entries')}"
        )
    _tell_lost(register)


def _print_line(view: View) -> None:
    of = f"{view.owner or '(no owner)'}: {view.title}" + (f" (at {view.provider})" if view.provider else "")
    line = f"{view.number:>6}  {view.stage:<9} {view.severity:<8} {view.kind:<20} {of}"
    click.echo(one_line(line))


def _tell_lost(register: Register) -> None:
    if register.unreadable:
        lost = counted(register.unreadable, "entry", "entries")
        click.echo(
            f"{lost} of incidents cannot be read and {'is' if register.unreadable == 1 else 'are'} left out; run "
            "`ticktrail audit verify`",
            err=True,
        )
    if register.destroyed:
        gone = counted(register.destroyed, "entry was", "entries were")
        click.echo(f"{gone} left out: the contents were destroyed", err=True)
