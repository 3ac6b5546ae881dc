"""`on_failure = "spool"`: what a feed decides while its database is cut stands in it later, once, in order."""

import os
import stat
from contextlib import contextmanager

import pytest
import sqlalchemy

from ticktrail.claim import claim_file
from ticktrail.errors import AuditError, ConfigError
from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import SpoolCaughtUp
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording import catching_up
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.recorder import RETRY_S, Recorder
from ticktrail_compliance.records import encode_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.spool import SpoolReader
from ticktrail_compliance.words import moment
from unit.compliance.adversarial.attacks import act, leave_spool
from unit.compliance.adversarial.cutting import Locked, Proxied
from unit.compliance.logs import NOW_NS, settings, up


@pytest.fixture
def broken(log):
    """The log, and what cuts its database."""
    found = Locked(log) if log.is_sqlite else Proxied(log)
    yield found
    if not log.is_sqlite:
        found.cut()


@contextmanager
def _recorder(log, clock=None, warnings=None, **more):
    more = {"on_failure": "spool", **more}
    recorder = Recorder(
        settings(database=log.database, **more),
        log.folder,
        "test",
        clock or ManualClock(),
        ([] if warnings is None else warnings).append,
    )
    recorder.open()
    try:
        yield recorder
    finally:
        recorder.close()


def _store(recorder, *numbers):
    """Record an event each, in a transaction of its own."""
    for number in numbers:
        recorder.store([gathered_act("control", up(number))])


def _recorded(log):
    """The numbers of the events that stand in the log, after those of the sample."""
    with log.opened() as opened:
        found = [record for _, record in read_records(opened, Range(from_seq=8))]
    return [record.reconnects for record in found if hasattr(record, "reconnects")]


def _spools(log):
    return sorted((log.folder / "audit-spool").glob("*"))


def test_a_feed_goes_on_while_its_database_is_cut_and_catches_up(log, broken):
    """Encrypted, mode 0600 in a folder of 0700; afterwards in order, nothing twice, told in the log, and taken away."""
    clock, warnings = ManualClock(), []
    with _recorder(broken.log, clock, warnings) as recorder:
        _store(recorder, 1, 2)
        broken.cut()
        _store(recorder, 3, 4, 5)
        recorder.checkpoint()
        (path,) = _spools(log)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert b"reconnects" in encode_records([up(3)])
        assert b"reconnects" not in path.read_bytes()
        broken.mend()
        _store(recorder, 6)  # not tried again so soon
        clock.advance(RETRY_S + 1)
        _store(recorder, 7)
        recorder.checkpoint()
    assert _recorded(log) == [1, 2, 3, 4, 5, 6, 7]
    assert log.verified().sound
    assert _spools(log) == []
    with log.opened() as opened:
        (told,) = [one for _, one in read_records(opened, Range()) if isinstance(one, SpoolCaughtUp)]
    assert (told.first_frame, told.last_frame) == (1, 4)
    assert recorder.counts.spooled == 4
    assert len(warnings) == 2


def test_a_feed_says_that_its_log_cannot_be_written_for_as_long_as_that_lasts(log, broken):
    """Since when, why, and where it is kept; nothing before, and nothing once the log has caught up."""
    clock = ManualClock()
    with _recorder(broken.log, clock) as recorder:
        _store(recorder, 1)
        assert recorder.trouble() == ""
        broken.cut()
        began = moment(clock.now_ns())
        _store(recorder, 2)
        clock.advance(1)
        _store(recorder, 3)
        assert recorder.trouble().startswith(f"the audit log cannot be written since {began} (")
        assert str(_spools(log)[0]) in recorder.trouble()
        broken.mend()
        clock.advance(RETRY_S + 1)
        _store(recorder, 4)
        assert recorder.trouble() == ""


def test_what_a_feed_could_not_catch_up_with_is_added_at_the_next_start(log, broken):
    """It ended while the database was cut; the next one adds it before anything of its own."""
    with _recorder(broken.log) as recorder:
        _store(recorder, 1)
        broken.cut()
        _store(recorder, 2, 3)
    broken.mend()
    with _recorder(broken.log) as recorder:
        _store(recorder, 4)
    assert _recorded(log) == [1, 2, 3, 4]
    assert log.verified().sound
    assert _spools(log) == []


@pytest.mark.parametrize("restart", [False, True], ids=["same process", "next start"])
def test_a_transaction_of_which_the_answer_was_lost_is_not_added_again(log, monkeypatch, restart):
    """Done on the server, and failed for the feed: found there by writer and counter."""
    clock = ManualClock()
    with _recorder(log, clock) as recorder:
        _store(recorder, 1)
        database = recorder._log.database
        commit = database._connection.commit

        def lost():
            commit()
            raise sqlalchemy.exc.OperationalError("COMMIT", None, Exception("connection lost"))

        with monkeypatch.context() as patched:
            patched.setattr(database._connection, "commit", lost)
            _store(recorder, 2)
        _store(recorder, 3)
        if not restart:
            clock.advance(RETRY_S + 1)
            _store(recorder, 4)
    if restart:
        with _recorder(log) as recorder:
            _store(recorder, 4)
    assert _recorded(log) == [1, 2, 3, 4]
    assert log.verified().sound


@pytest.mark.parametrize("lost", ["before the commit", "after the commit"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_catching_up_is_interrupted_at_any_transaction(log, monkeypatch, nth, lost):
    """Three transactions; whichever fails, or was done and could not say so: the next start adds the rest, once."""
    monkeypatch.setattr(catching_up, "DRAFTS_AT_ONCE", 2)
    leave_spool(log, frames=6)
    real = catching_up.Appender.append
    calls = []

    def append(self, drafts, *, also=None):
        if also is None:
            return real(self, drafts)
        calls.append(len(drafts))
        if len(calls) == nth and lost == "before the commit":
            raise AuditError("cut")
        real(self, drafts, also=also)
        if len(calls) == nth:
            raise AuditError("cut")
        return ()

    with monkeypatch.context() as patched:
        patched.setattr(catching_up.Appender, "append", append)
        with pytest.raises(ConfigError, match="cut"), _recorder(log):
            pass
    assert len(_spools(log)) == 1
    with _recorder(log):
        pass
    assert _spools(log) == []
    with log.opened() as opened:
        found = [one for _, one in read_records(opened, Range(from_seq=8))]
    numbers = [one.first_seq for one in found if type(one).__name__ == "TailSealed" and one.at_ns == NOW_NS]
    assert [n for n in numbers if n <= 6][:6] == [1, 2, 3, 4, 5, 6]
    assert log.verified().sound


def test_a_kill_after_the_commit_and_before_the_file_is_removed_adds_nothing_twice(log):
    """The file is there once more, all of it stands in the log already: taken away."""
    path = leave_spool(log, frames=3)
    kept = path.read_bytes()
    with _recorder(log):
        pass
    entries = log.verified().entries
    path.write_bytes(kept)
    path.chmod(0o600)
    with _recorder(log):
        pass
    assert not path.exists()
    assert log.verified().entries == entries + 1  # who writes
    assert log.verified().sound


@pytest.mark.parametrize("cut", [1, 10, 28, 40])
def test_a_frame_that_a_crash_tore_is_told_and_the_rest_is_added(log, cut):
    """Its length, its seal or its content is cut short: what was whole is added."""
    path = leave_spool(log, frames=2)
    whole = path.read_bytes()
    frame = (len(whole) - 48) // 2
    path.write_bytes(whole[: 48 + frame + cut])
    warnings = []
    with _recorder(log, warnings=warnings):
        pass
    assert "1 entries; its last frame was torn by a crash" in "".join(warnings)
    assert log.verified().sound
    assert _spools(log) == []


def test_a_changed_frame_is_refused_wherever_it_is_changed(log):
    """One bit of length, number, seal or content, of the first or the last frame, and frames swapped or left out."""
    path = leave_spool(log, frames=3)
    whole = path.read_bytes()
    frame = (len(whole) - 48) // 3
    parts = [whole[48 + frame * n : 48 + frame * (n + 1)] for n in range(3)]
    changed = [
        whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        for place in (*range(48, 48 + frame, 7), *range(48 + 2 * frame, len(whole), 7))
    ]
    changed += [whole[:48] + b"".join(parts[n] for n in order) for order in ((1, 0, 2), (0, 2), (0, 0, 1))]
    with log.opened() as opened:
        for content in changed:
            path.write_bytes(content)
            with pytest.raises(AuditError, match=r"frame \d is not what was kept"):
                list(SpoolReader(path, opened.log_id, opened.keys).frames(0))
    with pytest.raises(ConfigError, match="is not what was kept"), _recorder(log):
        pass
    assert path.exists()
    path.write_bytes(whole[:16] + bytes(16) + whole[32:])
    with pytest.raises(ConfigError, match="is none of this log's"), _recorder(log):
        pass


def test_a_spool_that_is_full_halts_the_feed_and_keeps_what_it_has(log, broken):
    """`spool_max_bytes`: what was kept before is whole, also where a smaller frame would still have found room."""
    with _recorder(broken.log, spool_max_bytes=2**20) as recorder:
        broken.cut()
        _store(recorder, 1)
        big = act()
        for _ in range(2):
            with pytest.raises(AuditError, match=r"spool_max_bytes.*put the audit database right"):
                recorder._keep(recorder._detour, [big] * 20_000)
        _store(recorder, 2)
    broken.mend()
    with _recorder(broken.log):
        pass
    assert _recorded(log) == [1, 2]
    assert log.verified().sound


def test_28_a_row_of_spools_that_was_removed_is_found(log):
    """Without it the same spool could be added a second time."""
    leave_spool(log)
    with _recorder(log):
        pass
    log.remove(schema.spools)
    assert "and its row is missing or was changed" in log.told()


def test_a_new_spool_s_name_is_on_the_disk_before_anything_is_kept(log, broken, monkeypatch):
    """The folder is synced after the file has its name, and the folder above after the folder was made."""
    synced, real = [], os.fsync

    def fsync(descriptor):
        found = os.fstat(descriptor)
        synced.extend(
            (folder.name, sorted(path.suffix for path in folder.glob("*.spool")))
            for folder in (log.folder, log.folder / "audit-spool")
            if folder.is_dir() and os.path.samestat(found, folder.stat())
        )
        real(descriptor)

    with _recorder(broken.log) as recorder:
        broken.cut()
        monkeypatch.setattr(os, "fsync", fsync)
        _store(recorder, 1)
    broken.mend()
    assert [name for name, _ in synced] == [log.folder.name, "audit-spool"]
    assert synced[-1] == ("audit-spool", [".spool"])


@pytest.mark.parametrize("size", [0, 20, 48, None])
def test_a_spool_that_a_crash_left_with_its_first_name_is_taken_up(log, size):
    """Empty, torn in its head, or whole: what it holds is added, and the file is taken away."""
    path = leave_spool(log, frames=2)
    new = path.rename(path.with_suffix(".new"))
    new.write_bytes(new.read_bytes()[:size])
    entries = log.verified().entries
    with _recorder(log):
        pass
    assert _spools(log) == []
    added = 1 + (3 if size is None else 0)  # who writes; that there was a spool, and what it kept
    assert log.verified().entries == entries + added
    assert log.verified().sound


def test_a_spool_that_is_being_made_is_left_alone(log):
    """Claimed by who makes it: another feed that starts meanwhile does not take it."""
    folder = log.folder / "audit-spool"
    folder.mkdir()
    claim = claim_file(folder / "one.new")
    with _recorder(log):
        pass
    assert [path.name for path in _spools(log)] == ["one.new"]
    claim.release()
