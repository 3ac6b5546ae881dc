"""Run the commands for a firm's policy.

Owns: what a person or a program is shown of one.
Never: decides what is wrong with it; `ticktrail_compliance.policy.checking` does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.access.checking import access_notes, unknown_officers
from ticktrail_compliance.access.identity import person
from ticktrail_compliance.acting import acting, reading
from ticktrail_compliance.classes import CLASSES
from ticktrail_compliance.naming import Named, find_named
from ticktrail_compliance.policy.adopted import adopt, adopted, lets_one_destroy, people_told
from ticktrail_compliance.policy.checking import faults, kept
from ticktrail_compliance.policy.loading import load_policy, parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.policy.whole import whole_lines
from ticktrail_compliance.words import moment

__all__ = ["adopt_of", "check", "show_of"]


def check(policy_file: Path, *, as_json: bool) -> int:
    """Print how long a policy keeps what, and what is wrong with it; return the exit status."""
    loaded = load_policy(policy_file)
    wrong, notes = [*faults(loaded.policy), *_kept_out(loaded.policy)], _notes(loaded.policy)
    if as_json:
        told = {**_told(loaded.policy), "sha256": loaded.sha256, "faults": wrong, "notes": notes}
        click.echo(msgspec.json.encode(told))
    else:
        _print(loaded.policy)
        for fault in wrong:
            click.echo(f"{policy_file}: {fault}")
        for note in notes:
            click.echo(f"{policy_file}: note: {note}")
        if not faults(loaded.policy):
            click.echo("nothing is kept for less than the declared rules ask")
    return 1 if wrong else 0


def adopt_of(feed_file: Path, *, one_person_may_destroy: bool, as_json: bool) -> None:
    """Put the policy that a feed file names into force.

    Raises:
        ConfigError: It lets one person destroy alone, and that is not acknowledged; or it cannot be adopted.
    """
    named = find_named(feed_file, None, None)
    loaded = load_policy(_policy_file(named, feed_file))
    for note in (*_kept_out(loaded.policy), *_notes(loaded.policy)):
        click.echo(f"note: {note}", err=True)
    if loaded.policy.people == 1 and not one_person_may_destroy:
        raise ConfigError(
            f"{named.settings.policy}: [compliance] people = 1 lets one person destroy alone what is due; write people "
            "= 2 with roles ([compliance.access]), or acknowledge it with --one-person-may-destroy, which the log tells"
        )
    with acting(named, "policy_adopt", "adopt a policy") as found:
        is_new = adopt(
            *(found.log, loaded, time.time_ns(), found.record), one_person_may_destroy=one_person_may_destroy
        )
        name = found.log.name
    if as_json:
        alone = loaded.policy.people == 1
        told = {"sha256": loaded.sha256, "adopted": is_new, "one_person_may_destroy": alone}
        click.echo(msgspec.json.encode(told))
    elif is_new:
        click.echo(f"{name}: the policy of {loaded.policy.firm} is in force, sha256 {loaded.sha256}")
    else:
        click.echo(f"{name}: this policy is in force already")


def show_of(feed_file: Path, *, as_json: bool) -> None:
    """Print the policy that a log says is in force."""
    named = find_named(feed_file, None, None)
    with reading(named, "check", asked("compliance policy show"), "to see the policy in force") as log:
        act = adopted(log)
        name = log.name
    if act is None:
        raise ConfigError(
            f"{name}: no policy is in force; name one in the feed file ([compliance] policy) and run "
            "`ticktrail compliance policy adopt FEED.toml`"
        )
    policy = parse_policy(act.text)
    by, alone = person(act.actor), lets_one_destroy(act, policy)
    if as_json:
        how = {
            "sha256": act.sha256,
            "adopted_ns": act.at_ns,
            "adopted_by": by,
            "one_person_may_destroy": alone,
        }
        click.echo(msgspec.json.encode({**_told(policy), **how}))
        return
    _print(policy)
    click.echo(one_line(f"adopted by {by} at {moment(act.at_ns)}, sha256 {act.sha256}"))
    click.echo(people_told(act, policy))
    for line in whole_lines(policy):
        click.echo(one_line(line))


def _kept_out(policy: Policy) -> Sequence[str]:
    """Return that no officer is known here, as a finding of the check; another machine may know one."""
    found = None if policy.access is None else unknown_officers(policy.access)
    return () if found is None else (found,)


def _notes(policy: Policy) -> Sequence[str]:
    return () if policy.access is None else access_notes(policy.access)


def _policy_file(named: Named, feed_file: Path) -> Path:
    if named.settings.policy is None:
        raise ConfigError(
            f'{feed_file}: [compliance] policy is missing; write policy = "policy.toml", the file of the firm\'s policy'
        )
    return named.base_dir / named.settings.policy


def _told(policy: Policy) -> dict[str, object]:
    classes = [
        {
            "entry_class": one.entry_class,
            "keep_days": one.rule.keep_days,
            "then": one.rule.then,
            "minimum_days": one.minimum_days,
            "by": one.by,
        }
        for one in (kept(policy, entry_class) for entry_class in CLASSES)
    ]
    whole = msgspec.to_builtins(policy)
    return {"firm": policy.firm, "applicable": policy.applicable, "retention": classes, "policy": whole}


def _print(policy: Policy) -> None:
    click.echo(f"{policy.firm}; declared applicable: {', '.join(policy.applicable) or 'no rule'}")
    for entry_class in CLASSES:
        one = kept(policy, entry_class)
        days = "for ever" if one.rule.then == "keep" else f"{one.rule.keep_days:,} days, then {one.rule.then}"
        why = f"  (at least {one.minimum_days:,}: {', '.join(one.by)})" if one.by else ""
        click.echo(f"{entry_class:<10} {days}{why}")
