"""Open the database of an audit log, and say what is wrong where it cannot be.

Owns: the engine, an SQLite file's mode and pragmas, and the translation of every database error.
Never: reads or writes an entry.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import NullPool

from ticktrail.errors import AuditError, ConfigError

__all__ = ["connect", "name_of", "recording", "resolve_url"]

BUSY_MS = 5_000
REMEDIES = {
    "locked": "another process holds it: end that one, or give each feed a database of its own",
    "readonly": "give this user the right to write it, or name another database",
    "read-only": "give this user the right to write it, or name another database",
    "unable to open": "check the path and the rights of its folder",
    "full": "make room on that disk",
    "not a database": "it is no audit log: name another file",
    "malformed": "the file is damaged: restore it from a backup",
}


def resolve_url(database: str, base_dir: Path) -> URL:
    """Return the URL, an SQLite file's path taken from `base_dir`.

    Raises:
        ConfigError: It is no SQLAlchemy URL, or its driver is not installed.
    """
    try:
        url = make_url(database)
        url.get_dialect()
    except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as exc:
        raise ConfigError(
            f"database: {exc}; write sqlite:///audit.db, or the URL of another database that SQLAlchemy knows"
        ) from exc
    if url.get_backend_name() != "sqlite":
        return url
    if not url.database or url.database == ":memory:":
        raise ConfigError("database: an audit log in memory proves nothing; write sqlite:///audit.db")
    return url.set(database=str(base_dir / url.database))


def connect(url: URL, *, create: bool) -> Connection:
    """Return a connection; the caller closes it, and its engine with it.

    Args:
        url: As `resolve_url` gives it.
        create: Make an SQLite file that is missing, with mode 0600.

    Raises:
        ConfigError: It cannot be opened; the message names it and the remedy.
    """
    name = _name(url)
    options: dict[str, object] = {}
    if url.get_backend_name() == "sqlite":
        options["check_same_thread"] = False  # one worker at a time, yet not always the same thread
        path = Path(url.database or "")
        if create:
            _make_file(path)
        elif not path.is_file():
            raise ConfigError(f"there is no audit database {path}; mend the path")
        else:
            url = url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    try:
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=options)
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _to_write if create else _to_read)
        return engine.connect()
    except ImportError as exc:
        raise ConfigError(f"audit database {name} needs a driver that is not installed: {exc}") from exc
    except sqlalchemy.exc.SQLAlchemyError as exc:
        raise ConfigError(f"audit database {name} cannot be opened: {_explained(exc)}") from exc


def name_of(connection: Connection) -> str:
    """Return how a message names the database: an SQLite file's path, or the URL without its password."""
    return _name(connection.engine.url)


@contextlib.contextmanager
def recording(connection: Connection) -> Iterator[None]:
    """Turn a database error inside into an `AuditError`, with everything uncommitted undone.

    Raises:
        AuditError: The database failed; the message names it and the remedy.
    """
    try:
        yield
    except sqlalchemy.exc.SQLAlchemyError as exc:
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
            connection.rollback()
        raise AuditError(f"audit database {name_of(connection)} failed: {_explained(exc)}") from exc


def _make_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        remedy = f"make the folder {path.parent} first" if not path.parent.is_dir() else "check its rights"
        raise ConfigError(f"audit database {path} cannot be opened: {exc.strerror}; {remedy}") from exc


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return (url.database or "").removeprefix("file:")
    return url.render_as_string(hide_password=True)


def _to_write(connection: sqlite3.Connection, _record: object) -> None:
    """Commit to the disk before saying so; let readers in while it is written."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _to_read(connection: sqlite3.Connection, _record: object) -> None:
    """Give whatever stands in a column, were it no text at all: verification says what is wrong with it."""
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


def _explained(exc: sqlalchemy.exc.SQLAlchemyError) -> str:
    """Return what the database said, with what to do about it."""
    said = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
    remedy = next((text for sign, text in REMEDIES.items() if sign in said.lower()), None)
    return f"{said}; {remedy}" if remedy else said
