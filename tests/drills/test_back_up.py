"""docs/how-to/back-up-the-log.md, followed on a feed that runs."""

import sqlite3
from contextlib import closing

import pytest

from drills.conftest import needs
from unit.compliance.logs import postgres


@pytest.fixture
def at_the_desk(reader, desk):
    """A reader of the page, at a desk with another disk."""
    needs("sqlite3")
    (desk / "other-disk").mkdir()
    return lambda **more: reader("back-up-the-log", **more)


def test_sqlite_is_backed_up_while_the_feed_runs_and_restored(at_the_desk, desk):
    """The newest backup passes the control, and opens with what is kept elsewhere alone."""
    walk = at_the_desk().follow("Say where it is", "Back up SQLite", "Test the backup")
    first = {path.stat().st_mtime_ns for path in (desk / "key-backups").glob("*.db")}
    walk.follow("Keep retention true")
    assert {path.stat().st_mtime_ns for path in (desk / "key-backups").glob("*.db")} != first
    assert walk.feed.poll() is None
    walk.run("ticktrail ctl stop feed.toml")
    for path in (desk / "backups").glob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        assert "audit_entries" in names
        assert "audit_keys" not in names, "log and data keys are in one backup"


def test_postgresql_is_backed_up_while_the_feed_runs(at_the_desk, desk):
    """The dump holds the log and none of its keys, and restores to a log that is sound."""
    needs("pg_dump", "pg_restore")
    with postgres() as url:
        name = url.rpartition("/")[2]
        here = {"db.example": "127.0.0.1:5432", "ticks_audit": name}
        walk = at_the_desk(instead=here).follow("Back up PostgreSQL")
        walk.run("ticktrail ctl stop feed.toml")
        (dump,) = (desk / "backups").glob("*.dump")
        listed = walk.run(f"pg_restore --list {dump}")[1]
        assert "audit_entries" in listed
        assert "audit_keys" not in listed
        with postgres() as other:
            assert walk.run(f"pg_restore --no-owner --dbname {other.replace('+psycopg', '')} {dump}")[0] == 0
            (keys,) = (desk / "key-backups").glob("*.db")
            named = f"--database {other} --keys sqlite:///{keys} --key file:safe/audit.key"
            status, told = walk.run(
                f"ticktrail audit verify {named} --anchor other-disk/checkpoints.txt --no-incident"
            )
            assert status == 0, told
