"""See that one process at a time writes an audit log.

Owns: the claim on a log, held by the operating system or the database as long as its holder lives: a crash frees it.
Never: waits. Whoever comes second is refused before it has written anything, and the first one is not disturbed.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from ticktrail.claim import FileClaim, claim_file
from ticktrail.errors import ConfigError
from ticktrail_compliance.database import name_of, recording

__all__ = ["claim"]

ADVISORY_KEY = 7_310_312_883_108_114_017
"""Of all advisory locks of a database, this program's: a number that nobody else is likely to have chosen."""


def claim(connection: Connection) -> FileClaim | None:
    """Claim the log behind an open connection; returns what is to be released once the log is closed.

    An SQLite log is claimed by a lock on a file beside it, ``audit.db-writer``, a PostgreSQL one by an advisory lock
    that ends with the connection itself. Other databases have none here: who comes second is found out as it writes.

    Raises:
        ConfigError: Another process writes it, or the file beside it cannot be made.
    """
    name = name_of(connection)
    match connection.dialect.name:
        case "sqlite":
            path = Path(f"{name}-writer")
            try:
                held = claim_file(path)
            except OSError as exc:
                raise ConfigError(
                    f"{path}, which says who writes the audit log, cannot be opened ({exc.strerror}): give this user "
                    f"the right to write there"
                ) from exc
            if held is None:
                raise _taken(name)
            return held
        case "postgresql":
            with recording(connection):
                got = connection.execute(
                    text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}
                ).scalar()
                connection.rollback()  # the lock is the session's, not the transaction's
            if not got:
                raise _taken(name)
    return None


def _taken(name: str) -> ConfigError:
    return ConfigError(
        f"audit database {name} is being written by another feed or backfill: end that one, or give this one a "
        f"database of its own in [compliance]; nothing was written"
    )
