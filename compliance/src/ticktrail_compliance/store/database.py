"""Open the database of an audit log, and say what is wrong where it cannot be.

Owns: the engine, an SQLite file's mode and pragmas, where a transaction begins and ends, and the translation of every
database error.
Never: reads or writes an entry.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy
from sqlalchemy import event, text
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.pool import NullPool

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.store.silence import Watch

__all__ = ["Database", "connect", "resolve_url"]

BUSY_MS = 5_000
"""How long a transaction waits for another one that holds what it needs: a feed's queues hold some seconds of ticks."""
STATEMENT_MS = 10_000
"""How long PostgreSQL may take for one statement of a transaction that writes: each adds some entries at most."""
SILENT_S = 15.0
"""After so long without an answer a writer gives its connection up: more than any statement may take."""
CONNECT_S = 10
"""How long a server may take to let a client in."""
PROBE_MS = 100
"""The same as `BUSY_MS`, of an attempt to come back to a database that failed: the feed waits for it each time."""
PROBE_S = 2
"""The same as `SILENT_S` and `CONNECT_S` of such an attempt; libpq knows no shorter one."""
KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,  # seconds without traffic; a feed writes each second or so
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # ms until what was sent and not confirmed ends the connection, as SILENT_S
}
"""Options of libpq by which the system itself sees that a server's machine is gone: 20 s, and not two hours."""
LIBPQ = ("psycopg", "psycopg2")
"""The drivers that have them."""
_OF_A_WRITE = text(
    "SELECT set_config('synchronous_commit', 'on', true), set_config('lock_timeout', :lock, true), "
    "set_config('statement_timeout', :statement, true)"
)
"""Of one transaction, whatever server, database and role say: on the disk once it is committed, and within a time."""
REMEDY_OF_SILENCE = "see that its server runs, and what lies between"
GRANT = (
    "run `ticktrail audit grant FEED.toml --writer ROLE` for a role that a feed records as, `--auditor ROLE` for one "
    "that reads under a policy with roles, `--reader ROLE` for one that reads without"
)
REMEDIES = {
    "lock timeout": "another session holds it for long: end that one",
    "statement timeout": "the server is slower than a feed can wait: see what else it does",
    "locked": "another process holds it for long: end that one",
    "readonly": "give this user the right to write it, or name another database",
    "read-only": "give this user the right to write it, or name another database",
    "unable to open": "check the path and the rights of its folder",
    "full": "make room on that disk",
    "not a database": "it is no audit log: name another file",
    "malformed": "the file is damaged: restore it from a backup",
    "no such table": "the database has lost it: restore it from a backup",
    'relation "audit_': "the database has lost it: restore it from a backup",
    "permission denied for schema": f"let the owner of the tables make the log, and then {GRANT}",
    "permission denied for": f"let the owner of the tables {GRANT}",
    "connection refused": "start the server, or mend host and port of the URL",
    "no such file or directory": "start the server, or mend the host of the URL",
    "resolve host": "mend the host of the URL",
    "connection timeout": "see that the server runs and can be reached from here, or mend host and port of the URL",
    "authentication failed": "mend user or password of the URL",
    'fatal:  database "': "make it (CREATE DATABASE), or mend its name in the URL",
    'fatal:  role "': "make the role (CREATE ROLE … LOGIN), or mend the user of the URL",
}
"""What to do, by a sign in what the database said, in small letters; the first one that is there counts."""


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


class Database:
    """One connection, and the transactions on it; made by `connect`.

    Blocking, and for one thread at a time.

    Attributes:
        name: How a message names it: an SQLite file's path, or the URL without its password.
        dialect: ``sqlite``, ``postgresql`` or another that SQLAlchemy knows.
    """

    def __init__(self, engine: Engine, name: str, *, watched: bool) -> None:
        self.name = name
        self.dialect = engine.dialect.name
        self._lock_ms = BUSY_MS
        self._writes = False
        self._watch = Watch(engine, SILENT_S) if watched else None
        event.listen(engine, "do_connect", self._bound)
        with self._asking():
            self._connection = engine.connect()

    def close(self) -> None:
        """Close it, whatever state it is in."""
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError), self._asking():
            self._connection.close()
        self._connection.engine.dispose()
        if self._watch is not None:
            self._watch.close()

    def reconnect(self) -> None:
        """Open it anew, after it failed, and see that a transaction can begin.

        Raises:
            AuditError: It still cannot be reached, or another process holds it.
        """
        engine = self._connection.engine
        self.close()
        with self._translated(), self._asking():
            self._connection = engine.connect()
        with self.writing():
            pass

    def wait_for_answers(self) -> None:
        """Wait for every answer from now on, however long it takes: for a command, which a person can end."""
        if self._watch is not None:
            self._watch.limit_s = float("inf")

    @contextlib.contextmanager
    def hurried(self) -> Iterator[None]:
        """Wait for little meanwhile: what is tried can be tried again."""
        self._lock_ms = PROBE_MS
        if self._watch is not None:
            self._watch.limit_s = PROBE_S
        try:
            yield
        finally:
            self._lock_ms = BUSY_MS
            if self._watch is not None:
                self._watch.limit_s = SILENT_S

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the database, and ends without a trace.

        Within one that writes it is that one: what was locked there stays as it is read.

        Raises:
            AuditError: The database failed; the message names it and the remedy.
        """
        with self._translated():
            if self._writes:
                yield self._connection
                return
            if self.dialect == "postgresql":
                self._connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            elif self.dialect == "sqlite":
                self._connection.exec_driver_sql("BEGIN")
            try:
                yield self._connection
            finally:
                with self._asking():
                    self._connection.rollback()

    @contextlib.contextmanager
    def writing(self, *, patient: bool = False) -> Iterator[Connection]:
        """Give a transaction that is on the disk when this ends, or was never there.

        On SQLite nobody else writes meanwhile; elsewhere who must be alone locks what it changes.

        Args:
            patient: Wait for locks and answers however long they take: a migration is not done within a moment.

        Raises:
            AuditError: The database failed; the message names it and the remedy.
        """
        waits = self._watch.paused() if patient and self._watch is not None else contextlib.nullcontext()
        with self._translated(), waits:
            self._begin(patient=patient)
            self._writes = True
            try:
                yield self._connection
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._writes = False
            with self._asking():
                self._connection.commit()

    def run_outside(self, statement: str) -> Sequence[object]:
        """Run a statement that is in no transaction, and return the first row that it gives.

        Raises:
            AuditError: The database failed.
        """
        with self._translated():
            found = self._connection.exec_driver_sql(statement)
            rows = found.all() if found.returns_rows else ()  # to the last: some statements work row by row
            self._connection.rollback()
        return tuple(rows[0]) if rows else ()

    def run_alone(self, statement: str) -> None:
        """Run a statement that no transaction may hold, such as VACUUM, however long it takes.

        Raises:
            AuditError: The database failed, or refused.
        """
        with self._translated():
            if self.dialect == "sqlite":
                self._connection.exec_driver_sql(statement)
                self._connection.rollback()
                return
            url = (
                self._connection.engine.url
            )  # a connection of its own: this one keeps its transactions and its watch
            alone = sqlalchemy.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            with alone.connect() as connection:
                connection.exec_driver_sql(statement)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlalchemy.exc.SQLAlchemyError as exc:
            self._roll_back()
            silent = self._watch is not None and self._watch.ended
            said = f"it did not answer in time; {REMEDY_OF_SILENCE}" if silent else _explained(exc)
            raise AuditError(f"audit database {self.name} failed: {said}") from exc

    def _begin(self, *, patient: bool) -> None:
        if self.dialect == "sqlite":
            self._connection.exec_driver_sql(f"PRAGMA busy_timeout = {self._lock_ms}")
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif self.dialect == "postgresql":
            bounds = (0, 0) if patient else (self._lock_ms, STATEMENT_MS)
            values = dict(zip(("lock", "statement"), map(str, bounds), strict=True))
            self._connection.execute(_OF_A_WRITE, values)

    def _roll_back(self) -> None:
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError), self._asking():
            self._connection.rollback()

    def _asking(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._watch is None else self._watch.asking()

    def _bound(self, dialect: Dialect, _record: object, _args: object, options: dict[str, object]) -> None:
        """Bound how long a connection may take that is about to be made."""
        if dialect.name == "sqlite":
            options["timeout"] = self._lock_ms / 1000
        elif self._lock_ms == PROBE_MS and dialect.driver in LIBPQ:
            options["connect_timeout"] = PROBE_S


def connect(url: URL, *, create: bool) -> Database:
    """Return an open database; the caller closes it.

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
            raise ConfigError(
                f"there is no audit database {path}; mend the path, or start the feed once (`ticktrail run FEED.toml`)"
            )
        else:
            # as a URI, in which `#`, `?` and `%` of a path are not its own unless they are quoted
            url = url.set(database=path.absolute().as_uri(), query={"mode": "ro", "uri": "true"})
    elif url.get_dialect().driver in LIBPQ:
        bounds = {"connect_timeout": CONNECT_S, **(KEEPALIVE if create else {})}
        options.update({name: value for name, value in bounds.items() if name not in url.query})
    try:
        engine = sqlalchemy.create_engine(url, poolclass=NullPool, connect_args=options, hide_parameters=True)
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _to_write if create else _to_read)
        return Database(engine, name, watched=create and engine.dialect.driver in LIBPQ)
    except ImportError as exc:
        raise ConfigError(f"audit database {name} needs a driver that is not installed: {exc}") from exc
    except sqlalchemy.exc.SQLAlchemyError as exc:
        raise ConfigError(f"audit database {name} cannot be opened: {_explained(exc)}") from exc


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
    connection.isolation_level = None  # `Database` says where a transaction begins
    if connection.execute("PRAGMA page_count").fetchone() == (0,):  # a new file: it would write to another
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _to_read(connection: sqlite3.Connection, _record: object) -> None:
    """Give whatever stands in a column, were it no text at all: verification says what is wrong with it."""
    connection.isolation_level = None  # `Database` says where a transaction begins
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


def _explained(exc: sqlalchemy.exc.SQLAlchemyError) -> str:
    """Return what the database said, with what to do about it."""
    said = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
    remedy = next((text for sign, text in REMEDIES.items() if sign in said.lower()), None)
    return f"{said}; {remedy}" if remedy else said
