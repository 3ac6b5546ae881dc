"""Hold who has which role: the table ``[compliance.access]`` of a firm's policy.

Owns: its keys, defaults and bounds.
Never: decides who may do what.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ticktrail.plugin import Settings
from ticktrail_compliance.access.rights import ROLES, Role

__all__ = ["AccessSettings", "Holders"]

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Holders(Settings, frozen=True):
    """Who holds a role.

    Attributes:
        users: Names of the operating system's users.
        groups: Names of its groups: a process that is in one holds the role.
        database_roles: Roles of PostgreSQL: a session under one, or under a member of one. Where any is named, and the
            log is in PostgreSQL, they alone count: the server knows who somebody is, and a machine says what its owner
            likes.
    """

    users: tuple[Name, ...] = ()
    groups: tuple[Name, ...] = ()
    database_roles: tuple[Name, ...] = ()

    def is_nobody(self) -> bool:
        """Tell whether nobody holds it."""
        return not (self.users or self.groups or self.database_roles)


class AccessSettings(Settings, frozen=True):
    """Who may do what with the log, by role.

    Attributes:
        operator: Who runs feeds.
        auditor: Who reads, proves and exports.
        keeper: Who keeps keys, and destroys what is due.
        officer: Who answers for the programme: adopts the policy, lifts holds, approves what is destroyed.
        purpose: Whether who reads has to say what for.
    """

    operator: Holders = Holders()
    auditor: Holders = Holders()
    keeper: Holders = Holders()
    officer: Holders = Holders()
    purpose: Literal["required", "optional"] = "required"

    def names_database_roles(self) -> bool:
        """Tell whether any role is held by roles of a database."""
        return any(self.holders(role).database_roles for role in ROLES)

    def holders(self, role: Role) -> Holders:
        """Return who holds a role."""
        found: Holders = getattr(self, role)
        return found
