"""Let a log be read whose policy cannot be: where the data keys of its class are missing from the key store.

Owns: when reading goes on, for whom, and what whoever reads is told.
Never: lets anything be written, exported, held or destroyed under a policy that nobody can read. Nothing is recorded
either: the key of such an entry would stand in a key store that is not the log's own, and be lost with it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click
from sqlalchemy import text

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.rights import Action
from ticktrail_compliance.acts.base import is_namespaced
from ticktrail_compliance.policy.adopted import POLICY_CLASS
from ticktrail_compliance.reading import MissingKeyError
from ticktrail_compliance.store.database import Database

__all__ = ["goes_on_unread", "unread"]

READING: Final[frozenset[Action]] = frozenset({"check", "keys_list", "read"})
"""The actions that only show what can be opened; `verify` goes on anyway, and says more."""
SHOWING: Final[Action] = "read"
"""The one of them that shows contents."""

ALTHOUGH: Final = "TICKTRAIL_WITHOUT_POLICY"
"""The variable of the environment by which the owner says that contents are to be shown all the same, although some of
them may have been destroyed by rule: an old backup of the key store opens those again."""

_OWNS = text(
    "SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('audit_entries')"
)
"""True of a superuser as well."""


def goes_on_unread(action: Action, exc: BaseException, database: Database) -> bool:
    """Tell whether an action goes on although the policy in force could not be read, and say so on standard error.

    Args:
        action: What is done with the log.
        exc: Why the policy could not be read, with its cause.
        database: The log's.

    Raises:
        ConfigError: Whoever runs this does not own the log: who can name another key store would else be free of
            the policy.
        AuditError: The database failed.
    """
    cause = exc.__cause__
    if action not in READING or not isinstance(cause, MissingKeyError) or cause.entry_class != POLICY_CLASS:
        return False
    if not _is_owner(database):
        raise ConfigError(
            f"{action}: {unread(cause)}. Until then only "
            f"{_owner_told(database)} may do so, since nothing says who else may"
        ) from exc
    if action == SHOWING and os.environ.get(ALTHOUGH) != "1":
        raise ConfigError(
            f"{unread(cause)}. To look at what can be opened until then, set {ALTHOUGH}=1 for this command: what was "
            "destroyed by rule may be among it, where an old backup of the keys was put back"
        ) from exc
    said = (
        f"warning: {unread(cause)}. What else can be opened is shown, and this reading is not told in the log"
    )
    click.echo(one_line(said), err=True)
    return True


def unread(exc: MissingKeyError) -> str:
    """Return what it means that entries of the policy's class cannot be read, and what to do."""
    return (
        f"entries of class {exc.entry_class} cannot be read (entry {exc.seq}: its data key {exc.key_id} is missing), "
        "so that nobody can tell which policy, roles and legal holds are in force, or which contents were destroyed by "
        "rule: put the key store back from its backup"
    )


def _is_owner(database: Database) -> bool:
    """Tell whether the log is this process's own: its file, or its tables; all is root's and a superuser's.

    A process in a user namespace may call itself root, and is none.
    """
    if database.dialect == "postgresql":
        with database.reading() as connection:
            return bool(connection.execute(_OWNS).scalar())
    if database.dialect != "sqlite":
        return False
    user = os.geteuid()
    return (user == 0 and not is_namespaced()) or Path(database.name).stat().st_uid == user


def _owner_told(database: Database) -> str:
    if database.dialect == "postgresql":
        return "the owner of its tables, or a superuser"
    return "the owner of its file, or root"
