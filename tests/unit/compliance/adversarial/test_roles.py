"""26. Who writes a log in PostgreSQL can add to it, and the database refuses the rest; SQLite knows no roles."""

import re
import uuid
from contextlib import contextmanager

import anyio
import pytest
import sqlalchemy
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail_compliance.commands import audit
from ticktrail_compliance.store import schema
from unit.compliance import logs
from unit.compliance.adversarial.attacks import Log, made
from unit.compliance.logs import POSTGRES, routed, up

POLICY = '[compliance]\nfirm = "x"\n[compliance.retention.journal]\nkeep_days = 1\n'
FEED = '[compliance]\ndatabase = "{}"\nkey = {{ file = "audit.key" }}\n'


@pytest.fixture
def log(tmp_path):
    with made("postgresql", tmp_path) as log:
        log.sample()
        yield log


@contextmanager
def _role(log):
    """A role of its own; gives its name, and the log as it is opened by it."""
    name = f"ticktrail writer {uuid.uuid4().hex}"
    engine = sqlalchemy.create_engine(f"{POSTGRES}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f'CREATE ROLE "{name}" LOGIN')
        yield name, Log(log.folder, make_url(log.database).set(username=name).render_as_string())
        with engine.connect() as connection:
            connection.exec_driver_sql(f'GRANT "{name}" TO CURRENT_USER')
        with log.attacked() as connection:
            connection.exec_driver_sql(f'DROP OWNED BY "{name}"')
        with engine.connect() as connection:
            connection.exec_driver_sql(f'DROP ROLE "{name}"')
    finally:
        engine.dispose()


@pytest.fixture
def role(log):
    with _role(log) as found:
        yield found


def _grant(log, *arguments):
    """Run the command; gives its outcome."""
    feed = log.folder / "feed.toml"
    feed.write_text(FEED.format(log.database))
    return CliRunner().invoke(audit, ["grant", str(feed), *arguments])


def test_a_feed_records_under_a_writers_role_and_can_change_nothing(log, role):
    """It adds entries, tiles, checkpoints and keys; UPDATE, DELETE and TRUNCATE are refused by the database."""
    name, as_writer = role
    with pytest.raises(ConfigError, match="permission denied"):
        as_writer.write([up(1)])
    assert _grant(log, "--writer", name).exit_code == 0
    as_writer.write([up(1), routed(1), *(up(number) for number in range(260))])
    outcome = as_writer.verified()
    assert outcome.sound
    assert outcome.entries > 260
    allowed = {("audit_head", "UPDATE")}
    tables = (*schema.metadata.sorted_tables, *schema.key_metadata.sorted_tables)
    for table in tables:
        column = table.c.keys()[-1]
        for kind, statement in (
            ("UPDATE", f"UPDATE {table.name} SET {column} = {column}"),
            ("DELETE", f"DELETE FROM {table.name}"),
            ("TRUNCATE", f"TRUNCATE {table.name}"),
            ("DROP", f"DROP TABLE {table.name}"),
        ):
            if (table.name, kind) in allowed:
                continue
            with (
                pytest.raises(sqlalchemy.exc.ProgrammingError, match=r"permission denied|must be owner"),
                as_writer.attacked() as connection,
            ):
                connection.exec_driver_sql(statement)
    assert log.verified().sound


def test_a_reader_reads_and_writes_nothing(log, role):
    """It verifies; a feed under it is refused."""
    name, as_reader = role
    assert _grant(log, "--reader", name).exit_code == 0
    assert as_reader.verified().sound
    with pytest.raises(
        Exception,
        match=r"permission denied for table audit_\w+; .*`ticktrail audit grant FEED.toml --writer ROLE`",
    ):
        as_reader.write([up(1)])
    assert log.verified().entries == logs.ENTRIES


def test_a_grant_takes_what_a_role_had_before(log, role):
    """A right that was given by hand does not stay."""
    name, as_writer = role
    with log.attacked() as connection:
        connection.exec_driver_sql(f'GRANT DELETE ON audit_entries TO "{name}"')
    assert _grant(log, "--writer", name).exit_code == 0
    with pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"):
        as_writer.remove(schema.entries)


def test_what_was_granted_is_told(log, role):
    """Not the SQL of it: which role may do what, where."""
    name, _ = role
    told = _grant(log, "--writer", name).stdout
    assert told == (
        f"role {name} may add to the audit log in {log.database} now, and change or delete nothing that stands "
        "there\n"
    )
    told = _grant(log, "--reader", name).stdout
    assert told == f"role {name} may read the audit log in {log.database} now, and nothing else\n"


def test_one_role_for_both_is_refused(log, role):
    """The second would take what the first gave; a writer may read already."""
    name, as_writer = role
    outcome = _grant(log, "--writer", name, "--reader", name)
    assert outcome.exit_code == 2
    assert "a writer may read already: leave out --reader, or name another role" in outcome.stderr
    with pytest.raises(ConfigError, match="permission denied"):
        as_writer.verified()


def test_the_sql_can_be_printed_and_is_not_run(log, role):
    """Statement by statement, the role's name quoted."""
    name, as_writer = role
    outcome = _grant(log, "--writer", name, "--print")
    assert f'GRANT SELECT, INSERT ON public.audit_entries TO "{name}";\n' in outcome.output
    assert f'GRANT SELECT, UPDATE ON public.audit_head TO "{name}";\n' in outcome.output
    with pytest.raises(ConfigError, match="permission denied"):
        as_writer.verified()


@pytest.mark.parametrize(
    ("role", "says"), [("nobody_knows", "there is no role nobody_knows"), ("postgres", "is a superuser")]
)
def test_a_role_that_no_grant_binds_is_refused(log, role, says):
    """One that is not there, and one that is above all grants."""
    outcome = _grant(log, "--writer", role)
    assert isinstance(outcome.exception, ConfigError)
    assert says in str(outcome.exception)


@pytest.mark.parametrize(
    ("statements", "says", "then"),
    [
        (
            ['GRANT pg_write_all_data TO "{}"'],
            r"by role pg_write_all_data, .*Run REVOKE pg_write_all_data FROM",
            [],
        ),
        (
            ["GRANT DELETE ON audit_entries TO PUBLIC"],
            r"may DELETE on public\.audit_entries as everybody does.*DELETE ON public\.audit_entries FROM PUBLIC",
            [],
        ),
        (
            ["GRANT UPDATE (note) ON audit_checkpoints TO PUBLIC"],
            r"may UPDATE on public\.audit_checkpoints as everybody",
            [],
        ),
        (
            ["GRANT UPDATE ON audit_checkpoints TO {group}", 'GRANT {group} TO "{}"'],
            r"may UPDATE on public\.audit_checkpoints by role ticktrail_group_.*, which it is a member of",
            [],
        ),
        (
            ['ALTER ROLE "{}" NOINHERIT', "GRANT TRIGGER ON audit_head TO {group}", 'GRANT {group} TO "{}"'],
            r"may TRIGGER on public\.audit_head by role ticktrail_group_",
            [],
        ),
        (['GRANT postgres TO "{}"'], "owns|can become the superuser postgres", ['REVOKE postgres FROM "{}"']),
        (
            ['ALTER ROLE "{}" CREATEROLE'],
            r'may make roles.*ALTER ROLE "ticktrail writer .*" NOCREATEROLE',
            [],
        ),
    ],
    ids=[
        "all data",
        "everybody",
        "everybody by column",
        "group",
        "group to become",
        "superuser",
        "makes roles",
    ],
)
def test_a_role_that_has_more_by_another_way_is_refused(log, role, statements, says, then):
    """Told with what to revoke, and nothing is granted; a reader is held to it as well."""
    name, _ = role
    group = f"ticktrail_group_{uuid.uuid4().hex}"
    with log.attacked() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {group}")
        for statement in statements:
            connection.exec_driver_sql(statement.format(name, group=group))
    try:
        for kind in ("--writer", "--reader"):
            outcome = _grant(log, kind, name)
            assert isinstance(outcome.exception, ConfigError)
            assert re.search(says, str(outcome.exception))
        with log.attacked() as connection:
            granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = %s"
            assert connection.exec_driver_sql(granted, (name,)).scalar_one() == 0
    finally:
        with log.attacked() as connection:
            for statement in (f"DROP OWNED BY {group}", f"DROP ROLE {group}", *then):
                connection.exec_driver_sql(statement.format(name))


def test_sqlite_knows_no_roles(tmp_path):
    """Told, with what to do instead; and a grant to nobody is a matter of usage."""
    with made("sqlite", tmp_path) as log:
        anyio.run(logs.sample, tmp_path)
        outcome = _grant(log, "--writer", "feed")
        assert "knows no roles" in str(outcome.exception)
        assert _grant(log).exit_code == 2


def test_26_a_writer_destroys_nothing(log, role):
    """Retention says so before anything is told: the log holds no word of what could not be done."""
    name, as_writer = role
    assert _grant(log, "--writer", name).exit_code == 0
    feed = log.folder / "feed.toml"
    (log.folder / "policy.toml").write_text(POLICY)
    feed.write_text(FEED.format(log.database) + 'policy = "policy.toml"\n')
    commands = CliRunner()
    done = commands.invoke(program, ["compliance", "policy", "adopt", str(feed), "--one-person-may-destroy"])
    assert done.exit_code == 0, done.output
    feed.write_text(FEED.format(as_writer.database))
    done = commands.invoke(program, ["audit", "retention", "apply", str(feed), "--yes"])
    assert done.exit_code == 2, done.output
    assert "nothing was destroyed, since it cannot be by this user" in done.output
    assert log.verified().sound
    feed.write_text(FEED.format(log.database))
    done = commands.invoke(program, ["audit", "retention", "apply", str(feed), "--yes"])
    assert "1 key destroyed" in done.output
    assert log.verified().sound
