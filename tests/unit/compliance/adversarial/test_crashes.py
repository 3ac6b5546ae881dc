"""13. and 14. Killed between any two steps, a disk that is full, a server that dies: never a half entry."""

import os
import resource
import signal
import subprocess
import sys

import anyio
import pytest
import sqlalchemy

from ticktrail.errors import AuditError
from ticktrail.plugin import Troubled
from ticktrail.testing import ManualClock
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.store import schema
from unit.compliance.adversarial.attacks import Log
from unit.compliance.adversarial.cutting import Proxied
from unit.compliance.logs import ENTRIES, SQLITE, context, routed, settings, up

CODE = """
import os, pathlib, signal, sys, anyio
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.store import appender, head
from unit.compliance.logs import context, routed, settings, up

where, after = sys.argv[3], int(sys.argv[4])
place, name = {"before the commit": (head.HeadRow, "move"), "after the commit": (appender.Appender, "append"),
               "after the checkpoint": (appender.Appender, "checkpoint")}[where]
real, calls = getattr(place, name), []

def killed(*arguments, **named):
    found = real(*arguments, **named)
    calls.append(1)
    if len(calls) == after:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

async def main(folder, database):
    async with open_audit(settings(database=database), context(pathlib.Path(folder))) as observer:
        for number in range(1_000):
            await observer.observe([routed(number), routed(number), up(number)])
            print(number, flush=True)

setattr(place, name, killed)
anyio.run(main, *sys.argv[1:3])
"""


def _killed(log, where, after):
    """Run a feed that is killed there; gives how many rounds it was told that were recorded."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", CODE, str(log.folder), log.database, where, str(after)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return len(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("where", "after", "entries"),
    [
        ("before the commit", 1, 7),  # the writer's number
        ("before the commit", 3, 8),  # the first batch, with its entries in the transaction
        ("after the commit", 1, 8),
        ("after the commit", 6, 18),
        ("after the checkpoint", 1, 2_008),  # at the stop
    ],
)
def test_13_a_kill_leaves_whole_transactions_and_the_next_start_seals_them(log, where, after, entries):
    """What was told to be recorded is there; what has no checkpoint gets one, and that is told."""
    rounds = _killed(log, where, after)
    outcome = log.verified()
    assert outcome.sound
    assert outcome.entries == entries
    assert outcome.segments >= 3 + rounds
    warnings = []
    log.write([up(1)], warn=warnings.append)
    sealed = [one for one in warnings if "had no checkpoint" in one]
    assert len(sealed) == (entries > ENTRIES and where != "after the checkpoint")
    assert log.verified().sound


def _only(error, kind):
    return isinstance(error, kind) or error.subgroup(kind) is not None


def test_14_a_full_disk_halts_the_feed_and_leaves_whole_entries(tmp_path):
    """SQLite: a file that cannot grow; every entry is whole, and those of the failed transaction are not there."""
    log = Log(tmp_path, SQLITE)
    log.sample()
    seen = []

    async def overfill():
        async with open_audit(settings(), context(tmp_path)) as observer:
            connection = observer._recorder._log.database._connection
            (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 8}")
            connection.rollback()
            for number in range(2_000):
                await observer.observe([routed(number), routed(number), up(number)])
                seen.append(number)

    with pytest.raises((AuditError, ExceptionGroup)) as caught:
        anyio.run(overfill)
    assert _only(caught.value, AuditError)
    outcome = log.verified()
    assert outcome.sound
    assert outcome.segments == 3 + len(seen)
    log.write([up(1)])
    assert log.verified().sound


def test_14_a_full_disk_is_bridged_by_a_spool(tmp_path):
    """SQLite: what finds no room is kept, and stands in the log once there is room."""
    log = Log(tmp_path, SQLITE)
    log.sample()

    async def overfill():
        async with open_audit(settings(on_failure="spool"), context(tmp_path)) as observer:
            connection = observer._recorder._log.database._connection
            (pages,) = connection.exec_driver_sql("PRAGMA page_count").one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
            connection.rollback()
            for number in range(20):
                await observer.observe([routed(number), routed(number), up(number)])
            assert isinstance(observer, Troubled)
            assert "the audit log cannot be written since" in observer.trouble()
            return observer.summary()["spooled"]

    assert anyio.run(overfill) > 10
    assert log.verified().segments < 23
    log.write([up(1)])
    outcome = log.verified()
    assert outcome.sound
    assert outcome.segments == 23


def test_14_an_outage_of_hours_leaves_no_pile_of_keys(tmp_path):
    """A data key is made for each attempt, in a store that has room; those that sealed nothing are taken out again."""
    log = Log(tmp_path, SQLITE)
    log.sample()
    clock = ManualClock()
    recorder = Recorder(settings(on_failure="spool"), tmp_path, "test", clock, lambda _: None)
    recorder.open()
    database = recorder._log.database

    def room(pages):
        database._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        database._connection.rollback()

    def stays_full():
        (pages,) = database._connection.exec_driver_sql("PRAGMA page_count").one()
        room(pages)

    counts = []
    original = database.reconnect
    database.reconnect = lambda: (original(), stays_full())
    stays_full()
    for _ in range(40):
        clock.advance(10)
        recorder.store([gathered_act("control", up(n)) for n in range(20)])
        counts.append(recorder._log.keys.count())
    assert recorder._detour is not None
    assert max(counts) - min(counts) <= 2
    database.reconnect = lambda: (original(), room(1_000_000))
    clock.advance(10)
    recorder.store([gathered_act("control", up())])
    assert recorder._detour is None
    recorder.close()
    assert log.verified().sound


def test_14_a_spool_on_a_full_disk_halts_the_feed_and_keeps_what_was_whole(log):
    """A frame that finds no room tears the end alone: nothing is written behind it; the next start adds the rest."""
    recorder = Recorder(
        settings(database=log.database, on_failure="spool"), log.folder, "test", ManualClock(), lambda _: None
    )
    recorder.open()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        recorder._turn_off(AuditError("cut"), [gathered_act("control", up(1)).draft()])
        size = recorder._detour.spool.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, before[1]))
        for _ in range(2):
            with pytest.raises(AuditError, match="cannot be written"):
                recorder.store([gathered_act("control", up(2))])
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        with pytest.raises(AuditError, match="cannot be written any more"):
            recorder.store([gathered_act("control", up(3))])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
        recorder.close()
    warnings = []
    log.write([up(4)], warn=warnings.append)
    assert "1 entries; its last frame was torn" in "".join(warnings)
    assert log.verified().sound


@pytest.mark.parametrize("how", ["terminated", "cut"])
def test_14_a_server_that_dies_halts_the_feed_and_leaves_whole_entries(log, how):
    """PostgreSQL: the backend is terminated, or the socket is cut, in the middle of a transaction."""
    if log.is_sqlite:
        pytest.skip("SQLite has no server")
    proxied = Proxied(log)

    def die(connection, seq):
        if how == "cut":
            proxied.cut()
            return
        (pid,) = connection.exec_driver_sql("SELECT pg_backend_pid()").one()
        log.fetch(sqlalchemy.text(f"SELECT pg_terminate_backend({pid})"))

    recorder = Recorder(
        settings(database=proxied.log.database), log.folder, "test", ManualClock(), lambda _: None
    )
    recorder.open()
    recorder.store([gathered_act("control", up(1))])
    with pytest.raises(AuditError, match=r"audit database .* failed"):
        recorder._appender.append([gathered_act("control", up(2)).draft()], also=die)
    if how == "cut":
        with pytest.raises(AuditError):
            recorder.store([gathered_act("control", up(3))])
    else:  # the server takes new connections
        recorder.store([gathered_act("control", up(3))])
        proxied.cut()
    recorder.close()
    there = 9 if how == "cut" else 10
    assert log.verified().entries == there
    assert log.verified().sound
    log.write([up(4)])
    assert log.verified().sound
    assert log.fetch(sqlalchemy.select(sqlalchemy.func.count()).select_from(schema.entries)) == [(there + 3,)]
