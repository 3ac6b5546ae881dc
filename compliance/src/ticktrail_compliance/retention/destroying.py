"""Destroy data keys, in an order that survives a kill at any point and lets every hold win.

Owns: that order. The entry that tells comes first, then the deed. The deed is done while the log is locked, once it was
seen that no hold and no policy came since they were last read: who places a hold waits for that lock, and stands before
the deed or after it. What a hold stops after it was told is told as withheld, and is destroyed by nobody.
Never: decides what is due.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from ticktrail.errors import AuditError
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acts import Actor, DestructionWithheld, KeysDestroyed
from ticktrail_compliance.classes import CLASSES, EntryClass
from ticktrail_compliance.destroyed import destroyed_keys
from ticktrail_compliance.holds.placing import Writing
from ticktrail_compliance.holds.standing import TELLING
from ticktrail_compliance.retention.judging import Hindrance, Judge
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.keystore import KeyState
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Destroyed", "Keys", "destroy", "finish"]


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys of one class and month."""

    entry_class: EntryClass
    month: str
    key_ids: Sequence[int]
    entries: int = 0


@dataclass(slots=True)
class Destroyed:
    """What came of it: how many keys were destroyed, and why others were not, by key."""

    keys: int = 0
    withheld: dict[int, Hindrance] = field(default_factory=dict)

    def add(self, other: Destroyed) -> None:
        """Count what came of others as well."""
        self.keys += other.keys
        self.withheld |= other.withheld


def destroy(
    writing: Writing,
    keys: Keys,
    purpose: str,
    now: Callable[[], int],
    *,
    plan: str = "",
    open_entries: bool = True,
) -> Destroyed:
    """Destroy keys that may be: tell it, and do it.

    Args:
        writing: The log.
        keys: Which.
        purpose: Why.
        now: Gives the present, UTC nanoseconds.
        plan: The plan that it follows.
        open_entries: As of `Judge`.

    Raises:
        AuditError: Log or key store failed; `finish` does what is missing.
    """
    told = KeysDestroyed(
        at_ns=now(),
        actor=actor_at(writing.log.database),
        purpose=purpose,
        entry_class=keys.entry_class,
        month=keys.month,
        key_ids=keys.key_ids,
        entries=keys.entries,
        plan=plan,
    )
    writing.record("retention", told)
    return _done(writing, keys, now, open_entries=open_entries)


def finish(writing: Writing, now: Callable[[], int], *, open_entries: bool = True) -> Destroyed:
    """Destroy what an entry told of and nobody did, as a kill between the two leaves it; or tell that it is withheld.

    Raises:
        AuditError: Log or key store failed.
    """
    outcome = Destroyed()
    for keys in _unfinished(writing.log):
        outcome.add(_done(writing, keys, now, open_entries=open_entries))
    return outcome


def _unfinished(log: AuditLog) -> Sequence[Keys]:
    """Return keys that are told to be destroyed, and are there, by class and month."""
    told = destroyed_keys(log)
    found: dict[tuple[EntryClass, str], list[int]] = {}
    for state in log.keys.states() if told else ():
        entry_class = _class_of(state)
        if state.key_id in told and state.state != "destroyed" and entry_class is not None:
            found.setdefault((entry_class, state.month), []).append(state.key_id)
    return [Keys(entry_class, month, ids) for (entry_class, month), ids in sorted(found.items())]


def _class_of(state: KeyState) -> EntryClass | None:
    return next((name for name in CLASSES if name == state.entry_class), None)


def _done(writing: Writing, keys: Keys, now: Callable[[], int], *, open_entries: bool) -> Destroyed:
    """Do what was told; what meanwhile must not be done is told first."""
    log, left = writing.log, list(keys.key_ids)
    withheld: dict[int, Hindrance] = {}
    while left:
        seen = _end(log)
        judge = Judge(log, now(), open_entries=open_entries)
        stopped = {
            key_id: found
            for key_id in left
            if (found := judge.hindrance(key_id, keys.entry_class, keys.month)) is not None
        }
        if stopped:
            writing.record("retention", *_told(keys, stopped, actor_at(log.database), now()))
            withheld |= stopped
            left = [key_id for key_id in left if key_id not in stopped]
            continue
        count = _destroyed_unless_changed(log, left, seen)
        if count is not None:
            return Destroyed(count, withheld)
    return Destroyed(0, withheld)


def _destroyed_unless_changed(log: AuditLog, key_ids: Sequence[int], seen: int) -> int | None:
    """Destroy keys while nobody can add to the log; None: nothing was done, since what may stop it was added."""
    keys, table = log.keys, schema.entries.c
    wanted = select(table.seq).where(table.seq > seen, table.entry_class.in_(sorted(TELLING))).limit(1)
    with keys.scrubbing(), log.database.writing() as connection:
        if log.head_row.read(connection, to_move=True) is None:
            raise AuditError(
                f"audit database {log.name}: the log's end is not what was sealed; run `ticktrail audit verify`"
            )
        if connection.execute(wanted).first() is not None:
            return None
        return keys.take_out(key_ids, connection if keys.database is log.database else None)


def _end(log: AuditLog) -> int:
    head = log.head()
    return 0 if head is None else head.seq


def _told(
    keys: Keys, stopped: Mapping[int, Hindrance], actor: Actor, at_ns: int
) -> Sequence[DestructionWithheld]:
    grouped: dict[str, list[int]] = {}
    for key_id, found in stopped.items():
        grouped.setdefault(found.why, []).append(key_id)
    return [
        DestructionWithheld(
            at_ns=at_ns,
            actor=actor,
            entry_class=keys.entry_class,
            month=keys.month,
            key_ids=key_ids,
            holds=stopped[key_ids[0]].holds,
            why=why,
        )
        for why, key_ids in grouped.items()
    ]
