"""docs/how-to/recover-a-corrupt-tail.md, followed after a crash, after a hand in the table, and after a torn file."""

import json
import sqlite3
from contextlib import closing

import anyio
import pytest

from drills.conftest import FEED, needs
from ticktrail.testing import ManualClock
from unit.compliance.logs import attack, sample

RUNS = 12
"""Of which the log is made, so that it is long enough to lose an end."""


@pytest.fixture
def page(reader, desk):
    (desk / "feed.toml").write_text(FEED + 'anchors = ["anchor.txt"]\n')
    return lambda **more: reader("recover-a-corrupt-tail", **more)


@pytest.fixture
def written(page, desk):
    """A log of some runs, and its verifier key; gives a reader."""
    for _ in range(RUNS):
        anyio.run(lambda: sample(desk, clock=ManualClock(), anchors=["anchor.txt"]))
    walk = page()
    walk.run("ticktrail audit key feed.toml > log.key")
    return walk


def entries(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT max(seq) FROM audit_entries").fetchone()[0]


def begun_anew(walk, follows):
    """The new log is sound, and names the old one by what its anchor knows."""
    walk.follow("Begin a new log", "Record it")
    walk.run("ticktrail ctl stop feed.toml")
    status, told = walk.run("ticktrail audit verify feed.toml")
    assert status == 0, told
    shown = walk.run("ticktrail audit show feed.toml --event predecessor_named --json")[1]
    assert json.loads(shown)["record"]["size"] == follows


def test_a_crash(page):
    """The feed is killed; its next start signs what it left."""
    walk = page()
    walk.run("ticktrail run feed.toml --max-ticks 5")
    walk.run("ticktrail run feed.toml")
    walk.wait_for(lambda: "sound" in walk.run("ticktrail audit verify feed.toml --quick")[1])
    walk.killed()
    walk.follow("Keep it, and look at a copy", "After a crash")
    walk.run("ticktrail ctl stop feed.toml")


def test_entries_that_were_deleted_at_the_end(written, desk):
    """The log is not gone on with; what is sound is taken out, and a new log points to the old one."""
    last = entries(desk / "audit.db")
    attack(desk, f"DELETE FROM audit_entries WHERE seq > {last - 2}")
    attack(desk, f"UPDATE audit_entries SET body = zeroblob(64) WHERE seq = {last - 3}")
    written.instead["LAST"] = str(last - 4)
    written.follow("Keep it, and look at a copy", "Not what was sealed")
    seqs = {json.loads(line)["seq"] for line in (desk / "sound.jsonl").read_text().splitlines()}
    assert seqs == set(range(1, last - 3))
    begun_anew(written, follows=last)


def test_a_file_that_was_cut(written, desk):
    """What the torn file holds still is read out of a copy, and the log says what of it is missing."""
    needs("sqlite3", "truncate")
    last = entries(desk / "audit.db")
    size = (desk / "audit.db").stat().st_size
    with (desk / "audit.db").open("r+b") as file:
        file.truncate(size - 4096)
    written.instead["LAST"] = "7"
    written.follow("Keep it, and look at a copy", "A torn file")
    assert len((desk / "sound.jsonl").read_text().splitlines()) >= 7
    assert entries(desk / "looked-at/salvaged.db") < last
    begun_anew(written, follows=last)
