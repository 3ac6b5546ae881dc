"""A database that is held by another session, or says nothing any more: the feed halts or spools within seconds."""

import contextlib
import socket
import threading
import time

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from ticktrail.errors import AuditError
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.recorder import RETRY_S, Recorder
from ticktrail_compliance.store import database as databases
from ticktrail_compliance.store.database import connect
from unit.compliance.adversarial.attacks import Log, made
from unit.compliance.logs import settings, up


class Real:
    """A clock that goes on."""

    def now_ns(self):
        return time.time_ns()

    def mono_ns(self):
        return time.monotonic_ns() + self.ahead_ns

    ahead_ns = 0


class Silent:
    """A proxy that keeps every connection, accepts new ones, and can say nothing any more."""

    def __init__(self, log):
        url = make_url(log.database)
        self._server = (url.host, url.port)
        self.is_quiet = threading.Event()
        self._ends = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.log = Log(log.folder, url.set(port=port).render_as_string())
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        for one in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._ends.append(client)
                if self.is_quiet.is_set():
                    continue
                server = socket.create_connection(self._server)
                self._ends.append(server)
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                if not self.is_quiet.is_set():
                    other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def log(tmp_path):
    with made("postgresql", tmp_path) as log:
        yield log


@pytest.fixture
def silent(log):
    found = Silent(log)
    yield found
    found.close()


@contextlib.contextmanager
def _recorder(log, clock=None, **more):
    more = {"on_failure": "spool", "database": log.database, **more}
    recorder = Recorder(settings(**more), log.folder, "test", clock or Real(), lambda _: None)
    recorder.open()
    try:
        yield recorder
    finally:
        recorder.close()


@contextlib.contextmanager
def _held(log):
    """Another session holds what a writer needs."""
    if log.is_sqlite:
        with contextlib.closing(log_connection(log)) as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            yield
            connection.rollback()
    else:
        with log.attacked() as connection:
            connection.exec_driver_sql("SELECT * FROM audit_head FOR UPDATE")
            yield


def log_connection(log):
    url = make_url("sqlite:///" + str(log.folder / "audit.db"))
    connection = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool).connect()
    connection.connection.dbapi_connection.isolation_level = None
    return connection


def _store(recorder, *numbers):
    """Record an event each; gives how long the slowest took."""
    took = []
    for number in numbers:
        begun = time.monotonic()
        recorder.store([gathered_act("control", up(number))])
        took.append(time.monotonic() - begun)
    return max(took)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_lock_that_is_held_leads_to_the_spool_and_costs_little_from_then_on(tmp_path, kind, monkeypatch):
    """At first as long as a lock is waited for; each attempt to come back a moment, RETRY_S from the last one's end."""
    monkeypatch.setattr(databases, "BUSY_MS", 4_000)
    clock = Real()
    with made(kind, tmp_path) as log, _recorder(log, clock) as recorder:
        _store(recorder, 1)
        with _held(log):
            assert 3.9 < _store(recorder, 2) < 20
            assert recorder._detour is not None
            for number in (3, 4):
                clock.ahead_ns += round((RETRY_S + 1) * 1e9)
                begun_ns = clock.mono_ns()
                assert _store(recorder, number) < 3.9
                assert recorder._detour.tried_ns - begun_ns > 0.05e9  # counted from its end
                tried_ns = recorder._detour.tried_ns
                _store(recorder, number + 10)
                assert recorder._detour.tried_ns == tried_ns
        clock.ahead_ns += round((RETRY_S + 1) * 1e9)
        _store(recorder, 5)
        assert recorder._detour is None
        recorder.checkpoint()
        assert log.verified().sound
        assert log.verified().events == 9


def test_a_lock_that_is_held_halts_a_feed_that_keeps_no_spool(log, monkeypatch):
    """Within the time that a lock is waited for; told with what to do."""
    monkeypatch.setattr(databases, "BUSY_MS", 500)
    with _recorder(log, on_failure="halt") as recorder:
        with _held(log), pytest.raises(AuditError, match=r"lock timeout; another session holds it"):
            _store(recorder, 1)
        _store(recorder, 2)
    assert log.verified().sound


def test_a_server_that_says_nothing_leads_to_the_spool(silent, monkeypatch):
    """Its bytes are confirmed, and none comes back: the connection is given up; an attempt to come back is bounded."""
    monkeypatch.setattr(databases, "SILENT_S", 4.0)  # a busy server may take some time to begin a session
    clock = Real()
    with _recorder(silent.log, clock) as recorder:
        _store(recorder, 1)
        silent.is_quiet.set()
        assert _store(recorder, 2) < 12
        assert "did not answer in time; see that its server runs" in recorder._detour.cause
        clock.ahead_ns += round((RETRY_S + 1) * 1e9)
        assert _store(recorder, 3) < databases.PROBE_S + 6
        silent.is_quiet.clear()
        clock.ahead_ns += round((RETRY_S + 1) * 1e9)
        _store(recorder, 4)
        assert recorder._detour is None
        recorder.checkpoint()
    outcome = silent.log.verified()
    assert (outcome.sound, outcome.events) == (True, 6)


def test_a_silence_in_the_middle_of_a_transaction_ends_it(silent, monkeypatch):
    """Before a statement, before the commit, and in a read of a writer's."""
    monkeypatch.setattr(databases, "SILENT_S", 2.0)
    url = make_url(silent.log.database)
    for when in ("statement", "commit", "read"):
        silent.is_quiet.clear()
        with (
            contextlib.closing(connect(url, create=True)) as database,
            pytest.raises(AuditError, match="did not answer in time"),
        ):
            _fall_silent(database, silent, when)


def _fall_silent(database, silent, when):
    with database.reading() if when == "read" else database.writing() as connection:
        silent.is_quiet.set()
        if when != "commit":
            connection.exec_driver_sql("SELECT 1")


def test_what_bounds_a_write_bounds_no_read_and_no_migration(log, monkeypatch):
    """Nor a transaction that is patient; and a commit is on the disk, whatever the database says."""
    monkeypatch.setattr(databases, "STATEMENT_MS", 200)
    monkeypatch.setattr(databases, "SILENT_S", 0.5)
    url = make_url(log.database)
    with log.attacked() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with contextlib.closing(connect(url, create=True)) as database:
        with (
            pytest.raises(AuditError, match="statement timeout; the server is slower"),
            database.writing() as connection,
        ):
            connection.exec_driver_sql("SELECT pg_sleep(0.4)")
        with database.writing(patient=True) as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0.8)")
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
        with database.writing() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "200ms"
        with database.reading() as connection:
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "0"
    with contextlib.closing(connect(url, create=False)) as database, database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(0.8)")
    with contextlib.closing(connect(url, create=True)) as database:
        database.wait_for_answers()  # as a command does that tells of itself, and reads for long then
        with database.reading() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0.8)")
