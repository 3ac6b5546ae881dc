"""Retention in a feed's process: at its time of day, made up for when it was missed, and never a reason to stop."""

import sqlite3
from functools import partial

import anyio
import pytest

from ticktrail.errors import AuditError
from ticktrail_compliance.acts import RetentionApplied
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.retention import applying
from ticktrail_compliance.retention.duty import Applying
from ticktrail_compliance.retention.settings import RetentionSchedule
from unit.compliance.logs import up, write
from unit.compliance.retention.keeping import DAY_NS, Firm, policy_text

AT = '[compliance.retention_schedule]\napply_at = "03:30"\n'
HOUR_NS = DAY_NS // 24


@pytest.fixture(autouse=True)
def _at_leisure(monkeypatch):
    """However slow this machine is, one turn does it all."""
    monkeypatch.setattr("ticktrail_compliance.retention.duty.SLICE_S", float("inf"))


@pytest.fixture
def firm(tmp_path, database):
    """Its clock stands at 2023-11-15T00:00Z after something was sealed."""
    firm = Firm(tmp_path, database)
    firm.adopt(policy_text(more=AT))
    firm.old = set(firm.write())
    firm.clock.step((DAY_NS - firm.clock.now_ns() % DAY_NS) / 10**9)
    return firm


def attend(firm, duty, session):
    return list(duty.attend(session.recording))


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ((0, 0), (-1, 3.5)),
        ((0, 3.4), (-1, 3.5)),
        ((0, 3.5), (0, 3.5)),
        ((0, 23.9), (0, 3.5)),
        ((1, 3.5), (1, 3.5)),
    ],
)
def test_when_it_was_last_time(now, last):
    """To the nanosecond, by the day in UTC."""
    moments = [20_000 * DAY_NS + days * DAY_NS + int(hours * HOUR_NS) for days, hours in (now, last)]
    assert RetentionSchedule(apply_at="03:30").last_ns(moments[0]) == moments[1]
    assert RetentionSchedule().last_ns(moments[0]) is None


def test_once_a_day_at_its_time(firm):
    """Not before, not twice, and again on the next day; what is not due leaves no trace."""
    duty = Applying()
    firm.pass_days(50)
    with firm.session() as session:
        (told,) = attend(firm, duty, session)  # today's time is still to come: yesterday's is made up for
        assert told.text.startswith("retention: 2 keys destroyed")
        assert attend(firm, duty, session) == []
    assert firm.readable().isdisjoint(firm.old)
    later = set(firm.write())
    firm.pass_days(57)
    with firm.session() as session:
        firm.clock.step(3 * 3_600)
        assert attend(firm, duty, session) == []
        assert firm.readable() >= later
        firm.clock.step(3_600)
        assert attend(firm, duty, session) == []  # 2024-01 is due on 2024-03-02
        firm.pass_days(1)
        assert attend(firm, duty, session) != []
    assert firm.readable().isdisjoint(later)
    assert len(firm.told(RetentionApplied)) == 2
    assert firm.verified().sound


def test_a_day_on_which_no_feed_ran(firm):
    """The next start does what it missed; a start after that does not do it again."""
    firm.pass_days(80)
    with firm.session() as session:
        assert attend(firm, Applying(), session) != []
        assert attend(firm, Applying(), session) == []
    assert firm.readable().isdisjoint(firm.old)


def test_it_is_off_by_default_and_for_two_people(firm):
    """A policy without a time of day, or with two people, destroys nothing by itself."""
    firm.adopt(policy_text())
    firm.pass_days(80)
    with firm.session() as session:
        assert attend(firm, Applying(), session) == []
    assert firm.readable() >= firm.old
    (fault,) = faults(parse_policy(policy_text(people=2, more=AT)))
    assert 'apply_at = "03:30": nobody approves in a feed\'s process' in fault


def test_it_is_done_in_slices(firm, monkeypatch):
    """Each turn does one step where time is short, and the last one says what was done."""
    monkeypatch.setattr("ticktrail_compliance.retention.duty.SLICE_S", 0.0)
    firm.pass_days(80)
    duty = Applying()
    with firm.session() as session:
        told = [attend(firm, duty, session) for _ in range(12)]
    assert sum(map(bool, told)) == 1
    assert told.index(next(one for one in told if one)) > 3
    assert firm.readable().isdisjoint(firm.old)


def test_what_fails_is_told_and_does_not_stop_a_feed(firm, monkeypatch):
    """Tried again in a day; but where the log cannot be written, the feed is told."""
    firm.pass_days(80)
    duty = Applying()

    def refuse(_):
        raise AuditError("permission denied for table audit_keys")

    with firm.session() as session:
        with monkeypatch.context() as patched:
            patched.setattr(applying, "see_may_destroy", refuse)
            (told,) = attend(firm, duty, session)
            assert "tried again in a day: permission denied" in told.text
            assert attend(firm, duty, session) == []
        firm.pass_days(1)
        over, done = attend(firm, duty, session)
        assert (over.name, over.is_over) == (told.name, True)
        assert (done.name, done.is_over) == ("retention_applied", False)
        firm.clock.step(1)
    again = Firm(firm.folder, firm.more["database"])
    again.clock = firm.clock
    again.write()
    firm.pass_days(90)
    with firm.session() as session:
        monkeypatch.setattr(type(session.appender), "append", lambda *_, **__: refuse(None))
        with pytest.raises(AuditError, match="permission denied"):
            attend(firm, duty, session)


def test_a_feed_does_it_at_its_start(tmp_path, database):
    """And tells the person who runs it."""
    firm = Firm(tmp_path, database)
    firm.adopt(policy_text(more=AT))
    old = set(firm.write())
    firm.pass_days(80)
    told = []
    anyio.run(partial(write, tmp_path, [up(1)], clock=firm.clock, warn=told.append, database=database))
    assert any(one.startswith("retention: 2 keys destroyed") for one in told), told
    assert firm.readable().isdisjoint(old)
    assert firm.verified().sound


def test_a_writer_beside_a_reclaim_in_sqlite_is_not_kept_waiting(tmp_path):
    """Room is given back some pages at a time: the file is not written anew beside a feed."""
    firm = Firm(tmp_path, "sqlite:///audit.db")
    firm.adopt(policy_text(more=AT))
    firm.write(ticks=5_000)
    with sqlite3.connect(tmp_path / "audit.db") as connection:
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    firm.pass_days(80)
    with firm.session() as session:
        (told,) = attend(firm, Applying(), session)
    assert "2 keys destroyed" in told.text
    with sqlite3.connect(tmp_path / "audit.db") as connection:
        assert connection.execute("PRAGMA freelist_count").fetchone() == (0,)
