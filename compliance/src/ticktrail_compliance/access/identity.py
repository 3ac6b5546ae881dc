"""Find out who somebody is: by the operating system's word, and by the database's.

Owns: user, groups and database roles of this process; and who counts as one person.
Never: takes any of it from the environment, which anybody can set.
"""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import dataclass

import msgspec
from sqlalchemy import text

from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.acts.base import Actor, actor_here, is_namespaced
from ticktrail_compliance.store.database import Database

__all__ = [
    "Identity",
    "actor_at",
    "goes_by_logins",
    "identity_at",
    "is_group",
    "is_one_person",
    "is_user",
    "named_so",
    "person",
]

_SESSION = text("SELECT CAST(session_user AS text) AS name")
_MEMBER_OF = (
    "WITH RECURSIVE mine(oid) AS (SELECT oid FROM pg_roles WHERE rolname IN ({names}) UNION "
    "SELECT above.roleid FROM pg_auth_members AS above JOIN mine ON above.member = mine.oid) "
    "SELECT rolname FROM pg_roles JOIN mine USING (oid)"
)
"""What somebody is by grants alone: `pg_has_role` says of a superuser that it is a member of every role there is."""
_MEMBERSHIPS = text(_MEMBER_OF.format(names="session_user, current_user"))
_MEMBERSHIPS_OF = text(_MEMBER_OF.format(names=":name"))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        actor: As the log tells of them.
        groups: The names of the process's groups.
        database_roles: Every role of the database that the session is a member of, its own among them; None: the
            database knows none.
    """

    actor: Actor
    groups: frozenset[str] = frozenset()
    database_roles: frozenset[str] | None = None


def identity_at(database: Database) -> Identity:
    """Return who runs this process, and as whom a database knows it.

    Raises:
        AuditError: The database failed.
    """
    roles = None
    if database.dialect == "postgresql":
        with database.reading() as connection:
            roles = frozenset(connection.execute(_MEMBERSHIPS).scalars())
    groups = frozenset[str]() if is_namespaced() else _names({os.getegid(), *os.getgroups()})
    return Identity(actor_at(database), groups, roles)


def actor_at(database: Database) -> Actor:
    """Return who runs this process, with the login by which a database knows them, where it knows logins.

    Raises:
        AuditError: The database failed.
    """
    actor = actor_here()
    if database.dialect != "postgresql":
        return actor
    with database.reading() as connection:
        return msgspec.structs.replace(actor, database_user=connection.execute(_SESSION).scalar_one())


def goes_by_logins(access: AccessSettings | None, database: Database) -> bool:
    """Tell whether a person is a login of the database: where the policy names roles of one that knows logins.

    Args:
        access: Who holds which role, by the policy in force; None: it names no roles.
        database: The log's.
    """
    return database.dialect == "postgresql" and access is not None and access.names_database_roles()


def is_one_person(one: Actor, other: Actor, *, by_logins: bool) -> bool:
    """Tell whether two acts count as those of one person.

    Args:
        one: Who did the one.
        other: Who did the other.
        by_logins: As `goes_by_logins` says: one login is one person, whatever a machine calls them. An act that tells
            of no login, as an earlier version recorded it, is by the user of the operating system still.
    """
    if by_logins and one.database_user is not None and other.database_user is not None:
        return one.database_user == other.database_user
    return one.user == other.user


def person(actor: Actor) -> str:
    """Return who acted, in words: ``carol (database) as root@vm``, or ``alice@vm`` where no database knows them."""
    here = f"{actor.user}@{actor.host}"
    return here if actor.database_user is None else f"{actor.database_user} (database) as {here}"


def groups_of(user: str) -> frozenset[str]:
    """Return the names of the groups that a user of this machine is in; none of one that it does not know."""
    try:
        own = pwd.getpwnam(user)
    except (KeyError, ValueError):  # what no name can hold is nobody's
        return frozenset()
    return _names(set(os.getgrouplist(user, own.pw_gid)))


def is_user(name: str) -> bool:
    """Tell whether this machine knows a user."""
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):  # what no name can hold is nobody's
        return False
    return True


def is_group(name: str) -> bool:
    """Tell whether this machine knows a group."""
    try:
        grp.getgrnam(name)
    except (KeyError, ValueError):  # as above
        return False
    return True


def named_so(name: str, database: Database) -> Identity:
    """Return who a name stands for: a user of this machine, in a process of their own, and a login of a database.

    Raises:
        AuditError: The database failed.
    """
    actor, roles = Actor(user=name, host="", pid=0), None
    if database.dialect == "postgresql":
        with database.reading() as connection:
            roles = frozenset(connection.execute(_MEMBERSHIPS_OF, {"name": name}).scalars())
        actor = msgspec.structs.replace(actor, database_user=name)
    return Identity(actor, groups_of(name), roles)


def _names(gids: set[int]) -> frozenset[str]:
    names = set()
    for gid in gids:
        try:
            names.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue  # a group without a name is named by no policy
    return frozenset(names)
