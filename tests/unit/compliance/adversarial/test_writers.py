"""15. and 23. Processes that write one log at the same time, and a copy that is made meanwhile."""

import contextlib
import os
import shutil
import subprocess
import sys
from itertools import pairwise

import anyio
import pytest
import sqlalchemy

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.store import schema
from unit.compliance.logs import context, fetch, opened, routed, settings, up, verified

ROUNDS = 120
CODE = """
import os, pathlib, sys, anyio
from ticktrail_compliance.recording.observer import open_audit
from unit.compliance.logs import context, routed, settings, up

async def main(folder, database, rounds, writers):
    folder = pathlib.Path(folder)
    async with open_audit(settings(database=database), context(folder)) as observer:
        (folder / f"ready-{os.getpid()}").touch()
        while len(list(folder.glob("ready-*"))) < writers:
            await anyio.sleep(0.01)
        for number in range(rounds):
            await anyio.sleep(0.005)  # as a feed has to wait for its ticks
            await observer.observe([routed(number), routed(number), up(number)])

anyio.run(main, *sys.argv[1:3], *map(int, sys.argv[3:5]))
"""


def _writer(log, rounds=ROUNDS, writers=1):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", CODE, str(log.folder), log.database, str(rounds), str(writers)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def _all_end_well(writers):
    for writer in writers:
        _, said = writer.communicate(timeout=120)
        assert writer.returncode == 0, said


def test_15_two_processes_write_one_log(fresh):
    """Both begin a new log at once: all entries are kept in one order, and each writer's counter has no hole."""
    _all_end_well([_writer(fresh, writers=2), _writer(fresh, writers=2)])
    outcome = fresh.verified()
    assert outcome.sound
    assert (outcome.segments, outcome.ticks) == (2 * ROUNDS, 2 * ROUNDS * 4)
    table = schema.entries.c
    rows = fresh.fetch(sqlalchemy.select(table.writer, table.counter).order_by(table.seq))
    of = {writer: [counter for one, counter in rows if one == writer] for writer in (1, 2)}
    assert sum(map(len, of.values())) == len(rows)
    for counters in of.values():
        assert counters == list(range(1, len(counters) + 1))
        assert len(counters) >= 2 * ROUNDS + 1
    changes = sum(one[0] != two[0] for one, two in pairwise(rows))
    assert changes > 1, "they wrote one after the other"


def test_15_a_log_is_verified_while_it_is_written(fresh):
    """What a writer adds meanwhile is no finding: entries, tiles, checkpoints and keys of one moment are looked at."""
    fresh.write([up(0)])
    seen = set()
    for _ in range(5):  # one writer may be through before a busy machine has verified often enough
        writer = _writer(fresh)
        while writer.poll() is None:
            outcome = fresh.verified()
            assert outcome.findings == ()
            seen.add(outcome.entries)
        _all_end_well([writer])
        if len(seen) > 2:
            break
    assert len(seen) > 2


def test_23_a_copy_of_an_open_file_verifies_or_says_that_it_is_torn(tmp_path):
    """SQLite: a copy that is made while a feed writes, with its write-ahead log or without, of both files."""
    source = tmp_path / "source"
    source.mkdir()
    both = ("audit.db", "audit-keys.db")

    async def copy_while_open():
        async with open_audit(settings(), context(source)) as observer:
            for number in range(12):
                await observer.observe([routed(number), routed(number), up(number)])
                whole = [f"{name}{end}" for name in both for end in ("", "-wal")]
                for name, files in (("whole", whole), ("part", both)):
                    target = tmp_path / f"{name}-{number}"
                    target.mkdir()
                    for file in [*files, "audit.key"]:
                        shutil.copy(source / file, target / file)

    anyio.run(copy_while_open)
    for number in range(12):
        whole = verified(tmp_path / f"whole-{number}")
        assert whole.sound
        assert whole.segments == number + 1
        with contextlib.suppress(ConfigError, AuditError):  # before all is in the file there are no tables
            part = verified(tmp_path / f"part-{number}")
            assert part.entries <= whole.entries


def test_23_a_copy_that_is_torn_in_the_middle_is_told(tmp_path):
    """SQLite: the file's second half is of another moment, or gone: a finding or an error, never a crash."""
    source = tmp_path / "source"
    source.mkdir()

    async def run(numbers):
        async with open_audit(settings(), context(source)) as observer:
            for number in numbers:
                await observer.observe([routed(number), routed(number), up(number)])

    anyio.run(run, range(60))
    early = (source / "audit.db").read_bytes()
    anyio.run(run, range(60, 120))
    late = (source / "audit.db").read_bytes()
    for torn in (late[: len(early)], early[: len(early) // 2], late[:8192] + early[8192:]):
        (source / "audit.db").write_bytes(torn)
        with contextlib.suppress(AuditError, ConfigError):
            assert not verified(source).sound
            with opened(source):
                fetch(source, sqlalchemy.text("PRAGMA schema_version"))


@pytest.mark.parametrize("file", ["audit.db", "audit-keys.db"])
def test_23_a_log_without_one_of_its_files_is_told(tmp_path, file):
    """SQLite: with the remedy."""
    anyio.run(_one, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(ConfigError, match=file.replace(".", r"\.")):
        verified(tmp_path)


async def _one(folder):
    async with open_audit(settings(), context(folder)) as observer:
        await observer.observe([up(1)])
