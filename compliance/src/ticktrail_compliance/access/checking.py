"""Say what is wrong with the roles of a policy.

Owns: names that stand where the separation of duties keeps them apart, and a policy that nobody could ever replace.
Never: asks who is in a group: that is another one tomorrow, and is looked at when somebody acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from ticktrail_compliance.access.identity import is_group, is_user
from ticktrail_compliance.access.rights import ROLES, clashes, roles_for
from ticktrail_compliance.access.settings import AccessSettings

__all__ = ["access_faults", "access_notes", "unknown_officers"]

_KINDS = ("users", "groups", "database_roles")


def access_faults(access: AccessSettings) -> Sequence[str]:
    """Return what is wrong with the table, a sentence each, with key and remedy; empty: nothing is."""
    found = list(_clashing(access))
    adopters = roles_for("policy_adopt")
    if all(access.holders(role).is_nobody() for role in adopters):
        found.append(
            f"[compliance.access.{adopters[0]}]: nobody holds the role, so that nobody could ever put another policy "
            "into force; name users, groups or database_roles"
        )
    return found


def unknown_officers(access: AccessSettings) -> str | None:
    """Return that nobody of this machine could replace the policy; None where somebody can, or a database decides."""
    found = [access.holders(role) for role in roles_for("policy_adopt")]
    if any(one.database_roles for one in found):
        return None
    if any(is_user(name) for one in found for name in one.users):
        return None
    if any(is_group(name) for one in found for name in one.groups) or all(one.is_nobody() for one in found):
        return None
    return (
        f"[compliance.access.{roles_for('policy_adopt')[0]}]: this machine knows none of them, so that nobody here "
        "could ever put another policy into force; mend the names, or run the check on the machine that knows them"
    )


def access_notes(access: AccessSettings) -> Sequence[str]:
    """Return what may be misspelt: users and groups that this machine does not know. Another one may know them."""
    return [
        f"[compliance.access.{role}] {kind}: {name} is no {kind.removesuffix('s')} of this machine"
        for role in ROLES
        for kind, known in (("users", is_user), ("groups", is_group))
        for name in getattr(access.holders(role), kind)
        if not known(name)
    ]


def _clashing(access: AccessSettings) -> Iterator[str]:
    for one, other in combinations(ROLES, 2):
        apart = clashes(one, other)
        if not apart:
            continue
        action, against = apart[0]
        for kind in _KINDS:
            names = set(getattr(access.holders(one), kind)) & set(getattr(access.holders(other), kind))
            for name in sorted(names):
                yield (
                    f"[compliance.access.{one}] and [compliance.access.{other}] {kind}: both name {name}, and who may "
                    f"{action} must not be able to {against}; take {name} out of one of them"
                )
