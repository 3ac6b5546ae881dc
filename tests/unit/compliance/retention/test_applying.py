"""What is due is destroyed and its room given back; nothing that a rule keeps is, ever."""

import sqlite3

import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.acts import (
    KeysDestroyed,
    PolicyAdopted,
    RetentionApplied,
    RetentionPlanned,
    actor_here,
)
from ticktrail_compliance.retention.judging import Judge
from ticktrail_compliance.store import schema
from unit.compliance.logs import change, fetch
from unit.compliance.retention.keeping import Firm, policy_text


@pytest.fixture
def firm(tmp_path, database):
    return Firm(tmp_path, database)


def test_without_a_policy_nothing_is_due(firm):
    """However old it is; the message says what to do."""
    firm.write()
    firm.pass_days(40_000)
    with pytest.raises(ConfigError, match=r"no policy is in force, so nothing is ever due; name one"):
        firm.plan()
    with pytest.raises(ConfigError, match="no policy is in force"):
        firm.apply()


def test_what_is_due_is_destroyed_by_class_and_month(firm):
    """To the day: not before it, then all of it; it stays proven, is read by nobody, and takes no room."""
    firm.adopt(policy_text(keep_days=30))
    old = firm.write()  # 2023-11-14: due 30 days after 2023-12-01
    firm.pass_days(46)
    assert firm.month == "2023-12"
    assert firm.plan().keys == []
    assert firm.apply().seq == 0
    firm.pass_days(1)
    young = firm.write()
    plan = firm.plan()
    assert [(one.month, one.entry_class, one.entries) for one in plan.keys] == [
        ("2023-11", "control", 1),
        ("2023-11", "journal", 1),
    ]
    assert all(one.due_ns <= firm.clock.now_ns() for one in plan.keys)
    done = firm.apply()
    assert (done.destroyed.keys, done.entries, len(done.reclaimed_keys)) == (2, 2, 2)
    assert done.content_bytes == sum(one.content_bytes for one in plan.keys) > 0
    assert firm.readable().isdisjoint(old)
    assert firm.readable() >= set(young)
    found = firm.verified()
    assert found.sound, found.findings
    assert found.destroyed == 2
    rows = fetch(
        firm.folder,
        schema.entries.select().where(schema.entries.c.seq.in_(old)),
        database=firm.more["database"],
    )
    assert [(row.summary, row.body) for row in rows] == [(None, None)] * 2


def test_what_was_done_stands_in_the_log_in_this_order(firm):
    """The plan, what is destroyed under it, and what came of it; a run without anything to do leaves no trace."""
    firm.adopt(policy_text())
    firm.write()
    firm.pass_days(90)
    plan = firm.plan()
    firm.apply()
    planned, *destroyed, applied = firm.told(RetentionPlanned, KeysDestroyed, RetentionApplied)
    assert (planned.plan_id, planned.keys) == (plan.plan_id, plan.keys)
    assert [one.plan for one in destroyed] == [plan.plan_id] * 2
    assert (applied.plan_id, applied.destroyed, applied.withheld) == (plan.plan_id, 2, 0)
    before = len(firm.told(RetentionPlanned, RetentionApplied))
    assert firm.apply().seq == 0
    assert len(firm.told(RetentionPlanned, RetentionApplied)) == before


@pytest.mark.parametrize(("then", "why"), [("keep", None), ("archive", "the log tells of no export")])
def test_then_keep_and_archive(firm, then, why):
    """A class that is kept is never due; one that is to be archived waits for an export."""
    firm.adopt(policy_text(then=then))
    old = firm.write()
    firm.pass_days(4_000)
    plan = firm.plan()
    assert plan.keys == []
    assert all(why in one.why for one in plan.kept) if why else plan.kept == []
    firm.apply()
    assert firm.readable() >= set(old)


def test_a_declared_minimum_counts_though_the_policy_in_the_log_is_below(firm):
    """As a log could hold one that another version adopted: the longer time counts."""
    firm.adopt(policy_text(keep_days=2_192, applicable=["finra_4511"]))
    firm.write()
    with firm.session() as session:  # adopted past the check
        text = policy_text(keep_days=30, applicable=["finra_4511"])
        said = {"sha256": "0" * 64, "text": text, "one_person_may_destroy": True}
        act = PolicyAdopted(at_ns=1, actor=actor_here(), firm="Example", **said)
        session.record("retention", act)
    firm.pass_days(2_200)
    assert firm.plan().keys == []
    firm.pass_days(10)
    assert len(firm.plan().keys) == 2


def test_a_retention_entry_is_never_due(firm):
    """Nor is the present month, whatever the policy says."""
    firm.adopt(policy_text(keep_days=1))
    firm.pass_days(40_000)
    assert {one.entry_class for one in firm.plan().keys}.isdisjoint({"retention"})
    with firm.opened() as log:
        judge = Judge(log, firm.clock.now_ns())
        (state,) = log.keys.states()
        assert "never destroyed" in judge.hindrance(state.key_id, "retention", state.month).why
        assert "is not over" in judge.hindrance(1, "journal", firm.month).why


def test_a_ciphertext_that_is_missing_without_destruction_is_found(firm):
    """By verify and by an export: room is given back of nothing whose key is there."""
    firm.adopt(policy_text())
    event, segment = firm.write()
    where = schema.entries.c.seq == segment
    change(
        firm.folder, schema.entries, {"summary": None, "body": None}, where, database=firm.more["database"]
    )
    found = firm.verified()
    assert not found.sound
    assert "summary is gone, and no entry of the log tells" in found.findings[0].what
    firm.pass_days(90)
    firm.apply()
    assert firm.verified().sound  # destroyed by rule now
    assert event not in firm.readable()


def test_a_destroyed_month_restored_from_a_backup_is_unreadable(tmp_path, database):
    """29. The rows as they were before, put back: their ciphertext is there, and no key for it; and verify is sound."""
    firm = Firm(tmp_path, database, keys="sqlite:///keys.db")
    firm.adopt(policy_text())
    old = firm.write()
    table = schema.entries
    backup = fetch(tmp_path, table.select().where(table.c.seq.in_(old)), database=database)
    firm.pass_days(90)
    assert firm.apply().entries == 2
    for row in backup:
        change(
            tmp_path,
            table,
            {"summary": row.summary, "body": row.body},
            table.c.seq == row.seq,
            database=database,
        )
    assert firm.readable().isdisjoint(old)
    found = firm.verified()
    assert (found.sound, found.destroyed) == (True, 2)


@pytest.mark.parametrize("keys", [None, "sqlite:///audit.db", "sqlite:///apart.db"])
def test_wherever_the_keys_are(tmp_path, keys):
    """In a file of their own, or in the log's own, where one transaction locks and destroys."""
    firm = Firm(tmp_path, "sqlite:///audit.db", **({} if keys is None else {"keys": keys}))
    firm.adopt(policy_text())
    old = firm.write()
    firm.pass_days(90)
    done = firm.apply()
    assert done.destroyed.keys == 2
    assert firm.readable().isdisjoint(old)
    assert firm.verified().sound


def test_an_sqlite_file_becomes_smaller(tmp_path):
    """Page by page where it was made so; one that an earlier version made is written anew, where that is asked for."""
    for old_style, whole in ((False, False), (True, True)):
        folder = tmp_path / str(old_style)
        folder.mkdir()
        firm = Firm(folder, "sqlite:///audit.db")
        firm.adopt(policy_text())
        firm.write(ticks=10_000)
        if old_style:
            with sqlite3.connect(folder / "audit.db") as connection:
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA auto_vacuum = NONE")
                connection.execute("VACUUM")
                assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        before = (folder / "audit.db").stat().st_size
        firm.pass_days(90)
        done = firm.apply(whole=whole)
        assert done.disk_bytes > 0.5 * done.content_bytes > 10_000
        assert (folder / "audit.db").stat().st_size < before - done.disk_bytes // 2
        with sqlite3.connect(folder / "audit.db") as connection:
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert firm.verified().sound


def test_nothing_is_destroyed_under_one_person_that_nobody_acknowledged(tmp_path, database):
    """The plan says why, by hand it is refused with the remedy, and once acknowledged it is due."""
    firm = Firm(tmp_path, database)
    firm.write()
    firm.adopt(policy_text(keep_days=1), one_person_may_destroy=False)
    firm.pass_days(90)
    plan = firm.plan()
    assert plan.keys == []
    assert {"--one-person-may-destroy" in one.why for one in plan.kept} == {True}
    assert firm.apply().destroyed.keys == 0
    firm.adopt(policy_text(keep_days=1, people=2), one_person_may_destroy=True)
    assert firm.plan().keys != []
    firm.adopt(policy_text(keep_days=1))
    assert firm.apply().destroyed.keys > 0
