"""Checkpoints and anchors: emptied, signed by others, or of a log that was put back."""

import shutil
from contextlib import ExitStack

import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.note import Signer
from ticktrail_compliance.store import schema
from ticktrail_compliance.verify.anchored import AnchorFile
from unit.compliance.adversarial.attacks import Log, add_many, made
from unit.compliance.adversarial.test_rows import cut_with_the_logs_own_keys
from unit.compliance.logs import routed, up

TABLE = schema.checkpoints
ANCHOR = "anchor.txt"


@pytest.fixture
def three(log):
    """A log with checkpoints of 1, 7, 8, … entries."""
    log.write([up(1)])
    log.write([up(2), routed(2)])
    return log


def _numbers(log):
    return sorted(number for (number, *_) in log.fetch(TABLE.select()))


def test_8_an_emptied_table_of_checkpoints_is_found(three):
    """All gone: the head knows how many there were."""
    count = len(_numbers(three))
    three.remove(TABLE)
    assert three.findings() == [(None, f"{count} checkpoints are missing at the end of {count}")]


@pytest.mark.parametrize("place", [0, 2, -1])
def test_8_one_checkpoint_that_is_missing_is_found(three, place):
    """The first, one in the middle, the last."""
    number = _numbers(three)[place]
    three.remove(TABLE, TABLE.c.number == number)
    ((_, what),) = three.findings()
    last = len(_numbers(three)) + 1
    assert what == (
        f"1 checkpoint is missing at the end of {last}"
        if number == last
        else f"checkpoint {number} is missing"
    )


def test_9_a_checkpoint_signed_with_another_key_is_found(three):
    """The same text, rightly signed, by a key of the same name."""
    row = three.row(TABLE, TABLE.c.number == 2)
    with three.opened() as opened:
        name = opened.signer().verifier.name
        root = opened.roots(row["size"])(0, row["size"])
    forged = str(Checkpoint(name, row["size"], root).signed(Signer(name, bytes(32))))
    three.change(TABLE, {"note": forged}, TABLE.c.number == 2)
    assert "checkpoint 2 is none of this log" in three.told()


def test_9_a_checkpoint_of_another_root_under_the_logs_own_key_is_found(three):
    """Signed by whoever has the keys, of a log that is not this."""
    row = three.row(TABLE, TABLE.c.number == 2)
    with three.opened() as opened:
        forged = Checkpoint(opened.signer().verifier.name, row["size"], bytes(32)).signed(opened.signer())
    three.change(TABLE, {"note": str(forged)}, TABLE.c.number == 2)
    ((seq, what),) = three.findings()
    assert seq == row["size"]
    assert "checkpoint 2 has another root" in what


def test_8_a_checkpoint_that_no_feed_wrote_is_found(three):
    """One more than the head knows."""
    number = _numbers(three)[-1] + 1
    with three.attacked() as connection:
        connection.execute(TABLE.insert().values(number=number, size=10_000, note="x"))
    assert f"checkpoints after {number - 1} were not added by a feed" in three.told()


def test_3_a_cut_that_takes_checkpoints_and_head_along_is_found_by_an_anchor(log):
    """Whoever has the keys leaves a log that is sound in itself; the anchor knows how far it went."""
    log.write([up(1)], anchors=(ANCHOR,))
    anchors = [AnchorFile(log.folder / ANCHOR)]
    assert log.findings(anchors=anchors) == []
    with log.opened() as opened:
        before = opened.head().seq
    cut_with_the_logs_own_keys(log, 5)
    first = log.findings(anchors=anchors)[-1]
    assert f"entries are missing (the log ends at entry 5, and anchor {anchors[0].path}" in log.told(
        anchors=anchors
    )
    assert first[0] == 6
    assert before == 9
    with pytest.raises(ConfigError, match="knows 9: nothing is signed for a log that was cut"):
        log.write([up(2)], anchors=(ANCHOR,))


def test_4_yesterdays_copy_put_back_is_found_by_an_anchor_and_refused(kind, log, tmp_path):
    """Sound in itself; the anchor contradicts it, and the feed does not go on from it."""
    with ExitStack() as copies:
        if kind == "sqlite":
            shutil.copytree(log.folder, tmp_path / "yesterday")
            yesterday = Log(tmp_path / "yesterday", log.database)
        else:
            yesterday = copies.enter_context(made(kind, tmp_path / "yesterday", log))
        anchor = tmp_path / "anchors" / ANCHOR
        anchor.parent.mkdir()
        log.write([up(1), routed(1)], anchors=(str(anchor),))
        assert log.verified(anchors=[AnchorFile(anchor)]).checkpoints
        assert yesterday.verified().sound
        assert "the tail was cut off" in yesterday.told(anchors=[AnchorFile(anchor)])
        with pytest.raises(ConfigError, match="put back"):
            yesterday.write([up(2)], anchors=(str(anchor),))
        assert yesterday.verified().entries == 7


def test_13_entries_without_a_checkpoint_are_sealed_at_the_next_start(log):
    """As a kill between entry and checkpoint leaves them: told to whoever runs it, and in the log."""
    add_many(log, 3)
    warnings = []
    log.write([up(1)], warn=warnings.append)
    (warning,) = warnings
    assert warning.startswith("entries 8 to 10 of the audit log had no checkpoint: a crash left it so")
    outcome = log.verified()
    assert outcome.sound
    with log.opened() as opened:
        assert opened.head().checkpoint_size == outcome.entries


@pytest.mark.parametrize("table", [schema.head, schema.log], ids=lambda table: table.name)
def test_24_a_lost_row_is_told(log, table):
    """Without the head nobody can tell whether the end is the end; without the identity nothing can be opened."""
    log.remove(table)
    if table is schema.head:
        assert "the head is missing" in log.told()
        with pytest.raises(ConfigError, match="the log's end is not what was sealed"):
            log.write([up(1)])
    else:
        with pytest.raises(ConfigError, match="has lost the row of audit_log"):
            log.opened()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE audit_log SET layout = 3", "has layout 3, newer than this program's 2; upgrade"),
        ("UPDATE audit_log_version SET version_num = '0099'", "has layout 0099, newer than"),
        ("UPDATE audit_log_version SET version_num = '0001'", "has layout 0001, newer than"),
        ("DELETE FROM audit_log_version", "has lost its row of audit_log_version"),
    ],
)
def test_24_another_layout_is_refused(log, statement, says):
    """Newer, unknown, or none although the tables are there: nothing is read, written or migrated."""
    with log.attacked() as connection:
        connection.exec_driver_sql(statement)
    for write in (False, True):
        with pytest.raises(ConfigError, match=says):
            log.opened(write=write)


def test_24_a_layout_put_back_is_found(log):
    """An older number than the log was made with: the head does not fit it."""
    log.change(schema.log, {"layout": 1})
    assert "the log's own row was" in log.told()
    with pytest.raises(ConfigError, match="the log's end is not what was sealed"):
        log.write([up(1)])
