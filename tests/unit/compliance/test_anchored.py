"""Whatever is done to a log or its anchors as a whole is found by the other of the two, and named."""

import base64
import os
import shutil

import anyio
import pytest

from ticktrail.errors import ConfigError
from ticktrail.testing import ManualClock
from ticktrail_compliance.acting import acting
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proof.anchor import Anchor, read_anchor
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.note import Signer
from ticktrail_compliance.recording.journal import Gathered
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.whole import verify
from unit.compliance.logs import attack, opened, routed, settings, up, write

ANCHOR = "anchor.txt"


async def _days(folder):
    """A log of three runs, a checkpoint after each, of 3, 6 and 9 entries; with a copy of its database after each."""
    for day in (1, 2, 3):
        await write(folder, [up(day), routed(day)], anchors=(ANCHOR,))
        shutil.copy(folder / "audit.db", folder / f"day-{day}.db")


@pytest.fixture(scope="module")
def anchored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anchored")
    anyio.run(_days, folder)
    assert outcome(folder).checkpoints == 3
    return folder


@pytest.fixture
def log(anchored, tmp_path):
    shutil.copytree(anchored, tmp_path, dirs_exist_ok=True)
    return tmp_path


def outcome(folder, *brought, own=(ANCHOR,)):
    anchors = [AnchorFile(folder / name, own=True) for name in own]
    with opened(folder) as audit:
        return verify(audit, anchors=[*anchors, *(AnchorFile(folder / name) for name in brought)])


def findings(folder, *brought, **more):
    found = outcome(folder, *brought, **more)
    assert found.sound == (not found.findings)
    return [(one.seq, one.what) for one in found.findings]


def signer_of(folder):
    with opened(folder) as audit:
        return audit.signer()


def forge(folder, size, root=bytes(32), *, signer=None, origin=None, name=ANCHOR):
    """Append a checkpoint that the feed never wrote."""
    signer = signer or signer_of(folder)
    anchor = Anchor(folder / name)
    anchor.open()
    anchor.append(Checkpoint(origin or signer.verifier.name, size, root).signed(signer))


def test_a_tail_that_was_cut_off_with_its_head(log):
    """Somebody with the master key cut the log and moved its head: only the anchor knows how far it went."""
    shutil.copy(log / "day-2.db", log / "audit.db")
    with opened(log) as audit:
        assert verify(audit).sound
    ((seq, what),) = findings(log)
    assert seq == 7
    assert "the tail was cut off: 3 entries are missing" in what
    assert f"anchor {log / ANCHOR}, line 11, knows entry 9" in what


def test_a_database_rolled_back_to_yesterdays_copy(log):
    """All of it, sound in itself."""
    shutil.copy(log / "day-1.db", log / "audit.db")
    ((seq, what),) = findings(log)
    assert seq == 4
    assert "6 entries are missing" in what
    assert "an older copy was put back" in what


def test_a_forked_log(log):
    """Put back to an older copy, and written on for longer than before: both branches are rightly signed."""
    shutil.copy(log / "day-1.db", log / "audit.db")
    anyio.run(lambda: write(log, [up(7), routed(7), up(8), routed(8), up(9), routed(9)]))
    with opened(log) as audit:
        assert verify(audit).sound
    ((seq, what),) = findings(log)
    assert seq == 4
    assert "the log was forked, or put back and written anew, before entry 7 and after entry 3" in what
    assert f"anchor {log / ANCHOR}, line 6," in what


def test_a_log_forked_at_its_beginning(log):
    """Not even the first checkpoint agrees."""
    forge(log, 1)
    ((seq, what),) = findings(log)
    assert seq == 1
    assert "written anew, before entry 2: anchor" in what


def test_two_anchors_that_know_two_branches(log):
    """One agrees and one does not: the one that does not is named, the other's checkpoints count."""
    anyio.run(lambda: write(log, [up(7)], anchors=(ANCHOR, "other.txt")))
    forge(log, 5, name="other.txt")
    found = outcome(log, own=(ANCHOR, "other.txt"))
    assert found.checkpoints == 7  # the new one is told at once how far the log goes
    assert "other.txt, line 11, has another root of its first 5 entries" in found.findings[0].what


def test_an_anchor_that_was_emptied(log):
    """A feed that ran has written to it."""
    (log / ANCHOR).write_bytes(b"")
    ((seq, what),) = findings(log)
    assert seq is None
    assert (
        f"anchor {log / ANCHOR} holds no checkpoint of this log, and the log has 9 entries: it was emptied"
        in what
    )


def test_an_anchor_that_was_removed(log):
    """The same."""
    (log / ANCHOR).unlink()
    ((_, what),) = findings(log)
    assert f"anchor {log / ANCHOR} is missing" in what


def test_an_anchor_whose_end_was_cut(log):
    """The log itself has the checkpoints that it lacks; one may be missing, since a crash leaves that."""
    lines = (log / ANCHOR).read_text().splitlines(keepends=True)
    assert len(lines) == 15
    (log / ANCHOR).write_text("".join(lines[:10]))
    assert findings(log) == []
    (log / ANCHOR).write_text("".join(lines[:5]))
    ((seq, what),) = findings(log)
    assert seq == 4
    assert f"anchor {log / ANCHOR} ends at entry 3, and the log has 2 later checkpoints of the feed" in what


def test_a_clock_that_jumps_cuts_nothing_off(tmp_path):
    """A machine that slept for a month between two checkpoints: what was not signed yet is no fault of the anchor's."""
    clock = ManualClock()
    recorder = Recorder(settings(anchors=(ANCHOR,)), tmp_path, "test", clock, lambda _: None)
    recorder.open()
    recorder.store([Gathered("control", (up(1),), 0, up(1).at_ns, up(1).at_ns)])
    recorder.checkpoint()
    for number in (2, 3):
        clock.step(30 * 86_400)
        recorder.store([Gathered("control", (up(number),), 0, up(number).at_ns, up(number).at_ns)])
    assert findings(tmp_path) == []
    recorder.close()


def test_commands_that_do_not_know_the_anchor(log):
    """What they add is signed in the log alone, until the feed runs again: nothing was cut off the anchor."""
    named = Named(settings(), log)
    for purpose in ("one", "another", "a third"):
        with acting(named, "checkpoint", purpose):
            pass
    assert outcome(log).own_checkpoints == 6
    assert findings(log) == []


def test_an_old_copy_of_an_anchor_may_be_brought(log):
    """What somebody kept last month ends early by right, and still must agree."""
    lines = (log / ANCHOR).read_text().splitlines(keepends=True)
    (log / "kept.txt").write_text("".join(lines[:5]))
    assert outcome(log, "kept.txt", own=()).checkpoints == 1
    assert outcome(log, "kept.txt").checkpoints == 4
    (log / "kept.txt").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"kept\.txt holds no checkpoint"):
        outcome(log, "kept.txt")
    with pytest.raises(ConfigError, match=r"nowhere\.txt cannot be read"):
        outcome(log, "nowhere.txt")


def test_a_checkpoint_signed_with_another_key(log):
    """Of the right name and with the right root, under a key that is not this log's: told by its number."""
    theirs = Signer(signer_of(log).verifier.name, os.urandom(32))
    forge(log, 9, signer=theirs)
    ((seq, what),) = findings(log)
    assert seq is None
    assert f"anchor {log / ANCHOR}, line 16: the note there is no checkpoint of this log" in what
    assert f"signed by {theirs.verifier.name} ({theirs.verifier.key_id.hex()}) alone" in what


def test_a_checkpoint_whose_size_was_changed(log):
    """The signature is of another text."""
    path = log / ANCHOR
    path.write_text(path.read_text().replace("\n6\n", "\n5\n"))
    found = outcome(log)
    assert found.checkpoints == 2
    assert "line 6: the note there is no checkpoint of this log: the signature of" in found.findings[0].what


def test_an_anchor_of_another_log(log, tmp_path_factory):
    """Told by the other log's name, and that this one's checkpoints are missing."""
    other = tmp_path_factory.mktemp("other")
    anyio.run(_days, other)
    shutil.copy(other / ANCHOR, log / ANCHOR)
    (_, what), (_, missing) = findings(log)
    assert f"it is of another log, {signer_of(other).verifier.name}, and not of" in what
    assert "(and 2 more of its notes)" in what
    assert "holds no checkpoint of this log" in missing


def test_a_log_and_an_anchor_put_back_together(log):
    """Both by somebody who reaches both: not found, which is why an anchor belongs elsewhere."""
    shutil.copy(log / "day-1.db", log / "audit.db")
    lines = (log / ANCHOR).read_text().splitlines(keepends=True)
    (log / ANCHOR).write_text("".join(lines[:5]))
    assert findings(log) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [("\N{EM DASH} ", "- ", 5), ("=\n\n", "\n\n", 1), ("\n3\n", "\n03\n", 1), ("=\n\n", "=\nmore\n\n", 1)],
)
def test_a_changed_line_of_an_anchor(log, old, new, line):
    """Its dash, its root, its size, a line more: a finding, by line, and the other notes still count."""
    path = log / ANCHOR
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    found = outcome(log)
    assert f"line {line}: the note there is no checkpoint of this log" in found.findings[0].what
    assert found.checkpoints == (1 if line == 5 else 2)


def test_rubbish_in_an_anchor(log):
    """Told by line; what stands before it counts."""
    path = log / ANCHOR
    path.write_text(f"{path.read_text()}rubbish\n{path.read_text()}")
    found = outcome(log)
    assert "line 16: the note there is no checkpoint" in found.findings[0].what
    assert found.checkpoints == 5


def test_a_note_that_a_crash_tore_is_no_finding(log):
    """It is counted."""
    path = log / ANCHOR
    path.write_bytes(path.read_bytes()[:-30])
    found = outcome(log)
    assert (found.sound, found.checkpoints, found.torn) == (True, 2, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entries WHERE seq = 3",
        "UPDATE audit_entries SET digest = zeroblob(32) WHERE seq = 3",
        "UPDATE audit_entries SET digest = 'text' WHERE seq = 3",
        "UPDATE audit_entries SET seq = -5 WHERE seq = 1",
        "DELETE FROM audit_entries",
        "DELETE FROM audit_head",
    ],
)
def test_a_broken_log_is_judged_as_far_as_it_goes(log, statement):
    """The walk's own findings stand beside theirs, and nothing crashes."""
    with opened(log) as audit:
        assert audit.count() == 9
    attack(log, statement)
    with opened(log) as audit:
        alone = verify(audit).findings
    found = outcome(log)
    assert alone
    assert set(alone) <= set(found.findings)


def test_a_changed_body_is_the_entrys_own_finding(log):
    """The digests are those that the anchors know, so the anchors agree; the entry does not with its digest."""
    attack(log, "UPDATE audit_entries SET body = x'00' || body WHERE seq = 2")
    found = outcome(log)
    assert found.checkpoints == 3
    assert {one.seq for one in found.findings} == {2}


def test_the_key_follows_from_the_master_key(log):
    """Nothing is stored: the same master key signs alike, another one does not."""
    before = str(signer_of(log).verifier)
    assert before == str(signer_of(log).verifier)
    assert before.startswith("ticktrail/")
    assert base64.b64decode((log / "audit.key").read_text()).hex() not in before
    notes = [one.note for one in read_anchor(log / ANCHOR)]
    assert all(note.verify([signer_of(log).verifier]) for note in notes)


def test_an_anchor_of_a_feed_that_has_signed_nothing_yet_is_no_finding(tmp_path):
    """A new log, verified before the first checkpoint of its feed; an anchor that is gone is told even then."""
    recorder = Recorder(settings(anchors=(ANCHOR,)), tmp_path, "test", ManualClock(), lambda _: None)
    recorder.open()
    try:
        assert (tmp_path / ANCHOR).read_bytes() == b""
        assert outcome(tmp_path).sound
        (tmp_path / ANCHOR).unlink()
        assert "is missing" in outcome(tmp_path).findings[0].what
        (tmp_path / ANCHOR).touch()
        recorder.checkpoint()
        assert outcome(tmp_path).checkpoints == 1
    finally:
        recorder.close()
    (tmp_path / ANCHOR).write_bytes(b"")
    assert "holds no checkpoint of this log" in outcome(tmp_path).findings[0].what
