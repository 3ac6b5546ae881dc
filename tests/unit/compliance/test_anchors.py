"""Anchors: what is written to them, when, and how they stand a crash, a full disk and a wrong path."""

import os
import shutil
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
import sqlalchemy

from nobody import NOBODY, nobody
from ticktrail.errors import AuditError, ConfigError
from ticktrail.testing import ManualClock
from ticktrail_compliance.proof.anchor import MOST_LARGEST, Anchor, last_note, read_anchor
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.merkle import Frontier
from ticktrail_compliance.proof.note import Signer
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.store import schema
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.whole import verify
from unit.compliance.logs import (
    ENTRIES,
    attack,
    change,
    context,
    fetch,
    opened,
    remove,
    routed,
    sample,
    settings,
    up,
    verified,
    write,
)

pytestmark = pytest.mark.anyio
SIGNER = Signer("ticktrail/a-log", bytes(32))


def note(size):
    return Checkpoint("ticktrail/a-log", size, bytes(32)).signed(SIGNER)


def checkpoints(path):
    """What an anchor holds, all of it checkpoints."""
    found = list(read_anchor(path))
    assert all(one.note is not None for one in found)
    return [Checkpoint.parse(one.note.text) for one in found]


def root_of(folder, size):
    with opened(folder) as log:
        tree = Frontier()
        tree.extend(log.digests(0, size))
    return tree.root()


async def test_a_checkpoint_at_the_stop(tmp_path):
    """Of everything that was sealed, in each anchor; mode 0600, closed to others."""
    names = ("one.txt", "two.txt")
    await write(tmp_path, [up(1), routed(1)], anchors=names)
    for name in names:
        (found,) = checkpoints(tmp_path / name)
        with opened(tmp_path) as log:
            assert found == Checkpoint(f"ticktrail/{log.log_id}", 3, root_of(tmp_path, 3))
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


async def test_checkpoints_while_it_runs(tmp_path):
    """Each `checkpoint_s`, of what is sealed by then, and none where nothing is new."""
    anchor = tmp_path / "anchor.txt"
    more = {"anchors": ("anchor.txt",), "checkpoint_s": 0.05}
    async with open_audit(settings(**more), context(tmp_path)) as observer:
        for size in (2, 3):
            await observer.observe([up(size)])
            with anyio.fail_after(60):
                while not any(found.size == size for found in checkpoints(anchor)):  # noqa: ASYNC110 - a file rings no bell
                    await anyio.sleep(0.01)
    assert [found.size for found in checkpoints(anchor)] in (
        [2, 3],
        [1, 2, 3],
    )  # who writes stands there from the start
    assert all(found.root == root_of(tmp_path, found.size) for found in checkpoints(anchor))


async def test_the_next_run_goes_on(tmp_path):
    """The tree is built anew from the digests; a checkpoint of what an anchor does not have yet comes at once."""
    await sample(tmp_path)
    async with open_audit(settings(anchors=("anchor.txt",)), context(tmp_path)) as observer:
        assert [found.size for found in checkpoints(tmp_path / "anchor.txt")] == [ENTRIES + 1]
        await observer.observe([up(7)])
    assert [found.size for found in checkpoints(tmp_path / "anchor.txt")] == [ENTRIES + 1, ENTRIES + 2]
    assert checkpoints(tmp_path / "anchor.txt")[-1].root == root_of(tmp_path, ENTRIES + 2)
    with opened(tmp_path) as log:
        outcome = verify(log, anchors=[AnchorFile(tmp_path / "anchor.txt", own=True)])
    assert (outcome.sound, outcome.checkpoints) == (True, 2)


async def test_without_anchors_nothing_is_written(tmp_path):
    """Database, data keys and the key."""
    await sample(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"audit.db", "audit-keys.db", "audit.key"}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("audit.db", "a file of the audit log itself"),
        ("./audit.db-wal", "a file of the audit log itself"),
        ("audit-keys.db", "a file of the audit log itself"),
        ("audit.key", "a file of the audit log itself"),
        ("link.txt", "a file of the audit log itself"),
        ("folder", "is a folder: name a file in it"),
        ("nowhere/anchor.txt", "folder that is there"),
        ("pipe", "is no file"),
    ],
)
async def test_what_cannot_be_an_anchor(tmp_path, name, says):
    """Told at the start, with its path."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.txt").symlink_to("audit.db")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=says) as caught:
        await write(tmp_path, [up(1)], anchors=(name,))
    assert name.removeprefix("./") in str(caught.value)


async def test_an_anchor_that_stands_twice(tmp_path):
    """However its path is written."""
    with pytest.raises(ConfigError, match="stands twice"):
        await write(tmp_path, [up(1)], anchors=("a.txt", "./a.txt"))


async def test_an_anchor_that_may_not_be_written(tmp_path):
    """A file of somebody else: told at the start."""
    (tmp_path / "anchor.txt").touch(0o444)
    (tmp_path / "log").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "log", NOBODY, NOBODY)
    with (
        nobody(tmp_path),
        pytest.raises(ConfigError, match=r"anchor\.txt cannot be written: Permission denied"),
    ):
        await write(tmp_path / "log", [up(1)], anchors=("../anchor.txt",))


async def test_an_anchor_of_another_log(tmp_path):
    """The last note is another log's: a file of its own is asked for, and nothing is written to it."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    await write(tmp_path / "one", [up(1)], anchors=("../anchor.txt",))
    await write(tmp_path / "two", [up(1)])
    before = (tmp_path / "anchor.txt").read_bytes()
    with pytest.raises(ConfigError, match=r"no checkpoint of this log .*name another file"):
        await write(tmp_path / "two", [up(1)], anchors=("../anchor.txt",))
    assert (tmp_path / "anchor.txt").read_bytes() == before


@pytest.mark.parametrize("attack", ["gone", "cut", "folder"])
async def test_an_anchor_that_fails_halts_the_feed(tmp_path, attack):
    """Removed, emptied or replaced while the feed runs: an error that halts, and the log stays sound."""
    anchor = tmp_path / "anchor.txt"
    more = {"anchors": ("anchor.txt",), "checkpoint_s": 0.05}
    await write(tmp_path, [up(1)], **more)

    async def go_on():
        async with open_audit(settings(**more), context(tmp_path)) as observer:
            if attack == "cut":
                anchor.write_bytes(b"")
            else:
                anchor.unlink()
            if attack == "folder":
                anchor.mkdir()
            await observer.observe([up(2)])
            await anyio.sleep_forever()

    with pytest.raises((AuditError, ExceptionGroup)) as caught:
        await go_on()
    leaves = list(_leaves(caught.value))
    assert leaves
    assert all(isinstance(one, AuditError) and str(anchor) in str(one) for one in leaves)
    assert verified(tmp_path).sound


def _leaves(error):
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _leaves(one)
    else:
        yield error


async def test_a_log_that_an_anchor_contradicts_takes_no_more_entries(tmp_path):
    """Put back to an older copy: neither an entry nor a checkpoint is added, since both would make it good."""
    await write(tmp_path, [up(1)], anchors=("anchor.txt",))
    shutil.copy(tmp_path / "audit.db", tmp_path / "yesterday.db")
    await write(tmp_path, [up(2)], anchors=("anchor.txt",))
    shutil.copy(tmp_path / "yesterday.db", tmp_path / "audit.db")
    before = (tmp_path / "anchor.txt").read_bytes()
    with pytest.raises(
        ConfigError, match=r"ends at entry 2, and anchor .*anchor\.txt knows 4: nothing is signed"
    ):
        await write(tmp_path, [up(3)], anchors=("anchor.txt",))
    assert verified(tmp_path).entries == 2
    await write(tmp_path, [up(3), up(4)])  # without the anchor nobody sees it; with it, it is a fork
    with pytest.raises(ConfigError, match="first 4 entries are not those that anchor"):
        await write(tmp_path, [up(5)], anchors=("anchor.txt",))
    assert (tmp_path / "anchor.txt").read_bytes() == before


async def test_an_old_note_that_is_added_again_makes_nothing_good(tmp_path):
    """The anchor is judged by its largest checkpoint: an older copy is refused, and the log itself goes on."""
    anchor = tmp_path / "anchor.txt"
    await write(tmp_path, [up(1)], anchors=("anchor.txt",))
    old = anchor.read_bytes()
    shutil.copy(tmp_path / "audit.db", tmp_path / "yesterday.db")
    await write(tmp_path, [up(2)], anchors=("anchor.txt",))
    shutil.copy(tmp_path / "audit.db", tmp_path / "today.db")
    with anchor.open("ab") as file:
        file.write(old)
    shutil.copy(tmp_path / "yesterday.db", tmp_path / "audit.db")
    with pytest.raises(ConfigError, match=r"ends at entry 2, and anchor .*anchor\.txt knows 4"):
        await write(tmp_path, [up(3)], anchors=("anchor.txt",))
    shutil.copy(tmp_path / "today.db", tmp_path / "audit.db")
    await write(tmp_path, [up(3)], anchors=("anchor.txt",))
    assert [found.size for found in checkpoints(anchor)] == [2, 4, 2, 6]
    assert verified(tmp_path, anchors=[AnchorFile(anchor, 60)]).sound


@pytest.mark.parametrize("false", [1, MOST_LARGEST])
async def test_a_false_note_with_a_large_size_hides_no_other(tmp_path, false):
    """Few are passed over; where there are as many as are looked at, the anchor is refused."""
    anchor = tmp_path / "anchor.txt"
    await write(tmp_path, [up(1)], anchors=("anchor.txt",))
    own = anchor.read_bytes()
    anchor.write_bytes(b"".join(str(note(10**9 + n)).encode() for n in range(false)) + own)
    if false < MOST_LARGEST:
        await write(tmp_path, [up(2)], anchors=("anchor.txt",))
    else:
        with pytest.raises(ConfigError, match="largest checkpoints are none of this log's"):
            await write(tmp_path, [up(2)], anchors=("anchor.txt",))


@pytest.mark.parametrize("anchors", [(), ("anchor.txt",)])
async def test_a_log_that_is_put_back_under_a_running_feed_is_not_gone_on_with(tmp_path, anchors):
    """Rows and head of an earlier moment, by who has no keys: nothing is added and nothing is signed any more."""
    recorder = Recorder(settings(anchors=anchors), tmp_path, "test", ManualClock(), lambda _: None)
    recorder.open()
    try:
        recorder.store([gathered_act("control", up(1))])
        recorder.checkpoint()
        (head,) = fetch(tmp_path, sqlalchemy.select(schema.head))
        for number in (2, 3):
            recorder.store([gathered_act("control", up(number))])
        recorder.checkpoint()
        remove(tmp_path, schema.entries, schema.entries.c.seq > head.seq)
        remove(tmp_path, schema.checkpoints, schema.checkpoints.c.size > head.seq)
        change(tmp_path, schema.head, dict(head._mapping))
        with pytest.raises(AuditError, match="entry 4, which this process added, is not there any more"):
            recorder.store([gathered_act("control", up(4))])
        with pytest.raises(
            AuditError, match="ends at entry 2, and the last checkpoint of this process knows"
        ):
            recorder.checkpoint()
    finally:
        recorder.close()
    if anchors:
        assert [found.size for found in checkpoints(tmp_path / "anchor.txt")] == [2, 4]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM audit_entries WHERE seq = 3", "entry 3 is missing"),
        ("UPDATE audit_entries SET digest = randomblob(32) WHERE seq = 3", "entry 4 does not follow"),
        ("UPDATE audit_entries SET digest = 'text' WHERE seq = 3", "entry 3 does not follow"),
        ("UPDATE audit_entries SET previous = randomblob(32) WHERE seq = 1", "entry 1 does not follow"),
        (
            "UPDATE audit_entries SET digest = randomblob(32) WHERE seq = 7",
            "7 entries are not those that were sealed",
        ),
    ],
)
async def test_a_log_with_a_hole_has_no_root(tmp_path, statement, says):
    """An entry that is missing or changed: no checkpoint vouches for it, and it is named."""
    await sample(tmp_path)
    attack(tmp_path, statement)
    with pytest.raises((AuditError, ConfigError), match=says):
        await write(tmp_path, [up(7)], anchors=("anchor.txt",))
    assert (tmp_path / "anchor.txt").read_bytes() == b""


KILLED = """
import sys, anyio
from pathlib import Path
from ticktrail_compliance.recording.observer import open_audit
from unit.compliance.logs import context, routed, settings, up

async def main():
    more = {"anchors": ("anchor.txt",), "checkpoint_s": 0.001}
    async with open_audit(settings(**more), context(Path(sys.argv[1]))) as observer:
        for number in range(100_000):
            await observer.observe([up(number), routed(number)])
            print(number, flush=True)

anyio.run(main)
"""


def test_a_killed_feed_leaves_a_log_that_its_anchor_agrees_with(tmp_path):
    """No checkpoint is ahead of the database; what it is behind by is anchored at the next start."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as victim:
        for line in victim.stdout:
            if int(line) >= 100:
                victim.kill()
                break
    anchors = [AnchorFile(tmp_path / "anchor.txt", own=True)]
    with opened(tmp_path) as log:
        found = verify(log, anchors=anchors)
    assert found.sound, found.findings
    assert found.checkpoints > 1
    anyio.run(lambda: write(tmp_path, [], anchors=("anchor.txt",)))
    with opened(tmp_path) as log:
        assert Checkpoint.parse(last_note(tmp_path / "anchor.txt").text).size == log.count() >= 100
        assert verify(log, anchors=anchors).sound


def test_a_torn_note_costs_itself_alone(tmp_path):
    """Cut at any byte by a crash: the notes before and after are read, and the torn one is told from a changed one."""
    torn = str(note(2)).encode()
    for kept in range(len(torn) + 1):
        path = tmp_path / f"{kept}.txt"
        path.write_bytes(str(note(1)).encode() + torn[:kept])
        assert all(one.torn for one in read_anchor(path) if one.note is None)
        anchor = Anchor(path)
        anchor.open()
        anchor.append(note(3))
        found = list(read_anchor(path))
        whole = [Checkpoint.parse(one.note.text).size for one in found if one.note is not None]
        assert whole == ([1, 2, 3] if kept >= len(torn) - 1 else [1, 3]), kept
        assert all(one.torn for one in found if one.note is None), kept
        assert Checkpoint.parse(last_note(path).text).size == 3


def test_two_who_write_to_an_anchor(tmp_path):
    """A feed, and somebody by hand: no note is lost or torn, since each goes to the end, wherever that is by then."""
    path = tmp_path / "anchor.txt"

    def append(sizes):
        anchor = Anchor(path)
        anchor.open()
        for size in sizes:
            anchor.append(note(size))

    with ThreadPoolExecutor(4) as writers:
        for done in [writers.submit(append, range(first, 200, 4)) for first in range(4)]:
            done.result()
    assert sorted(found.size for found in checkpoints(path)) == list(range(200))


def test_an_anchor_that_can_only_be_appended_to(tmp_path):
    """As `chattr +a` makes a file: it is all that an anchor needs."""
    path = tmp_path / "anchor.txt"
    path.touch(0o600)
    if shutil.which("chattr") is None or subprocess.run(["chattr", "+a", path], check=False).returncode:
        pytest.skip("no append-only files here: that takes root, chattr and a file system that has them")
    try:
        anchor = Anchor(path)
        anchor.open()
        anchor.append(note(1))
        anchor.append(note(2))
        with pytest.raises(PermissionError):
            path.write_bytes(b"")
        assert [found.size for found in checkpoints(path)] == [1, 2]
    finally:
        subprocess.run(["chattr", "-a", path], check=True)


def test_a_changed_note_is_not_a_torn_one(tmp_path):
    """A line without its mark in the middle of the file is what no crash leaves."""
    path = tmp_path / "anchor.txt"
    path.write_text(f"{note(1)}{str(note(2)).replace('=', '')}{note(3)}")
    damaged = [found for found in read_anchor(path) if found.note is None]
    assert [(found.line, found.torn) for found in damaged] == [(6, False)]


def test_an_anchor_of_rubbish_is_read_within_bounds(tmp_path):
    """Megabytes without a line, and of short lines: told, and what follows is read."""
    path = tmp_path / "anchor.txt"
    for rubbish in (b"x" * 2**20, b"x\n" * 2**19):
        path.write_bytes(rubbish + b"\n\n" + str(note(3)).encode())
        found = list(read_anchor(path))
        assert "hold no note" in found[0].why
        assert Checkpoint.parse(found[-1].note.text).size == 3


@pytest.mark.anyio
@pytest.mark.parametrize("left", [None, b""])
async def test_a_lost_database_is_refused_and_no_new_one_is_made(tmp_path, left):
    """An anchor knows the log: whatever would stand in its place would hide that it is gone."""
    await write(tmp_path, [up(1)], anchors=("anchor.txt",))
    for path in (*tmp_path.glob("audit*.db*"), tmp_path / "audit.key"):
        path.unlink()
    if left is not None:
        (tmp_path / "audit.db").write_bytes(left)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        ConfigError, match=r"no audit log in sqlite:///.*anchor .*anchor\.txt knows one: nothing was"
    ):
        await write(tmp_path, [up(1)], anchors=("anchor.txt",))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
