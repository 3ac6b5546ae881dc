"""Write a small audit log, and reach into its database as an attacker would."""

import contextlib
import os
import sqlite3
import uuid
from contextlib import contextmanager

import pytest
import sqlalchemy

from ticktrail.events import LegDown, LegUp
from ticktrail.model import Rejected, Suppressed, Violation
from ticktrail.plugin import ObserverContext, Routed, Secret
from ticktrail.testing import ManualClock, make_quote, make_trade
from ticktrail_compliance.policy.adopted import adopt
from ticktrail_compliance.policy.loading import LoadedPolicy, parse_policy
from ticktrail_compliance.recording.duty import Recording
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.opening import keys_url, open_log
from ticktrail_compliance.verify.whole import verify

NOW_NS = 1_790_000_000_000_000_000
SQLITE = "sqlite:///audit.db"
POSTGRES = "postgresql+psycopg://postgres@127.0.0.1:5432"
ENTRIES = 7
"""Of `sample`: who writes, and six of the feed's."""


class TooBig(Violation, frozen=True, tag="too_big"):
    size: int


def settings(**more):
    return ComplianceSettings(**{"key": Secret(file="audit.key"), "segment_ticks": 4, **more})


def context(folder, clock=None, warn=lambda _: None, feed="test"):
    clock = clock or ManualClock()
    return ObserverContext(
        feed=feed, clock=clock, base_dir=folder, warn=warn, tell=lambda _notice: None, status=lambda: None
    )


def routed(number, *, rejected=0, suppressed=0):
    """A batch of two ticks that are delivered, and more that are not."""
    return Routed(
        provider="leg",
        recv_ns=NOW_NS + number,
        delivered=[make_trade("61837.63000000", id=number), make_quote("1.10", "1.20")],
        rejected=[
            Rejected(tick=make_trade("9e9", id=number + n), violations=(TooBig(size=n),))
            for n in range(rejected)
        ],
        suppressed=[Suppressed(reason="standby", ticks=[make_trade("2", id=n)]) for n in range(suppressed)],
    )


def up(number=0):
    return LegUp(at_ns=NOW_NS + number, provider="leg", reconnects=number)


def down(number=0):
    return LegDown(
        at_ns=NOW_NS + number,
        provider="leg",
        cause="cut",
        detail="cut by the server",
        permanent=False,
        failures=1,
        retry_in_s=0.5,
    )


async def write(folder, records, *, clock=None, warn=lambda _: None, feed="test", **more):
    """Record everything in one run, and return the counts."""
    async with open_audit(settings(**more), context(folder, clock, warn, feed)) as observer:
        await observer.observe(records)
    return observer.summary()


async def sample(folder, **more):
    """A log with seven entries: who writes, event, two segments, event, a segment, event."""
    records = [up(1), routed(1), routed(2), routed(3, rejected=2), down(4), routed(5, suppressed=1), up(6)]
    return await write(folder, records, **more)


def opened(folder, *, write=False, **more):
    return open_log(settings(**more), folder, write=write, now_ns=NOW_NS, warn=lambda _: None)


def acknowledged(folder, text, **more):
    """Put a policy into force in a log, by somebody who acknowledges that one person may destroy under it."""
    own, now_ns = settings(**more), ManualClock().now_ns()
    with open_log(own, folder, write=True, now_ns=now_ns, warn=lambda _: None) as log:
        recording = Recording(log, Appender(log, lambda: now_ns), now_ns, folder)
        loaded = LoadedPolicy(parse_policy(text), text)
        return adopt(log, loaded, now_ns, recording.record, one_person_may_destroy=True)


def verified(folder, *, anchors=(), quick=False, **more):
    with opened(folder, **more) as log:
        return verify(log, anchors=anchors, quick=quick)


@contextmanager
def attacked(folder, *, database=SQLITE, keys=False):
    """The database, open to be changed behind the program's back; committed at the end."""
    own = settings(database=database)
    url = keys_url(own, folder) if keys else resolve_url(database, folder)
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def attack(folder, statement, name="audit.db"):
    """Run a statement on an SQLite database; rows must be changed by it."""
    with contextlib.closing(sqlite3.connect(folder / name)) as connection, connection:
        assert connection.execute(statement).rowcount > 0


def change(folder, table, values, *where, database=SQLITE):
    """Change columns of rows, which must be there."""
    statement = sqlalchemy.update(table).where(*where).values(values)
    with attacked(folder, database=database, keys=table is schema.keys) as connection:
        assert connection.execute(statement).rowcount > 0


def remove(folder, table, *where, database=SQLITE):
    """Delete rows, which must be there."""
    statement = sqlalchemy.delete(table).where(*where)
    with attacked(folder, database=database, keys=table is schema.keys) as connection:
        assert connection.execute(statement).rowcount > 0


def fetch(folder, statement, *, database=SQLITE, keys=False):
    """What a statement gives, row by row."""
    with attacked(folder, database=database, keys=keys) as connection:
        return connection.execute(statement).all()


def has_postgres():
    """Whether a PostgreSQL server listens on loopback."""
    engine = sqlalchemy.create_engine(f"{POSTGRES}/postgres", connect_args={"connect_timeout": 2})
    try:
        with contextlib.suppress(sqlalchemy.exc.OperationalError), engine.connect():
            return True
    finally:
        engine.dispose()
    return False


@contextmanager
def postgres(template=None):
    """A database of its own at the server on loopback, perhaps a copy of another; gives its URL."""
    if not has_postgres():
        if os.environ.get("TICKTRAIL_REQUIRE_SERVICES") == "1":
            pytest.fail("no PostgreSQL at 127.0.0.1:5432, and services are required")
        pytest.skip("no PostgreSQL at 127.0.0.1:5432")
    name = f"ticktrail_{uuid.uuid4().hex}"
    made = f"CREATE DATABASE {name}" + (f" TEMPLATE {template.rpartition('/')[2]}" if template else "")
    administer(made)
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        administer(f"DROP DATABASE {name} WITH (FORCE)")


def administer(statement):
    engine = sqlalchemy.create_engine(f"{POSTGRES}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement))
    finally:
        engine.dispose()
