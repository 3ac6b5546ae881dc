"""Run the commands of access control.

Owns: the form of what is printed.
Never: decides who may do what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.access.deciding import Allowed, decide, goes_by_login, roles_of
from ticktrail_compliance.access.identity import Identity, is_user, named_so
from ticktrail_compliance.access.refusal import holders_told
from ticktrail_compliance.access.rights import ACTIONS, RIGHTS, ROLES, Action, Role
from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.acting import reading
from ticktrail_compliance.acts import Accessed, AccessRefused
from ticktrail_compliance.destroyed import Legible
from ticktrail_compliance.naming import find_named
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.words import moment

__all__ = ["log", "show"]

LINES_AT_ONCE = 500


class ShownRole(msgspec.Struct, frozen=True, kw_only=True):
    """A role, who holds it, and what it may do."""

    role: Role
    users: Sequence[str]
    groups: Sequence[str]
    database_roles: Sequence[str]
    may: Sequence[Action]


class ShownUser(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, and what they may do: nothing that two of their roles together forbid.

    Attributes:
        user: By which name they were asked for.
        known_here: Whether it is a user of this machine.
        groups: Of this machine, in which they are.
        database_roles: Of the database, which they hold; empty where it has no such role.
        by_login: The roles that the login at the database decides, whatever a machine says.
        roles: Which they hold.
        may: What they may do.
        kept_apart: What their roles together forbid.
    """

    user: str
    known_here: bool
    database_roles: Sequence[str]
    by_login: Sequence[Role]
    groups: Sequence[str]
    roles: Sequence[Role]
    may: Sequence[Action]
    kept_apart: Sequence[Action]


def show(feed_file: Path, user: str | None, *, as_json: bool) -> None:
    """Print the roles of the policy in force, or what a user may do."""
    named = find_named(feed_file, None, None)
    what = asked("compliance access show", user=user)
    with reading(named, "check", what, "to see who may do what") as found:
        policy = policy_in_force(found)
        name = found.name
        who = None if user is None else named_so(user, found.database)
    if policy is None or policy.access is None:
        raise ConfigError(
            f"{name}: no policy with roles is in force, so everybody may do what the database lets them; write "
            "[compliance.access] into the policy file, and run `ticktrail compliance policy adopt FEED.toml`"
        )
    if user is not None and who is not None:
        _print_user(_user(policy.access, user, who), as_json=as_json)
    else:
        _print_roles(policy.access, as_json=as_json)


def log(
    feed_file: Path, since_ns: int | None, until_ns: int | None, *, only_refused: bool, as_json: bool
) -> None:
    """Print the accesses and refusals of a period, in order."""
    named = find_named(feed_file, None, None)
    what = asked("compliance access log", since_ns=since_ns, until_ns=until_ns, refused=only_refused)
    wanted = Range(since_ns=since_ns, until_ns=until_ns, classes=frozenset({"access"}))
    kinds = (AccessRefused,) if only_refused else (Accessed, AccessRefused)
    with reading(named, "read", what) as found:
        left_out = Legible(found)
        records = read_records(found, wanted, left_out.passes_over)
        lines = (
            msgspec.json.encode({"seq": header.seq, "record": record}).decode()
            if as_json
            else one_line(f"{header.seq:>6}  {moment(record.at_ns)}  {_line(record)}")
            for header, record in records
            if isinstance(record, kinds)
        )
        _print_some_at_a_time(lines)
    left_out.tell()


def _print_some_at_a_time(lines: Iterable[str]) -> None:
    """Print lines, and what there are before an error: each print is written out, which takes longer than a line."""
    some: list[str] = []
    try:
        for line in lines:
            some.append(line)
            if len(some) == LINES_AT_ONCE:
                click.echo("\n".join(some))
                some = []
    finally:
        if some:
            click.echo("\n".join(some))


def _line(record: Accessed | AccessRefused) -> str:
    actor = record.actor
    who = f"{actor.user}@{actor.host}"
    if actor.database_user is not None:
        who += f" (database role {actor.database_user})"
    if actor.via is not None:
        who += f" (sudo by {actor.via})"
    if isinstance(record, Accessed):
        told = f"{who} as {record.role}: {record.action}"
    else:
        why = {
            "role": f"that is for {' or '.join(record.needed) or 'no role'}",
            "separation": "their roles are kept apart",
            "purpose": "no purpose was given",
        }.get(record.why, record.why)
        told = f"{who} as {', '.join(record.roles) or 'nobody'}: {record.action} REFUSED, {why}"
    return "; ".join(
        part for part in (told, record.what, record.purpose and f"for: {record.purpose}") if part
    )


def _user(access: AccessSettings, user: str, who: Identity) -> ShownUser:
    by_login = [role for role in ROLES if goes_by_login(access, role, who)]
    may, apart = [], []
    for action in ACTIONS:
        decision = decide(access, who, action, "asked")
        if isinstance(decision, Allowed):
            may.append(action)
        elif decision.why == "separation":
            apart.append(action)
    return ShownUser(
        user=user,
        known_here=is_user(user),
        groups=sorted(who.groups),
        database_roles=sorted(who.database_roles or ()),
        by_login=by_login,
        roles=roles_of(access, who),
        may=may,
        kept_apart=apart,
    )


def _print_user(shown: ShownUser, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(shown))
        return
    here = (
        f"groups here: {', '.join(shown.groups) or 'none'}" if shown.known_here else "no user of this machine"
    )
    if shown.by_login:
        roles = ", ".join(shown.database_roles)
        here += f"; roles of the database: {roles}" if roles else "; no role of the database"
    click.echo(f"{shown.user} ({here}) holds {', '.join(shown.roles) or 'no role'}")
    if shown.by_login:
        click.echo(
            f"  by the login at the database, and not by users and groups: {', '.join(shown.by_login)}"
        )
    click.echo(f"  may: {', '.join(shown.may) or 'nothing'}")
    if shown.kept_apart:
        click.echo(f"  may not, since these roles are kept apart: {', '.join(shown.kept_apart)}")


def _print_roles(access: AccessSettings, *, as_json: bool) -> None:
    if as_json:
        roles = [
            ShownRole(
                role=role,
                users=access.holders(role).users,
                groups=access.holders(role).groups,
                database_roles=access.holders(role).database_roles,
                may=_may(role),
            )
            for role in ROLES
        ]
        click.echo(msgspec.json.encode({"purpose": access.purpose, "roles": roles}))
        return
    for role in ROLES:
        click.echo(f"{role}: {holders_told(access.holders(role))}")
        click.echo(f"  may: {', '.join(_may(role))}")
    click.echo(f"who reads has to say what for: {'yes' if access.purpose == 'required' else 'no'}")


def _may(role: Role) -> Sequence[Action]:
    return [action for action in ACTIONS if action in RIGHTS[role]]
