"""Open an audit log: the one that is there, or a new one.

Owns: the order in which database, identity and key are looked at, so that a wrong key writes nothing.
Never: opens a log whose layout is newer than this program.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import sqlalchemy
from sqlalchemy import select
from sqlalchemy.engine import Connection

from ticktrail.claim import FileClaim
from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance import schema
from ticktrail_compliance.database import connect, name_of, recording, resolve_url
from ticktrail_compliance.keys import MasterKey, load_key
from ticktrail_compliance.log import AuditLog
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.writer import claim

__all__ = ["open_log"]

_Identity: TypeAlias = sqlalchemy.Row[tuple[str, int, int]]


def open_log(
    settings: ComplianceSettings, base_dir: Path, *, write: bool, now_ns: int, warn: Callable[[str], None]
) -> AuditLog:
    """Open the log of a feed.

    Args:
        settings: Where it is.
        base_dir: The feed file's folder.
        write: Make database and key file where there is none yet. False: read what is there.
        now_ns: When a new log begins.
        warn: Is told where a key was made.

    Raises:
        ConfigError: Database or key cannot be used; the message says what would be right.
    """
    connection = connect(resolve_url(settings.database, base_dir), create=write)
    writer: FileClaim | None = None
    try:
        if write:
            writer = claim(connection)
        log = _open(connection, settings, base_dir, write=write, now_ns=now_ns, warn=warn)
        log.holds(writer)
        return log  # noqa: TRY300 - what is below undoes all of the above
    except BaseException as exc:
        if writer is not None:
            writer.release()
        connection.close()
        connection.engine.dispose()
        if isinstance(exc, AuditError):  # nothing runs yet: what the database says is a matter of settings
            raise ConfigError(str(exc)) from exc
        raise


def _open(
    connection: Connection,
    settings: ComplianceSettings,
    base_dir: Path,
    *,
    write: bool,
    now_ns: int,
    warn: Callable[[str], None],
) -> AuditLog:
    name = name_of(connection)
    identity = _identity(connection)
    if identity is None and not write:
        raise ConfigError(f"audit database {name} holds no audit log; name the one that the feed writes")
    if identity is not None and identity.schema_version > schema.SCHEMA_VERSION:
        raise ConfigError(
            f"audit database {name} has layout {identity.schema_version}, newer than this program's "
            f"{schema.SCHEMA_VERSION}; upgrade ticktrail-compliance"
        )
    if write:
        _try_to_write(connection)
    key = load_key(settings.key, base_dir, create=identity is None, warn=warn)
    log = AuditLog(connection, key, _begin(connection, key, now_ns) if identity is None else identity)
    if not log.is_key():
        raise ConfigError(
            f"the audit key in {key.origin} is not the one that {name} was sealed with; nothing was written. "
            f"Name the right key, or another database for a new log"
        )
    return log


def _try_to_write(connection: Connection) -> None:
    """Find out now whether the database can be written, rather than when there is something to record."""
    if connection.dialect.name == "sqlite":
        with recording(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.rollback()


def _identity(connection: Connection) -> _Identity | None:
    """Return which log this is, None for a database that has none.

    Raises:
        ConfigError: The log's tables are there, and the row that names it is not.
    """
    with recording(connection):
        tables = set(sqlalchemy.inspect(connection).get_table_names())
        identity = connection.execute(select(schema.log)).first() if schema.log.name in tables else None
        connection.rollback()
    if identity is None and schema.log.name in tables:
        raise ConfigError(
            f"audit database {name_of(connection)} has lost the row of {schema.log.name}; keep the file as "
            f"it is, restore the row from a backup, and name another database to go on"
        )
    return identity


def _begin(connection: Connection, key: MasterKey, now_ns: int) -> _Identity:
    """Make the tables of a new log in one transaction, and return its identity."""
    with recording(connection):
        schema.metadata.create_all(connection)
        connection.execute(
            schema.log.insert().values(
                id=1,
                log_id=str(uuid.UUID(bytes=os.urandom(16), version=4)),
                schema_version=schema.SCHEMA_VERSION,
                created_ns=now_ns,
            )
        )
        identity = connection.execute(select(schema.log)).one()
        AuditLog(connection, key, identity).begin()
        connection.commit()
    return identity
