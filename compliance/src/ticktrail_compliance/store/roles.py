"""Give database roles no more than they need: who adds to a log cannot change or delete what stands there.

Owns: which right on which table, and what makes a grant worthless.
Never: makes a role, or knows its password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.engine import Connection

from ticktrail.errors import ConfigError
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.database import Database
from ticktrail_compliance.store.migrating import VERSIONS

__all__ = ["Grants", "grant"]

Grants = Mapping[str, Sequence[str]]
"""Rights by table; one of some columns alone names them: ``UPDATE (kek, wrapped)``."""

_WRITTEN_ONCE = (schema.entries.name, schema.tiles.name, schema.checkpoints.name, schema.spools.name)

OF_A_WRITER: Grants = {
    schema.log.name: ("SELECT",),
    VERSIONS["log"]: ("SELECT",),
    VERSIONS["keys"]: ("SELECT",),
    **dict.fromkeys(_WRITTEN_ONCE, ("SELECT", "INSERT")),
    schema.head.name: ("SELECT", "UPDATE"),
    schema.keys.name: ("SELECT", "INSERT"),
}
"""A feed, and who runs one."""

OF_A_READER: Grants = dict.fromkeys(OF_A_WRITER, ("SELECT",))
"""Who reads where no policy with roles is in force: otherwise the log has to tell of it."""

OF_AN_AUDITOR: Grants = {**OF_A_WRITER, schema.spools.name: ("SELECT",)}
"""Who adds what is told of their own acts, and no spool of a feed's."""

OF_A_KEEPER: Grants = {
    **OF_AN_AUDITOR,
    schema.entries.name: ("SELECT", "INSERT", "UPDATE (summary, body)"),
    schema.keys.name: ("SELECT", "INSERT", "UPDATE (kek, wrapped)"),
}
"""The same, and who wraps keys anew, destroys them, and frees the space of what nobody can read any more."""

BY_KIND: Mapping[str, Grants] = {
    "writer": OF_A_WRITER,
    "reader": OF_A_READER,
    "operator": OF_A_WRITER,
    "auditor": OF_AN_AUDITOR,
    "keeper": OF_A_KEEPER,
    "officer": OF_AN_AUDITOR,
}
"""What a role of the database needs that is for a feed, for a reader, or for who holds a role of the policy."""

_ROLE = text(
    "SELECT rolsuper, rolcreaterole, (SELECT min(above.rolname) FROM pg_roles AS above WHERE above.rolsuper AND "
    "NOT mine.rolsuper AND pg_has_role(mine.oid, above.oid, 'MEMBER')) AS superuser FROM pg_roles AS mine "
    "WHERE rolname = :role"
)
_OWNED = text(
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname = ANY(:names) "
    "AND pg_has_role(:role, relowner, 'MEMBER') ORDER BY relname"
)

_CHANGES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER")
"""Rights by which what stands in a table becomes something else: a trigger can do so as others write."""

_EFFECTIVE = text(
    "WITH others AS (SELECT attname FROM pg_attribute WHERE attrelid = CAST(:place AS regclass) AND attnum > 0 AND "
    "NOT attisdropped AND attname <> ALL(CAST(:columns AS text[]))) "
    "SELECT held.rolname AS holder, what, "
    "CASE WHEN what = 'UPDATE' THEN "
    "EXISTS (SELECT FROM others WHERE has_column_privilege('public', place, attname, what)) "
    "WHEN what = 'INSERT' THEN has_any_column_privilege('public', place, what) "
    "ELSE has_table_privilege('public', place, what) END AS of_all "
    "FROM pg_roles AS held, unnest(CAST(:whats AS text[])) AS what, (SELECT CAST(:place AS text) AS place) AS named "
    "WHERE pg_has_role(:role, held.oid, 'MEMBER') AND "
    "CASE WHEN what = 'UPDATE' THEN "
    "EXISTS (SELECT FROM others WHERE has_column_privilege(held.oid, place, attname, what)) "
    "WHEN what = 'INSERT' THEN has_any_column_privilege(held.oid, place, what) "
    "ELSE has_table_privilege(held.oid, place, what) END "
    "ORDER BY what, held.rolname = :role, held.rolname LIMIT 1"
)
"""What a role may do by whichever way: its own rights, those of all, and those of every role that it can become.

``columns`` are those that it may change.
"""

_OF_COLUMNS = re.compile(r"UPDATE \((.+)\)")


def grant(database: Database, roles: Sequence[tuple[str, Grants]], *, run: bool) -> Sequence[str]:
    """Return the statements that give roles exactly these rights on the tables that are in a database.

    Args:
        database: Of a log, of its data keys, or of both.
        roles: Each with what it is to have.
        run: Run them, all or none.

    Raises:
        ConfigError: The database knows no roles, a role is missing, or one is above every grant, or has by another way
            what it may not; nothing is granted then, and the message says what to revoke.
        AuditError: The database failed, or refused.
    """
    if database.dialect != "postgresql":
        raise ConfigError(
            f"audit database {database.name} knows no roles ({database.dialect}): who can write the file can change "
            "all of it, and verification tells; use PostgreSQL, or anchors on another machine"
        )
    with database.writing() as connection:
        statements = [one for role, rights in roles for one in _statements(connection, role, rights)]
        if run:
            for statement in statements:
                connection.exec_driver_sql(statement)
            for role, rights in roles:
                _see_bound(connection, role, rights)
    return statements


def _statements(connection: Connection, role: str, rights: Grants) -> Iterator[str]:
    found = connection.execute(_ROLE, {"role": role}).first()
    if found is None:
        raise ConfigError(f"there is no role {role}: make it first, with CREATE ROLE … LOGIN")
    there = _there(connection, rights)
    owned = connection.execute(_OWNED, {"role": role, "names": there}).scalars().all()
    if found.rolsuper or owned:
        why = "is a superuser" if found.rolsuper else f"owns {owned[0]}, or is a member of who does"
        raise ConfigError(f"role {role} {why}, so that no grant binds it: name another one")
    quote = connection.dialect.identifier_preparer.quote
    name = quote(role)
    if found.superuser is not None:
        raise ConfigError(
            f"role {role} can become the superuser {found.superuser}, so that no grant binds it: name another one, or "
            f"REVOKE {quote(found.superuser)} FROM {name}"
        )
    if found.rolcreaterole:
        raise ConfigError(
            f"role {role} may make roles, and so give itself more than it is granted: ALTER ROLE {name} NOCREATEROLE "
            "first, or name another one"
        )
    schema_name = _schema(connection)
    yield f"GRANT USAGE ON SCHEMA {schema_name} TO {name}"
    for table in there:
        yield f"REVOKE ALL ON {schema_name}.{table} FROM {name}"
        yield f"GRANT {', '.join(rights[table])} ON {schema_name}.{table} TO {name}"


def _see_bound(connection: Connection, role: str, rights: Grants) -> None:
    """See that a role can do nothing by another way that its rights keep from it."""
    quote, schema_name = connection.dialect.identifier_preparer.quote, _schema(connection)
    for table in _there(connection, rights):
        place = f"{schema_name}.{table}"
        whats = [what for what in _CHANGES if what not in rights[table]]
        values = {"role": role, "place": place, "whats": whats, "columns": _columns(rights[table])}
        found = connection.execute(_EFFECTIVE, values).first()
        if found is None:
            continue
        if found.of_all:
            by, remedy = "as everybody does", f"REVOKE {found.what} ON {place} FROM PUBLIC"
        elif found.holder != role:
            by = f"by role {found.holder}, which it is a member of"
            remedy = f"REVOKE {quote(found.holder)} FROM {quote(role)}"
        else:
            by = "by a grant of somebody else's"
            remedy = f"REVOKE {found.what} ON {place} FROM {quote(role)}, as who granted it or a superuser"
        raise ConfigError(
            f"role {role} may {found.what} on {place} {by}, so that what is granted here binds it to nothing; nothing "
            f"was granted. Run {remedy}, and grant again"
        )


def _columns(rights: Sequence[str]) -> Sequence[str]:
    """Return the columns that may be changed, where not all may."""
    return [name for what in rights if (some := _OF_COLUMNS.match(what)) for name in some[1].split(", ")]


def _there(connection: Connection, rights: Grants) -> Sequence[str]:
    return [name for name in rights if connection.dialect.has_table(connection, name)]


def _schema(connection: Connection) -> str:
    """Return the name of the tables' schema, quoted where it must be."""
    name = connection.execute(text("SELECT current_schema()")).scalar_one()
    return connection.dialect.identifier_preparer.quote(name)
