"""Open an audit log: the one that is there, or a new one.

Owns: the order in which database, tables, identity and keys are looked at, so that a wrong key writes nothing.
Never: opens a log whose layout is newer than this program.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import sqlalchemy
from sqlalchemy import select, text
from sqlalchemy.engine import URL, Connection

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.bounds import bounded_columns
from ticktrail_compliance.store.database import Database, connect, resolve_url
from ticktrail_compliance.store.keystore import KeyStore
from ticktrail_compliance.store.log import AuditLog, Identity
from ticktrail_compliance.store.migrating import Tables, is_begun, is_current, migrate
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.provider import KeyProvider

__all__ = ["holds_log", "keys_url", "open_databases", "open_log", "open_stored", "see_that_it_is_there"]

ADVISORY_KEY = 7_310_312_883_108_114_017
"""Of all advisory locks of a database, this program's: a number that nobody else is likely to have chosen."""


def open_log(
    settings: ComplianceSettings, base_dir: Path, *, write: bool, now_ns: int, warn: Callable[[str], None]
) -> AuditLog:
    """Open the log of a feed.

    Args:
        settings: Where it is.
        base_dir: The feed file's folder.
        write: Make databases and key file where there are none yet. False: read what is there.
        now_ns: When a new log begins.
        warn: Is told where a key was made.

    Raises:
        ConfigError: Database, keys or key cannot be used; the message says what would be right.
    """
    url = resolve_url(settings.database, base_dir)
    opened: list[Database] = []
    try:
        database = connect(url, create=write)
        opened.append(database)
        identity = _identity(database, must_be_there=not write)
        provider = open_provider(settings.key, base_dir, create=identity is None, warn=warn)
        store = _key_database(keys_url(settings, base_dir), url, database, new=identity is None, write=write)
        opened.append(store)
        if identity is None:
            return _begun(database, store, provider, now_ns)
        return _opened(database, store, provider, identity, write=write)
    except BaseException as exc:
        for one in opened:
            one.close()
        if isinstance(exc, AuditError):  # nothing runs yet: what the database says is a matter of settings
            raise ConfigError(str(exc)) from exc
        raise


def holds_log(settings: ComplianceSettings, base_dir: Path) -> bool:
    """Tell whether there is a database that holds a log, of whatever layout; nothing is made.

    Raises:
        ConfigError: It cannot be opened, or its log has lost what names it.
    """
    url = resolve_url(settings.database, base_dir)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return False
    database = connect(url, create=False)
    try:
        return _identity(database, must_be_there=False) is not None
    except AuditError as exc:
        raise ConfigError(str(exc)) from exc
    finally:
        database.close()


def see_that_it_is_there(settings: ComplianceSettings, base_dir: Path) -> None:
    """See that a database holds a log, of whatever layout.

    Raises:
        ConfigError: It cannot be opened, or holds none.
    """
    database = connect(resolve_url(settings.database, base_dir), create=False)
    try:
        _identity(database, must_be_there=True)
    except AuditError as exc:
        raise ConfigError(str(exc)) from exc
    finally:
        database.close()


def open_stored(url: URL) -> tuple[Database, Identity]:
    """Open the database of a log that is there, and read which log it is; its key store is not looked for.

    Raises:
        ConfigError: It is not there, has another layout, or has lost a table.
        AuditError: The database failed.
    """
    database = connect(url, create=False)
    try:
        identity = _see_log(database)
        _bring_forward(database, "log", write=False)
        _see_tables(database, schema.metadata)
    except BaseException:
        database.close()
        raise
    return database, identity


@contextlib.contextmanager
def open_databases(settings: ComplianceSettings, base_dir: Path) -> Iterator[Sequence[Database]]:
    """Give the databases of a log that is there, its own and its key store's, without a look at what is in them.

    Raises:
        ConfigError: One cannot be opened.
    """
    urls = dict.fromkeys((resolve_url(settings.database, base_dir), keys_url(settings, base_dir)))
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(contextlib.closing(connect(url, create=False))) for url in urls]


def keys_url(settings: ComplianceSettings, base_dir: Path) -> URL:
    """Return where the data keys are: by setting, beside an SQLite log in a file of their own, or in its database.

    Raises:
        ConfigError: The setting is no SQLAlchemy URL.
    """
    if settings.keys is not None:
        return resolve_url(settings.keys, base_dir)
    url = resolve_url(settings.database, base_dir)
    if url.get_backend_name() != "sqlite":
        return url
    path = Path(url.database or "")
    return url.set(database=str(path.with_name(f"{path.stem}-keys{path.suffix}")))


def _opened(
    database: Database, store: Database, provider: KeyProvider, identity: Identity, *, write: bool
) -> AuditLog:
    _bring_forward(database, "log", write=write)
    _see_tables(database, schema.metadata)
    with store.reading() as connection:
        if not is_begun(connection, "keys"):  # the log is there: what lacks its keys is no new store
            raise _lost(store.name, schema.keys.name)
    _bring_forward(store, "keys", write=write)
    _see_tables(store, schema.key_metadata)
    keys = KeyStore(store, identity.log_id, provider)
    keys.open()
    return AuditLog(database, keys, identity)


def _begun(database: Database, store: Database, provider: KeyProvider, now_ns: int) -> AuditLog:
    """Make a new log, unless another process was quicker."""
    _bring_forward(store, "keys", write=True)
    with database.writing(patient=True) as connection:
        _alone(connection)
        identity = _read_identity(connection, database.name)
        if identity is None:
            identity = _begin(connection, database, store, provider, now_ns)
    return _opened(database, store, provider, identity, write=True)


def _begin(
    connection: Connection, database: Database, store: Database, provider: KeyProvider, now_ns: int
) -> Identity:
    """Make the tables of a new log, its secret and its head, in the transaction that the connection is in."""
    migrate(connection, "log")
    log_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
    keys = KeyStore(store, log_id, provider)
    keys.begin(connection if store is database else None)
    row = {"id": 1, "log_id": log_id, "layout": schema.LAYOUT, "created_ns": now_ns}
    connection.execute(schema.log.insert().values(**row))
    identity = connection.execute(_identity_row(connection)).one()
    AuditLog(database, keys, identity).head_row.begin(connection)
    return identity


def _bring_forward(database: Database, tables: Tables, *, write: bool) -> None:
    """Run the migrations that a database lacks.

    Raises:
        ConfigError: It is newer than this program, or lacks some and is only read.
    """
    with database.reading() as connection:
        if is_current(connection, tables, database.name):
            return
    if not write:
        raise ConfigError(
            f"audit database {database.name} has an older layout than this program reads; start a feed that writes "
            "it, or run `ticktrail audit migrate`, to bring it forward"
        )
    with database.writing(patient=True) as connection:
        _alone(connection)
        if not is_current(connection, tables, database.name):
            migrate(connection, tables)


def _see_tables(database: Database, wanted: sqlalchemy.MetaData) -> None:
    """See that a database has all tables of its layout.

    Raises:
        ConfigError: It has lost one.
    """
    with database.reading() as connection:
        there = set(sqlalchemy.inspect(connection).get_table_names())
    for name in wanted.tables:
        if name not in there:
            raise _lost(database.name, name)


def _lost(database: str, table: str) -> ConfigError:
    return ConfigError(
        f"audit database {database} has lost its table {table}: keep it as it is, restore the whole database from a "
        "backup, and compare that with an anchor (`ticktrail audit verify --anchor FILE`)"
    )


def _key_database(url: URL, log_url: URL, database: Database, *, new: bool, write: bool) -> Database:
    if url == log_url:
        return database
    if not new and url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise ConfigError(
            f"there is no key store {url.database}: put back the one that belongs to the log, from its own backup; "
            f"without it nothing in {database.name} can be read"
        )
    return connect(url, create=write)


def _alone(connection: Connection) -> None:
    """Let nobody else make or migrate this database before the transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_KEY})


def _identity(database: Database, *, must_be_there: bool) -> Identity | None:
    """Return which log this is, None for a database that has none.

    Raises:
        ConfigError: There is none and must be; or the log's tables are there, and the row that names it is not; or they
            are of a layout that was never published.
    """
    if must_be_there:
        return _see_log(database)
    with database.reading() as connection:
        return _read_identity(connection, database.name)


def _see_log(database: Database) -> Identity:
    """Return which log a database holds.

    Raises:
        ConfigError: It holds none; or as `_identity` says.
    """
    with database.reading() as connection:
        identity = _read_identity(connection, database.name)
    if identity is None:
        raise ConfigError(
            f"audit database {database.name} holds no audit log; name the one that the feed writes, or start the feed "
            "once (`ticktrail run FEED.toml`)"
        )
    return identity


def _read_identity(connection: Connection, name: str) -> Identity | None:
    inspector = sqlalchemy.inspect(connection)
    there = set(inspector.get_table_names())
    if schema.log.name not in there:
        if there.isdisjoint(schema.metadata.tables):
            return None
        raise _lost(name, schema.log.name)
    if "layout" not in {column["name"] for column in inspector.get_columns(schema.log.name)}:
        raise ConfigError(
            f"audit database {name} was written by a version of ticktrail before its first release: keep it with that "
            f"version to read it, and name another database to go on"
        )
    rows = connection.execute(_identity_row(connection).limit(2)).all()
    if not rows:
        raise ConfigError(
            f"audit database {name} has lost the row of {schema.log.name}; keep the file as it is, restore the row "
            "from a backup, and name another database to go on"
        )
    identity = rows[0]
    if len(rows) > 1 or identity.id != 1 or type(identity.log_id) is not str or not _is_uuid(identity.log_id):
        raise ConfigError(
            f"audit database {name}: the row of {schema.log.name} was changed, or is not the only one; keep the file "
            "as it is, restore the row from a backup, and name another database to go on"
        )
    if type(identity.layout) is int and identity.layout > schema.LAYOUT:
        raise ConfigError(
            f"audit database {name} has layout {identity.layout}, newer than this program's {schema.LAYOUT}; upgrade "
            f"ticktrail-compliance"
        )
    return identity


def _identity_row(connection: Connection) -> sqlalchemy.Select[*tuple[object, ...]]:
    return select(*bounded_columns(schema.log, connection.dialect.name)).order_by(schema.log.c.id)


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value
    except ValueError:
        return False
