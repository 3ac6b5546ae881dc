"""Add to a log what a spool kept while its database could not be written.

Owns: that everything in a spool is added once, whatever is interrupted when.
Never: removes a spool that was not caught up with.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from ticktrail_compliance.acts import SpoolCaughtUp
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender, Draft
from ticktrail_compliance.store.spool import SpoolReader, spools_left

__all__ = ["catch_up", "left_behind"]

DRAFTS_AT_ONCE = 200
"""Entries in one transaction: enough to pay the disk's promise once, few enough to be held in memory."""


def left_behind(
    appender: Appender, folder: Path, now_ns: Callable[[], int], warn: Callable[[str], None]
) -> int:
    """Add what earlier runs left in spools, and take those away; returns how many entries there were.

    Raises:
        AuditError: A spool was changed, or the database failed.
    """
    log = appender.log
    added = 0
    for path, claim in spools_left(folder):
        try:
            reader = SpoolReader(path, log.log_id, log.keys)
            entries = catch_up(appender, reader, now_ns, "found at the start")
            torn = "; its last frame was torn by a crash" if reader.torn else ""
            warn(f"spool {path} of an earlier run was added to the audit log: {entries:,} entries{torn}")
            path.unlink(missing_ok=True)
            added += entries
        finally:
            claim.release()
    return added


def catch_up(appender: Appender, reader: SpoolReader, now_ns: Callable[[], int], cause: str) -> int:
    """Add the frames of a spool that the log does not hold yet, in their order; returns how many entries they held.

    Args:
        appender: To add with.
        reader: The spool.
        now_ns: Gives the time.
        cause: Why there was a spool.

    Raises:
        AuditError: The spool was changed, or the database failed.
    """
    if not reader.spool_id:
        return 0
    after = _caught_up(appender, reader.spool_id)
    drafts: list[Draft] = []
    first = last = begun_ns = ended_ns = entries = 0

    def add() -> None:
        told = SpoolCaughtUp(
            at_ns=now_ns(),
            spool_id=reader.spool_id,
            first_frame=first,
            last_frame=last,
            from_ns=begun_ns,
            to_ns=ended_ns,
            cause=cause,
        )

        def remember(connection: Connection, seq: int) -> None:
            row = {"spool_id": reader.spool_id, "last_frame": last, "seq": seq}
            connection.execute(schema.spools.insert().values(**row))

        appender.append([gathered_act("control", told).draft(), *drafts], also=remember)

    for number, frame in reader.frames(after):
        if frame.perhaps is not None and appender.holds(frame.perhaps):
            continue  # the database had done it, and could not say so any more
        if not drafts:
            first, begun_ns = number, frame.at_ns
        drafts.extend(frame.drafts)
        entries += len(frame.drafts)
        last, ended_ns = number, frame.at_ns
        if len(drafts) >= DRAFTS_AT_ONCE:
            add()
            drafts.clear()
    if drafts:
        add()
    return entries


def _caught_up(appender: Appender, spool_id: str) -> int:
    """Return the last frame of a spool that stands in the log."""
    table = schema.spools.c
    with appender.log.database.reading() as connection:
        wanted = select(func.max(table.last_frame)).where(table.spool_id == spool_id)
        return connection.execute(wanted).scalar() or 0
