"""A log to attack on either database: made once, attacked in copies or put right again after each attack."""

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import sqlalchemy

from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import TailSealed
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.migrating import VERSIONS
from ticktrail_compliance.store.spool import Frame, Spool
from unit.compliance import logs
from unit.compliance.logs import NOW_NS, SQLITE, postgres

MANY = 260
"""Entries that fill a tile."""


@dataclass(frozen=True)
class Log:
    """A log, by its folder and its database."""

    folder: Path
    database: str

    @property
    def is_sqlite(self):
        return self.database == SQLITE

    def opened(self, **more):
        return logs.opened(self.folder, database=self.database, **more)

    def verified(self, **more):
        return logs.verified(self.folder, database=self.database, **more)

    def findings(self, **more):
        """What is found, as pairs of entry and words."""
        outcome = self.verified(**more)
        assert outcome.sound == (not outcome.findings)
        return [(finding.seq, finding.what) for finding in outcome.findings]

    def told(self, **more):
        """What is found, as one text."""
        return "\n".join(what for _, what in self.findings(**more))

    def change(self, table, values, *where):
        logs.change(self.folder, table, values, *where, database=self.database)

    def remove(self, table, *where):
        logs.remove(self.folder, table, *where, database=self.database)

    def fetch(self, statement, *, keys=False):
        return logs.fetch(self.folder, statement, database=self.database, keys=keys)

    def attacked(self, *, keys=False):
        return logs.attacked(self.folder, database=self.database, keys=keys)

    def write(self, records, **more):
        """Run a feed that records these."""
        return anyio.run(lambda: logs.write(self.folder, records, database=self.database, **more))

    def sample(self, **more):
        return anyio.run(lambda: logs.sample(self.folder, database=self.database, **more))

    def row(self, table, *where):
        """One row, as a dictionary."""
        (found,) = self.fetch(sqlalchemy.select(table).where(*where), keys=table is schema.keys)
        return dict(found._mapping)


@contextmanager
def made(kind, folder, template=None):
    """A place for a log on a kind of database, or a copy of another log."""
    if template is not None:
        shutil.copytree(template.folder, folder, dirs_exist_ok=True)
    if kind == "sqlite":
        yield Log(folder, SQLITE)
        return
    with postgres(template.database if template else None) as url:
        yield Log(folder, url)


def act(number=1):
    """A draft of a small entry."""
    return gathered_act("control", TailSealed(at_ns=NOW_NS, first_seq=number, last_seq=number)).draft()


def add_many(log, entries=MANY, *, clock=None):
    """Add small entries in one transaction, as a writer of its own, without a checkpoint."""
    with log.opened(write=True) as opened:
        Appender(opened, (clock or ManualClock()).now_ns).append([act(number) for number in range(entries)])


def leave_spool(log, frames=1, *, folder="audit-spool", **more):
    """Leave a spool behind, as a feed does that ended before it could catch up; gives its path."""
    with log.opened() as opened:
        spool = Spool(log.folder / folder, opened.log_id, opened.keys, most_bytes=2**20)
        for number in range(1, frames + 1):
            spool.add(Frame(NOW_NS, (act(number),), **more))
        spool.close(remove=False)
        return spool.path


def flipped(value, bit=0):
    """A value with one bit changed; a null becomes a number."""
    if value is None:
        return 1
    if isinstance(value, int):
        return value ^ (1 << bit)
    place = len(value) // 2
    if isinstance(value, str):
        return value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
    changed = bytearray(value)
    changed[place] ^= 1
    return bytes(changed)


TABLES = [
    *(table.name for table in (*schema.metadata.sorted_tables, *schema.key_metadata.sorted_tables)),
    *VERSIONS.values(),
]


def keep_tables(log):
    """Keep a copy of every table beside it, in PostgreSQL."""
    if log.is_sqlite:
        return
    with log.attacked() as connection:
        connection.exec_driver_sql("CREATE SCHEMA kept")
        for table in TABLES:
            connection.exec_driver_sql(f"CREATE TABLE kept.{table} AS TABLE {table}")


def put_back_tables(log):
    """Put every table back as it was kept, in PostgreSQL."""
    if log.is_sqlite:
        return
    with log.attacked() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(TABLES)}")
        for table in TABLES:
            connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM kept.{table}")
