"""Run the commands for legal holds.

Owns: what a person or a program is shown of one.
Never: decides what a hold keeps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import acting, reading, see_allowed
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.holds.naming import see_incident, see_names
from ticktrail_compliance.holds.placing import Covered, Told, covered_by, found_hold, lift, place
from ticktrail_compliance.holds.standing import Kept, placed_holds
from ticktrail_compliance.incidents.deadlines import in_zone
from ticktrail_compliance.incidents.moments import moments_of, place_of
from ticktrail_compliance.incidents.times import SaidTime
from ticktrail_compliance.naming import Named
from ticktrail_compliance.options import refuse_backwards
from ticktrail_compliance.retention.freeing import freed_by, freed_told
from ticktrail_compliance.words import counted, moment

__all__ = ["lift_hold", "list_holds", "place_hold", "show_hold"]


def place_hold(
    named: Named,
    told: Told,
    first: SaidTime | None,
    last: SaidTime | None,
    *,
    unknown_names: bool,
    as_json: bool,
) -> None:
    """Place a hold, and print what it keeps.

    Args:
        named: The log.
        told: What it is to say, but for its times.
        first: The first moment, as a person said it; None: from the beginning.
        last: The last one; None: without an end.
        unknown_names: Place it also where no entry has its names.
        as_json: Print one JSON object.

    Raises:
        ConfigError: A name or the incident is not known, or a time is none by the firm's clocks.
        NotAllowedError: The policy in force does not let whoever runs this do so.
        AuditError: The log failed.
    """
    purpose = f"place a hold: {told.reference}"
    see_allowed(named, "hold_place", purpose)
    from_ns, to_ns = moments_of(named, first, last)
    refuse_backwards(("--from", "--to"), from_ns, to_ns, shown="times")
    told = msgspec.structs.replace(told, from_ns=from_ns, to_ns=to_ns)
    with named.open() as log:
        see_incident(log, told)
        doubt = None if unknown_names else see_names(log, told)
    if doubt is not None:
        click.echo(one_line(doubt), err=True)
    with acting(named, "hold_place", purpose) as found:
        hold = place(found, told, time.time_ns())
        covered = covered_by(found.log, hold)
        zone = place_of(found.log)
    _print(Kept(hold=hold), covered, zone, as_json=as_json)


def list_holds(named: Named, *, with_lifted: bool, as_json: bool) -> None:
    """Print the holds that stand, or all that were ever placed."""
    what = asked("audit hold list", all=with_lifted)
    with reading(named, "check", what, "to see the holds") as log:
        found = [kept for kept in placed_holds(log) if with_lifted or kept.lifted is None]
    if as_json:
        click.echo(msgspec.json.encode({"holds": found}))
        return
    if not found:
        click.echo("no hold was ever placed" if with_lifted else "no hold stands")
    for kept in found:
        click.echo(one_line(_line(kept)))


def show_hold(named: Named, hold_id: str, *, as_json: bool) -> None:
    """Print one hold, and what it keeps or kept."""
    with reading(named, "check", asked(f"audit hold show {hold_id}"), "to see a hold") as log:
        kept = found_hold(log, hold_id)
        covered = covered_by(log, kept.hold)
        zone = place_of(log)
    _print(kept, covered, zone, as_json=as_json)


def lift_hold(named: Named, hold_id: str, reason: str, reference: str, *, as_json: bool) -> None:
    """Lift a hold, and print what comes free."""
    purpose = f"lift {hold_id}: {reference}"
    see_allowed(named, "hold_lift", purpose)
    with named.open() as log:
        hold = found_hold(log, hold_id).hold
    with acting(named, "hold_lift", purpose) as found:
        act = lift(found, hold_id, reason, reference, time.time_ns())
        freed = freed_by(found.log, [hold], act.at_ns, lambda text: click.echo(text, err=True))
    if act.reference != hold.reference:
        click.echo(
            one_line(f"{hold_id} was placed by {hold.reference}, and is lifted by {act.reference}"), err=True
        )
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(act), "frees": freed}))
        return
    click.echo(f"{hold_id} is lifted: what it kept is destroyed when its time by the policy is over")
    for line in freed_told(freed, act.at_ns):
        click.echo(line)


def _print(kept: Kept, covered: Sequence[Covered], zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        click.echo(
            msgspec.json.encode(
                {"hold": kept.hold, "lifted": kept.lifted, "zone": zone.key, "covers": covered}
            )
        )
        return
    click.echo(one_line(_line(kept)))
    for line in _times(kept.hold, zone):
        click.echo(line)
    verb = "keeps" if kept.lifted is None else "kept"
    if not covered:
        click.echo(f"{verb} nothing yet: no entry of the log lies within")
    for one in covered:
        parts = []
        if one.keys:
            parts.append(f"{verb} {counted(one.keys, 'key')}, {counted(one.entries, 'entry', 'entries')}")
        if one.destroyed:
            gone = counted(one.destroyed_entries, "entry", "entries")
            parts.append(
                f"{counted(one.destroyed, 'key')} destroyed before, {gone} that nobody can read any more"
            )
        click.echo(f"{one.month}  {one.entry_class:<10} {'; '.join(parts)}")


def _line(kept: Kept) -> str:
    hold = kept.hold
    state = "stands" if kept.lifted is None else f"lifted {moment(kept.lifted.at_ns)[:10]}"
    by = f"by {hold.placed_by} since {moment(hold.placed_ns)[:10]}"
    return f"{hold.hold_id}  {state}; {_scope(hold)}; {hold.reason} ({hold.reference}), {by}"


def _times(hold: Hold, zone: ZoneInfo) -> Iterator[str]:
    """Yield the moments of a hold by the firm's clocks, to the second: a day that a person said is of its zone."""
    for word, at_ns in (("from", hold.from_ns), ("to", hold.to_ns)):
        if at_ns is not None:
            yield f"{word:<4} {in_zone(at_ns, zone)}, as records came; the firm's zone is {zone.key}"


def _scope(hold: Hold) -> str:
    first = "the beginning" if hold.from_ns is None else moment(hold.from_ns)
    last = "without an end" if hold.to_ns is None else f"to {moment(hold.to_ns)}"
    lists = (
        ("classes", hold.classes),
        ("instruments", hold.instruments),
        ("legs", hold.providers),
        ("incident", (hold.incident,) if hold.incident else ()),
    )
    named = [f"{name} {', '.join(values)}" for name, values in lists if values]
    return ", ".join([f"from {first} {last}", *named])
