"""Rows deleted, swapped, copied, replayed or forged: the entry is named, or the database refuses."""

import pytest
import sqlalchemy

from ticktrail.errors import AuditError, ConfigError
from ticktrail.testing import ManualClock
from ticktrail_compliance.proof.merkle import Frontier, NoProof, consistency_proof, verify_consistency
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.head import Head
from ticktrail_compliance.verify.anchored import AnchorFile
from unit.compliance.adversarial.attacks import act, made
from unit.compliance.logs import ENTRIES, routed, up

TABLE = schema.entries
SEQ = TABLE.c.seq
ALL = tuple(name for name in list(TABLE.c.keys()) if name != "seq")
SWAPS = [("body",), ("summary", "body"), ("summary", "body", "summary_sha256", "body_sha256"),
         (*ALL,)]  # fmt: skip


@pytest.mark.parametrize(
    ("seq", "says"),
    [
        (1, "entry 1 is missing"),
        (4, "entry 4 is missing"),
        (ENTRIES, f"entry {ENTRIES} is missing at the end"),
    ],
)
def test_2_a_deleted_row_is_a_gap_by_name(log, seq, says):
    """First, in the middle, last."""
    log.remove(TABLE, seq == SEQ)
    assert log.findings()[0] == (seq, says)


def test_2_a_range_that_is_deleted_is_named_from_end_to_end(log):
    """From which to which."""
    log.remove(TABLE, SEQ.between(3, 5))
    assert log.findings()[0] == (3, "entry 3 to 5 is missing")


def test_2_an_emptied_log_is_named(log):
    """All entries gone: the head still knows them."""
    log.remove(TABLE)
    assert log.findings()[0] == (1, f"entries 1 to {ENTRIES} are missing at the end")


def test_3_a_tail_that_was_cut_is_named_and_no_feed_goes_on_from_it(log):
    """The head tells how far the log went; what is missing there never becomes a hole."""
    log.remove(TABLE, SEQ > 5)
    assert log.findings()[0] == (6, "entries 6 to 7 are missing at the end")
    with pytest.raises(ConfigError, match="the log's end is not what was sealed"):
        log.write([up(1)])


def cut_with_the_logs_own_keys(log, size):
    """Cut the tail and move the head, as who has the keys can."""
    with log.opened(write=True) as opened:
        rows = list(opened.plain_rows(1, size))
        tree = Frontier()
        tree.extend([row.digest for row in rows])
        head = opened.head()
        moved = Head(
            size, rows[-1].digest, tree.subtrees, head.writers, head.checkpoints, head.checkpoint_size
        )
        with opened.database.writing() as connection:
            opened.head_row.move(connection, moved)
    log.remove(TABLE, size < SEQ)


def test_3_a_tail_cut_with_the_logs_own_keys_is_found_by_a_checkpoint(log):
    """The head was moved with it, and the checkpoints know more."""
    cut_with_the_logs_own_keys(log, 5)
    found = log.findings()
    assert found[0][0] == 6
    assert "knows entry 7, and the log ends at entry 5: entries were deleted" in found[0][1]


@pytest.mark.parametrize("columns", SWAPS, ids=len)
def test_5_two_rows_swapped_are_both_named(log, columns):
    """Ciphertexts, with or without what stands beside them."""
    three, four = (log.row(TABLE, seq == SEQ) for seq in (3, 4))
    if "counter" in columns:  # out of the way of the constraints
        for seq in (3, 4):
            log.change(TABLE, {"counter": 1_000 + seq}, seq == SEQ)
    for seq, other in ((3, four), (4, three)):
        log.change(TABLE, {name: other[name] for name in columns}, seq == SEQ)
    assert {seq for seq, _ in log.findings()} >= {3, 4}


def test_6_a_row_copied_to_another_number_is_refused(log):
    """By the database, since its nonce stands there already; and by verification, where it takes another's place."""
    genuine = log.row(TABLE, SEQ == 3)
    with pytest.raises(sqlalchemy.exc.IntegrityError), log.attacked() as connection:
        connection.execute(TABLE.insert().values({**genuine, "seq": ENTRIES + 1}))
    log.remove(TABLE, SEQ == 6)
    with log.attacked() as connection:
        connection.execute(TABLE.insert().values({**genuine, "seq": 6, "counter": 6}))
    assert log.findings()[0][0] == 6
    with log.opened() as opened, pytest.raises(AuditError, match=r"entry 6 .*ticktrail audit verify"):
        list(read_records(opened, Range()))


@pytest.mark.parametrize("counter", [3, 8])
def test_25_a_segment_replayed_under_a_new_number_is_refused(log, counter):
    """A genuine row after the head is nobody's, opens under no number but its own, and no feed goes on from it."""
    genuine = log.row(TABLE, SEQ == 3)
    new = {**genuine, "seq": ENTRIES + 1, "counter": counter}
    if counter == genuine["counter"]:
        log.change(TABLE, {"counter": 1_000}, SEQ == 3)
    with log.attacked() as connection:
        connection.execute(TABLE.insert().values(new))
    assert ENTRIES + 1 in {seq for seq, _ in log.findings()}
    with pytest.raises(ConfigError, match="the log's end is not what was sealed"):
        log.write([up(1)])


def test_25_a_segment_replayed_in_place_of_a_later_one_is_refused(log):
    """Everything of it, counter and all, where the later one stood."""
    old = log.row(TABLE, SEQ == 3)
    log.remove(TABLE, SEQ.in_((3, 6)))
    with log.attacked() as connection:
        connection.execute(TABLE.insert().values({**old, "seq": 6}))
    found = {seq for seq, _ in log.findings()}
    assert {3, 6} <= found


def test_28_a_nonce_cannot_come_twice(log):
    """The constraint of key and counter refuses it, were everything else right."""
    genuine = log.row(TABLE, SEQ == 3)
    for values in ({"writer": 9}, {"writer": 9, "entry_class": "journal", "body": b"other"}):
        with pytest.raises(sqlalchemy.exc.IntegrityError, match=r"(?i)unique"), log.attacked() as connection:
            connection.execute(TABLE.insert().values({**genuine, "seq": ENTRIES + 1, **values}))


def test_28_what_was_sealed_for_a_transaction_that_failed_leaves_its_key_unused(log):
    """The counter has no hole, so the nonce comes again: under another key."""

    def fail(connection, seq):
        raise AuditError("cut")

    with log.opened(write=True) as opened:
        appender = Appender(opened, ManualClock().now_ns)
        (first,) = appender.append([act()])
        with pytest.raises(AuditError, match="cut"):
            appender.append([act()], also=fail)
        (second,) = appender.append([act()])
    assert (first.header.counter, second.header.counter) == (1, 2)
    assert first.header.key_id != second.header.key_id
    assert log.verified().sound


def test_7_a_fork_of_which_both_ends_are_signed_shows_no_consistency(kind, log, tmp_path):
    """Two copies of one log go on apart under the log's own keys: each is sound, and neither leads to the other."""
    with made(kind, tmp_path / "fork", log) as fork:
        log.write([up(1), routed(1)])
        fork.write([up(2), routed(2), routed(3), routed(4)])
        with log.opened() as mine, fork.opened() as theirs:
            small, large = mine.head(), theirs.head()
            roots = theirs.roots(large.seq)
            path = consistency_proof(roots, small.seq, large.seq)
            with pytest.raises(NoProof, match="another root of the smaller tree"):
                verify_consistency(small.seq, large.seq, path, small.tree().root(), large.tree().root())
        assert log.verified().sound
        assert fork.verified().sound
        notes = log.fetch(sqlalchemy.select(schema.checkpoints.c.note).order_by(schema.checkpoints.c.number))
        anchor = tmp_path / "anchor.txt"
        anchor.write_text("".join(note for (note,) in notes))
        assert "the log was forked" in fork.told(anchors=[AnchorFile(anchor)])
