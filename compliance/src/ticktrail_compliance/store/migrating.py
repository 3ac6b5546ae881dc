"""Bring the tables of a log, or of its key store, to what this program expects; forwards only.

Owns: which migrations there are (`migrations/`), and what is refused: a database that is newer than the program.
Never: commits; the caller's transaction holds all of it.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal, TypeAlias

import alembic.command
from alembic import context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, String, Table, select
from sqlalchemy.engine import Connection

from ticktrail.errors import ConfigError
from ticktrail_compliance.store.bounds import bounded_columns

__all__ = ["VERSIONS", "Tables", "is_begun", "is_current", "migrate", "run_in_context"]

Tables: TypeAlias = Literal["log", "keys"]

VERSIONS: dict[Tables, str] = {"log": "audit_log_version", "keys": "audit_keys_version"}


MARKS: dict[Tables, str] = {"log": "audit_log", "keys": "audit_keys"}
"""A table that is there once there is a layout."""


def is_current(connection: Connection, tables: Tables, name: str) -> bool:
    """Tell whether the tables are what this program expects; False where a migration has to be run.

    Raises:
        ConfigError: They are newer than this program, or of a layout that nobody knows.
    """
    newest, known = _revisions(tables)
    there = _revision(connection, tables)
    if there is not None and there not in known:
        raise ConfigError(
            f"audit database {name} has layout {there}, newer than this program's {newest}; "
            "upgrade ticktrail-compliance"
        )
    if there is None and connection.dialect.has_table(connection, MARKS[tables]):
        raise ConfigError(
            f"audit database {name} has lost its row of {VERSIONS[tables]}, which tells its layout; keep it as it is, "
            "and restore the row from a backup"
        )
    return there == newest


def is_begun(connection: Connection, tables: Tables) -> bool:
    """Tell whether there are tables, of whatever layout."""
    return any(connection.dialect.has_table(connection, name) for name in (MARKS[tables], VERSIONS[tables]))


def migrate(connection: Connection, tables: Tables) -> None:
    """Run what is missing, in the transaction that the connection is in."""
    config = _config(tables)
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSIONS[tables]
    alembic.command.upgrade(config, "head")


def run_in_context() -> None:
    """Run migrations on the connection that `migrate` gave; called by alembic's environment."""
    attributes = context.config.attributes
    context.configure(connection=attributes["connection"], version_table=attributes["version_table"])
    context.run_migrations()


@functools.cache
def _revisions(tables: Tables) -> tuple[str | None, frozenset[str]]:
    """Return the newest revision that this program has, and all of them."""
    scripts = ScriptDirectory.from_config(_config(tables))
    return scripts.get_current_head(), frozenset(script.revision for script in scripts.walk_revisions())


def _revision(connection: Connection, tables: Tables) -> str | None:
    if not connection.dialect.has_table(connection, VERSIONS[tables]):
        return None
    table = Table(VERSIONS[tables], MetaData(), Column("version_num", String(32)))
    found = (
        connection.execute(select(*bounded_columns(table, connection.dialect.name)).limit(2)).scalars().all()
    )
    if len(found) > 1:
        return " and ".join(str(one) for one in found)  # no migration leaves two
    return str(found[0]) if found else None


def _config(tables: Tables) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations" / tables))
    return config
