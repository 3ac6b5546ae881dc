"""The tables of a log: made by migrations, brought forward by them, and never back."""

import shutil
from pathlib import Path

import anyio
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from sqlalchemy import text

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail_compliance.store import migrating, schema
from unit.compliance.logs import attacked, fetch, opened, sample, verified

NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("audit_more", sa.Column("id", sa.Integer, primary_key=True))
    {more}
"""


@pytest.fixture
def log(tmp_path, database):
    anyio.run(lambda: sample(tmp_path, database=database))
    return tmp_path


@pytest.fixture
def newer(tmp_path_factory, monkeypatch):
    """A program of the next version, while the block lasts."""
    place = tmp_path_factory.mktemp("newer")
    shutil.copytree(Path(migrating.__file__).parent / "migrations", place / "migrations")

    def to(more=""):
        (place / "migrations/log/versions/0003_more.py").write_text(NEXT.format(more=more))
        monkeypatch.setattr(migrating, "__file__", str(place / "migrating.py"))
        migrating._revisions.cache_clear()

    yield to
    migrating._revisions.cache_clear()


@pytest.mark.parametrize(
    ("keys", "metadata", "version"),
    [(False, schema.metadata, "audit_log_version"), (True, schema.key_metadata, "audit_keys_version")],
)
def test_migrations_make_what_the_program_expects(log, database, keys, metadata, version):
    """Every table, column and constraint: nothing would have to be changed."""
    names = set(metadata.tables)

    def ours(thing, name, kind, *_):
        return kind != "table" or name in names

    with attacked(log, database=database, keys=keys) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": version, "include_object": ours, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_log_is_brought_forward_by_who_writes_it(log, database, newer):
    """At its start, in one transaction; who reads is told to wait for that. What was sealed stays as it was."""
    before = verified(log, database=database).head
    newer()
    with pytest.raises(ConfigError, match=r"has an older layout .*`ticktrail audit migrate`"):
        opened(log, database=database)
    opened(log, database=database, write=True).close()
    assert fetch(log, text("SELECT version_num FROM audit_log_version"), database=database) == [("0003",)]
    assert fetch(log, text("SELECT count(*) FROM audit_more"), database=database) == [(0,)]
    assert verified(log, database=database).head == before
    anyio.run(lambda: sample(log, database=database))
    assert verified(log, database=database).sound


def test_a_migration_that_fails_changes_nothing(log, database, newer):
    """All of it or none: the log is what it was."""
    newer(more="op.execute('SELECT * FROM nowhere')")
    with pytest.raises(ConfigError, match="nowhere"):
        opened(log, database=database, write=True)
    assert fetch(log, text("SELECT version_num FROM audit_log_version"), database=database) == [("0002",)]
    with pytest.raises(Exception, match="audit_more"):
        fetch(log, text("SELECT * FROM audit_more"), database=database)


def test_an_older_program_refuses_what_is_newer(log, database, newer, monkeypatch):
    """To read and to write."""
    newer()
    opened(log, database=database, write=True).close()
    monkeypatch.undo()
    migrating._revisions.cache_clear()
    for write_too in (False, True):
        with pytest.raises(ConfigError, match=r"has layout 0003, newer than this program's 0002; upgrade"):
            opened(log, database=database, write=write_too)


def test_the_command(log, database, newer):
    """Forward by hand; a database without a log is named, and none is made."""
    url = database if database.startswith("postgres") else f"sqlite:///{log / 'audit.db'}"
    options = ["--database", url, "--key", f"file:{log / 'audit.key'}"]
    newer()
    done = CliRunner().invoke(program, ["audit", "migrate", *options])
    assert done.exit_code == 0, done.output
    assert "has layout 2, with 7 entries" in done.output
    assert fetch(log, text("SELECT version_num FROM audit_log_version"), database=database) == [("0003",)]
    done = CliRunner().invoke(
        program, ["audit", "migrate", "--database", f"sqlite:///{log / 'no.db'}", *options[2:]]
    )
    assert done.exit_code == 2
    assert not (log / "no.db").exists()


def test_a_log_of_before_the_first_release(log, database):
    """The layout that no release wrote is told as such."""
    with attacked(log, database=database) as connection:
        connection.execute(text("ALTER TABLE audit_log RENAME COLUMN layout TO schema_version"))
    with pytest.raises(ConfigError, match="before its first release"):
        opened(log, database=database)
