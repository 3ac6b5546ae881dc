"""Decide whether somebody may do something with a log.

Owns: which roles somebody holds, and the rule of separation at the moment of an action. Pure: who asks is an argument.
Never: records, or finds out who somebody is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ticktrail_compliance.access.identity import Identity
from ticktrail_compliance.access.rights import KEPT_APART, RIGHTS, ROLES, Action, Role, roles_for
from ticktrail_compliance.access.settings import AccessSettings

__all__ = ["Allowed", "Decision", "Refused", "decide", "goes_by_login", "roles_of"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """They may, by this role."""

    role: Role


@dataclass(frozen=True, slots=True)
class Refused:
    """They may not.

    Attributes:
        roles: All that they hold.
        needed: Those that may.
        why: None of these is held; another is held beside it, by which they could do what this is kept apart from; or
            the policy asks what for, and they did not say.
        apart: What they could do as well, and must not.
    """

    roles: Sequence[Role]
    needed: Sequence[Role]
    why: Literal["role", "separation", "purpose"]
    apart: Sequence[Action] = ()


Decision: TypeAlias = Allowed | Refused


def decide(access: AccessSettings, who: Identity, action: Action, purpose: str | None) -> Decision:
    """Return whether somebody may do something.

    Who holds two roles may do what either may, but for actions that are kept apart: of these they may do neither.

    Args:
        access: Who holds which role, by the policy in force.
        who: Who asks.
        action: What for a right.
        purpose: What for, in their words; None or blank: they did not say.
    """
    roles = roles_of(access, who)
    needed = roles_for(action)
    by = [role for role in roles if role in needed]
    if not by:
        return Refused(roles, needed, "role")
    could = frozenset[Action]().union(*(RIGHTS[role] for role in roles))
    apart = sorted(KEPT_APART.get(action, frozenset()) & could)
    if apart:
        return Refused(roles, needed, "separation", apart)
    if access.purpose == "required" and not (purpose or "").strip():
        return Refused(roles, needed, "purpose")
    return Allowed(by[0])


def roles_of(access: AccessSettings, who: Identity) -> Sequence[Role]:
    """Return the roles that somebody holds, in the order of the table."""
    return [role for role in ROLES if _holds(access, role, who)]


def goes_by_login(access: AccessSettings, role: Role, who: Identity) -> bool:
    """Tell whether the login at the database alone decides who holds a role."""
    return bool(access.holders(role).database_roles) and who.database_roles is not None


def _holds(access: AccessSettings, role: Role, who: Identity) -> bool:
    holders = access.holders(role)
    if goes_by_login(access, role, who) and who.database_roles is not None:
        return not who.database_roles.isdisjoint(holders.database_roles)
    return who.actor.user in holders.users or not who.groups.isdisjoint(holders.groups)
