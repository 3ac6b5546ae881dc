"""docs/how-to/recover-a-lost-database.md, followed after a disk was lost, and after a database was dropped."""

import json

import pytest

from drills.conftest import needs
from unit.compliance.logs import administer, postgres

SPOOLED = 20
"""Ticks that the feed is to deliver without its database."""


def lines(path):
    return path.read_text().splitlines()


@pytest.fixture
def backed_up(reader, desk):
    """A feed that runs, was backed up as its page says, and goes on after that."""
    needs("sqlite3")
    (desk / "other-disk").mkdir()

    def make(*headings, **more):
        walk = reader("back-up-the-log", **more).follow(*headings)
        before = len(lines(desk / "ticks.jsonl"))
        walk.wait_for(lambda: len(lines(desk / "ticks.jsonl")) > before + SPOOLED)
        return walk

    return make


def anchored(desk):
    """How many entries an anchor knows of."""
    return max(
        (
            int(line)
            for path in (desk / "other-disk").glob("anchor*")
            for line in lines(path)
            if line.isdigit()
        ),
        default=0,
    )


def test_a_lost_disk(backed_up, reader, desk):
    """How much is lost is proven, a new log names the old one, and the incident holds the evidence."""
    walk = backed_up("Say where it is", "Back up SQLite")
    walk.run("ticktrail audit checkpoint feed.toml --to other-disk/checkpoints.txt")
    walk.run("ticktrail ctl stop feed.toml")
    last = json.loads(walk.run("ticktrail audit show feed.toml --event feed_stopped --json")[1])["seq"]
    status, told = walk.run(f"ticktrail audit prove feed.toml {last} --out entry.tlog-proof")
    assert status == 0, told
    for path in desk.glob("audit*.db*"):
        path.unlink()
    reading = reader("recover-a-lost-database").follow(
        "Keep what is left",
        "Restore SQLite",
        "Compare with the anchors",
        "What can be proven of what is lost",
        "Begin a new log",
        "Record it",
    )
    assert "closed" in reading.run("ticktrail incident list feed.toml --all")[1]
    reading.run("ticktrail ctl stop feed.toml")
    shown = reading.run("ticktrail audit show feed.toml --event predecessor_named --json")[1]
    sizes = [int(line) for line in lines(desk / "lost/anchor.txt") if line.isdigit()]
    assert json.loads(shown)["record"]["size"] == max(sizes)


def test_a_looked_at_copy_is_not_added_to_where_an_anchor_contradicts_it(backed_up, reader, desk):
    """Under a policy a verification is recorded; not in a log that was put back, for which nothing is signed."""
    backed_up("Say where it is", "Back up SQLite").run("ticktrail ctl stop feed.toml")
    for path in desk.glob("audit*.db*"):
        path.unlink()
    walk = reader("recover-a-lost-database").follow("Keep what is left", "Restore SQLite")
    named = "--database sqlite:///looked-at/audit.db --key file:audit.key"
    counts = []
    for _ in range(2):
        status, told = walk.run(f"ticktrail audit verify {named} --anchor lost/anchor.txt --json")
        assert status == 1
        counts.append(json.loads(told.splitlines()[0])["entries"])
    assert counts[0] == counts[1]


def test_a_feed_that_is_started_without_its_database_does_not_go_on(backed_up, desk):
    """Its anchor knows the log, as the page says: nothing is made in its place."""
    walk = backed_up("Say where it is", "Back up SQLite")
    walk.run("ticktrail ctl stop feed.toml")
    for path in desk.glob("audit*.db*"):
        path.unlink()
    status, told = walk.run("ticktrail run feed.toml --max-ticks 1")
    assert status == 2
    assert "there is no audit log in" in told
    assert not list(desk.glob("audit*.db*"))


def test_a_dropped_database_and_a_spool(backed_up, reader, desk):
    """The feed goes on; what it kept stands in the restored log afterwards, and the break is told by the old anchor."""
    needs("pg_dump", "pg_restore", "psql")
    with postgres() as url:
        name = url.rpartition("/")[2]
        here = {"db.example": "127.0.0.1:5432", "ticks_audit": name}
        walk = backed_up("Back up PostgreSQL", instead=here)

        def drop():
            for _ in range(2):  # the first may be of what the backup holds, the second is of more
                signed = anchored(desk)
                walk.wait_for(lambda signed=signed: anchored(desk) > signed)
            administer(f"DROP DATABASE {name} WITH (FORCE)")
            walk.wait_for(lambda: any((desk / "audit-spool").glob("*.spool")))
            before = len(lines(desk / "ticks.jsonl"))
            walk.wait_for(lambda: len(lines(desk / "ticks.jsonl")) > before + SPOOLED)

        page = reader(
            "recover-a-lost-database",
            instead=here,
            disasters={"the database is dropped under the running feed": drop},
        )
        page.feed, walk.feed = walk.feed, None
        try:
            page.follow("With PostgreSQL and a spool")
        finally:
            page.close()
        assert not any((desk / "audit-spool").glob("*.spool"))
