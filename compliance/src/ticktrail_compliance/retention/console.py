"""Run the commands for retention.

Owns: what a person or a program is shown, and what is asked before anything is destroyed.
Never: decides what is due.
"""

from __future__ import annotations

import time

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.access.identity import actor_at, is_one_person, person
from ticktrail_compliance.acting import acting, reading, see_allowed
from ticktrail_compliance.acts import (
    PlannedKeys,
    RetentionApplied,
    RetentionApproved,
    RetentionPlanned,
)
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.naming import Named
from ticktrail_compliance.retention.applying import Applied, apply, planned_act
from ticktrail_compliance.retention.backups import backups_told
from ticktrail_compliance.retention.history import another, by_logins, history_of
from ticktrail_compliance.retention.planning import KeptKeys, Plan, made_plan
from ticktrail_compliance.words import counted, moment

__all__ = ["apply_plan", "approve_plan", "list_plans", "plan_of"]

DIGITS = 16
"""Of a plan's id, in what a person reads."""


def plan_of(named: Named, *, save: bool, as_json: bool) -> None:
    """Print what is due, and keep it in the log where that is asked for."""
    what = asked("audit retention plan", save=save)
    with reading(named, "retention_plan", what, "to see what is due") as log:
        name, found = log.name, made_plan(log, time.time_ns())
    saved = False
    if save and found.keys:
        with acting(named, "retention_plan", "save a retention plan") as writing:
            found = made_plan(writing.log, time.time_ns())
            saved = found.plan_id not in history_of(writing.log).plans
            if saved:
                writing.record(
                    "retention", planned_act(found, actor_at(writing.log.database), time.time_ns())
                )
    if as_json:
        click.echo(msgspec.json.encode({"plan": found, "saved": saved}))
        return
    _print(found, name)
    if save and found.keys:
        click.echo(f"plan {found.plan_id[:DIGITS]} {'is saved' if saved else 'was saved before'}")


def approve_plan(named: Named, digits: str, comment: str, *, as_json: bool) -> None:
    """Agree with a saved plan."""
    see_allowed(named, "retention_approve", f"approve retention plan {digits}")
    with named.open() as log:
        plan = history_of(log).found(digits)
        actor, logins = actor_at(log.database), by_logins(log)
    if is_one_person(actor, plan.actor, by_logins=logins):
        raise ConfigError(
            f"plan {plan.plan_id[:DIGITS]} was made by {person(plan.actor)}, who cannot approve it as well: let "
            f"{another(by_logins=logins)} run this"
        )
    act = RetentionApproved(at_ns=time.time_ns(), actor=actor, plan_id=plan.plan_id, comment=comment.strip())
    with acting(named, "retention_approve", f"approve retention plan {plan.plan_id[:DIGITS]}") as writing:
        writing.record("retention", act)
    if as_json:
        click.echo(msgspec.json.encode(act))
    else:
        click.echo(f"plan {plan.plan_id[:DIGITS]} is approved by {person(actor)}")


def apply_plan(
    named: Named, digits: str | None, *, whole: bool | None, confirmed: bool, as_json: bool
) -> None:
    """Destroy what is due, and print what was done."""
    see_allowed(named, "retention_apply", "apply retention")
    with named.open() as log:
        plan = made_plan(log, time.time_ns())
        saved = None if digits is None else history_of(log).found(digits)
        backups = backups_told(log)
    if not confirmed:
        _ask(plan, saved, backups)
    with acting(named, "retention_apply", "apply retention") as writing:
        name = writing.log.name
        apart = writing.log.keys.database is not writing.log.database
        store = writing.log.keys.database.name
        done = Applied()
        total = sum(keys.entries for keys in plan.keys)
        with Bars("emptying", shown=not as_json) as bars:
            bars.begin("entries", total)
            for done in apply(writing, time.time_ns, digits=digits, whole=whole):
                bars.done(min(done.entries, total))  # what an interrupted run left over comes on top
    if as_json:
        told = {
            "plan_id": done.plan_id,
            "destroyed": done.destroyed.keys,
            "withheld": {key_id: found.why for key_id, found in done.destroyed.withheld.items()},
            "entries": done.entries,
            "content_bytes": done.content_bytes,
            "disk_bytes": done.disk_bytes,
            "recorded_seq": done.seq,
            "kept": plan.kept,
        }
        click.echo(msgspec.json.encode(told))
        return
    for one in plan.kept:
        click.echo(one_line(_kept_line(one)))
    for key_id, found in sorted(done.destroyed.withheld.items()):
        click.echo(one_line(f"data key {key_id} was not destroyed, and the log tells so: {found.why}"))
    if not done.seq:
        click.echo(f"{name}: nothing was due")
        return
    click.echo(
        f"{name}: {counted(done.destroyed.keys, 'key')} destroyed, {counted(done.content_bytes, 'byte')} of ciphertext "
        f"removed from {counted(done.entries, 'entry', 'entries')}, the database is {counted(done.disk_bytes, 'byte')} "
        "smaller"
    )
    if done.destroyed.keys:
        where = "destroy them in the backups of" if apart else "backups hold them still:"
        click.echo(
            f"{where} {store}{' as well' if apart else '; keep the keys of the next log apart (keys)'}"
        )


def list_plans(named: Named, *, as_json: bool) -> None:
    """Print every plan of a log, and what became of it."""
    with reading(named, "check", asked("audit retention list"), "to see the plans") as log:
        history = history_of(log)
    if as_json:
        plans = [
            {
                "plan": plan,
                "approvals": history.approvals.get(plan_id, []),
                "applied": [one for one in history.applied if one.plan_id == plan_id],
            }
            for plan_id, plan in history.plans.items()
        ]
        click.echo(msgspec.json.encode({"plans": plans}))
        return
    if not history.plans:
        click.echo("no plan was ever made")
    for plan_id, plan in history.plans.items():
        click.echo(one_line(_plan_line(plan)))
        for approval in history.approvals.get(plan_id, ()):
            comment = f": {approval.comment}" if approval.comment else ""
            click.echo(
                one_line(f"  approved by {person(approval.actor)} on {moment(approval.at_ns)[:10]}{comment}")
            )
        for applied in (one for one in history.applied if one.plan_id == plan_id):
            click.echo(one_line(_applied_line(applied)))


def _ask(plan: Plan, saved: RetentionPlanned | None, backups: str) -> None:
    of = set() if saved is None else {key_id for keys in saved.keys for key_id in keys.key_ids}
    due = [key_id for keys in plan.keys for key_id in keys.key_ids if saved is None or key_id in of]
    if due:
        for keys in plan.keys:
            click.echo(one_line(_line(keys)))
        click.confirm(
            f"What these sealed can be read in this log by nobody any more after this. {backups} "
            f"Destroy {counted(len(due), 'key')}?",
            abort=True,
        )


def _print(plan: Plan, name: str) -> None:
    if not plan.keys:
        click.echo(f"{name}: nothing is due")
    else:
        approval = "; another person has to approve it" if plan.people > 1 else ""
        click.echo(f"{name}: due, as plan {plan.plan_id[:DIGITS]}{approval}")
    for keys in plan.keys:
        click.echo(one_line(_line(keys)))
    for one in plan.kept:
        click.echo(one_line(_kept_line(one)))


def _line(keys: PlannedKeys) -> str:
    by = f", at least {keys.minimum_days:,} by {', '.join(keys.by)}" if keys.by else ""
    return (
        f"{keys.month}  {keys.entry_class:<10} {counted(len(keys.key_ids), 'key')}, "
        f"{counted(keys.entries, 'entry', 'entries')}, {counted(keys.content_bytes, 'byte')}; {keys.keep_days:,} days, "
        f"then {keys.then}{by}; since {moment(keys.due_ns)[:10]}"
    )


def _kept_line(one: KeptKeys) -> str:
    return (
        f"{one.month}  {one.entry_class:<10} {counted(len(one.key_ids), 'key')}, "
        f"{counted(one.entries, 'entry', 'entries')}; kept: {one.why}"
    )


def _plan_line(plan: RetentionPlanned) -> str:
    keys = counted(sum(len(one.key_ids) for one in plan.keys), "key")
    return f"{plan.plan_id[:DIGITS]}  {keys}, made by {person(plan.actor)} on {moment(plan.at_ns)[:10]}"


def _applied_line(act: RetentionApplied) -> str:
    return (
        f"  applied by {person(act.actor)} on {moment(act.at_ns)[:10]}: {counted(act.destroyed, 'key')} destroyed, "
        f"{act.withheld:,} withheld, {counted(act.entries, 'entry', 'entries')} emptied"
    )
