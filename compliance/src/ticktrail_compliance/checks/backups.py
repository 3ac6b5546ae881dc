"""Look at the backups of the log: that one is there, is recent, opens, and is of this log.

Owns: the controls ``backup.*``.
Never: makes one, or restores it.
"""

from __future__ import annotations

from glob import glob
from pathlib import Path

import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.checks.control import Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import keys_url, open_log
from ticktrail_compliance.verify.whole import verify
from ticktrail_compliance.words import moment

__all__ = ["CONTROLS"]

SQLITE = b"SQLite format 3\x00"
RULE = "17 CFR 240.17a-4(f)"
UNNAMED = "no backup is named ([compliance.checks] backup), so that none can be looked at"


def _newest(facts: Facts) -> Path | None:
    """Return the newest file of the pattern; None where there is none.

    What SQLite keeps beside a database that is read is no backup.
    """
    found = glob(str(facts.base_dir.absolute() / (facts.checks.backup or "")), recursive=True)  # noqa: PTH207 - `Path.glob` refuses some patterns
    own = resolve_url(facts.settings.database, facts.base_dir)
    itself = Path(own.database or "").resolve() if own.get_backend_name() == "sqlite" else None
    paths = [
        path
        for path in map(Path, found)
        if not path.name.endswith(("-wal", "-shm")) and path.resolve() != itself  # a link to the log is none
    ]
    return max(
        (path for path in paths if path.is_file()), key=lambda path: path.stat().st_mtime_ns, default=None
    )


def _age(facts: Facts) -> Look:
    if facts.checks.backup is None:
        return unknown(UNNAMED)
    path = _newest(facts)
    if path is None:
        return failed(f"there is no backup {facts.checks.backup}: make one, or mend the pattern")
    made_ns = path.stat().st_mtime_ns
    if facts.is_to_come(made_ns):
        return failed(f"{path} is dated {moment(made_ns)}, which is to come: see when it was made")
    hours, most = facts.hours_since(made_ns), facts.checks.backup_max_age_hours
    told = f"{path} is {hours:,.1f} h old"
    return (
        failed(f"{told}, more than {most:g} h: see why none was made since") if hours > most else passed(told)
    )


def _opens(facts: Facts) -> Look:
    if facts.checks.backup is None:
        return unknown(UNNAMED)
    path = _newest(facts)
    if path is None:
        return not_applicable("there is none; see backup.age")
    with path.open("rb") as file:
        if file.read(len(SQLITE)) != SQLITE:
            return unknown(
                f"{path} is no SQLite database: restore it elsewhere, and verify it there with the anchors"
            )
    keys = keys_url(facts.settings, facts.base_dir).render_as_string(hide_password=False)
    settings = msgspec.structs.replace(facts.settings, database=f"sqlite:///{path.absolute()}", keys=keys)
    try:
        with open_log(
            settings, facts.base_dir, write=False, now_ns=facts.now_ns, warn=lambda _: None
        ) as backup:
            return _agrees(facts, backup, path)
    except (ConfigError, AuditError, ValueError) as exc:
        return failed(f"{path} does not open as a log: {exc}")


def _agrees(facts: Facts, backup: AuditLog, path: Path) -> Look:
    log, found = facts.opened, verify(backup, quick=True)
    if not found.sound:
        return failed(f"{path} is not as it was sealed: {found.findings[0].what}; make another backup")
    head, own = backup.head(), log.head()
    if head is None or own is None or head.seq == 0:
        return failed(f"{path} holds no entry; make another backup")
    if head.seq > own.seq:
        return failed(
            f"{path} holds {head.seq:,} entries, and the log {own.seq:,}: the log was cut or put back"
        )
    if log.roots(head.seq)(0, head.seq) != head.tree().root():
        return failed(
            f"{path} and the log part ways within the first {head.seq:,} entries: run `ticktrail audit verify`"
        )
    missing = next(log.plain_rows(head.seq + 1, head.seq + 1), None)
    if missing is not None:
        hours, most = facts.hours_since(missing.written_ns), facts.checks.backup_max_age_hours
        if hours > most:
            return failed(
                f"{path} lacks entry {head.seq + 1:,}, which was written {hours:,.1f} h ago, more than {most:g} h: the "
                "file is newer than what is in it",
                head.seq + 1,
            )
    return passed(
        f"{path} opens, holds {head.seq:,} of {own.seq:,} entries, and the log goes on from there", head.seq
    )


CONTROLS = (
    Control(
        "backup.age",
        "There is a recent backup of the log",
        RULE,
        "the newest file of [compliance.checks] backup",
        _age,
    ),
    Control(
        "backup.opens",
        "The newest backup opens, is sound, and the log goes on from it",
        RULE,
        "opened with the log's keys; chain, tree and checkpoints verified; its root against the log's",
        _opens,
    ),
)
