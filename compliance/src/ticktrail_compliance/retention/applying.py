"""Carry out what is due: tell it, destroy the keys, give the room back, and tell what was done.

Owns: the order of these, each step short, so that a feed's process can do them between two of its own; and that a run
that was killed is gone on with by the next one.
Never: destroys a key that the log does not say is due, or more than was approved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import false

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acts import Actor, PlannedKeys, RetentionApplied, RetentionPlanned
from ticktrail_compliance.holds.placing import Writing
from ticktrail_compliance.retention.destroying import Destroyed, Keys, destroy, finish
from ticktrail_compliance.retention.history import History, by_logins, history_of, see_agreed
from ticktrail_compliance.retention.planning import Plan, made_plan
from ticktrail_compliance.retention.reclaiming import compact, disk_bytes, reclaim, reclaimable
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Applied", "apply", "planned_act", "see_may_destroy"]


@dataclass(slots=True)
class Applied:
    """What was done so far.

    Attributes:
        plan_id: By which plan; empty: nothing was due.
        destroyed: Keys, and why others were not.
        entries: Entries whose ciphertexts were removed.
        content_bytes: The bytes of those.
        disk_bytes: How much smaller the database is.
        reclaimed_keys: The keys of those entries.
        seq: The entry that tells of all this; 0: nothing was done, and nothing is told.
    """

    plan_id: str = ""
    destroyed: Destroyed = field(default_factory=Destroyed)
    entries: int = 0
    content_bytes: int = 0
    disk_bytes: int = 0
    reclaimed_keys: list[int] = field(default_factory=list)
    seq: int = 0


def apply(
    writing: Writing,
    now: Callable[[], int],
    *,
    digits: str | None = None,
    whole: bool | None = None,
    open_entries: bool = True,
) -> Iterator[Applied]:
    """Do what is due, and yield after each step what was done so far; what is the same each time is one object.

    Args:
        writing: The log.
        now: Gives the present, UTC nanoseconds.
        digits: The first digits of a saved plan's id, which is carried out as far as it is still due; None: whatever
            is due now.
        whole: As of `compact`.
        open_entries: As of `Judge`.

    Raises:
        ConfigError: No policy is in force, the plan is none or not approved, or this user may not destroy.
        AuditError: The log or its key store failed; the next run goes on.
    """
    log = writing.log
    history = history_of(log)
    plan = made_plan(log, now(), open_entries=open_entries)
    chosen = _chosen(log, plan, history, digits)
    see_may_destroy(log)
    done = Applied(history.interrupted())
    done.destroyed.add(finish(writing, now, open_entries=open_entries))
    yield done
    if chosen.keys:
        if chosen.plan_id not in history.plans:
            writing.record("retention", planned_act(plan, actor_at(log.database), now()))
        done.plan_id = chosen.plan_id
    for keys in chosen.keys:
        some = Keys(keys.entry_class, keys.month, keys.key_ids, keys.entries)
        done.destroyed.add(
            destroy(writing, some, _purpose(keys), now, plan=chosen.plan_id, open_entries=open_entries)
        )
        yield done
    yield from _reclaimed(log, history, done, whole=whole)
    if done.destroyed.keys or done.destroyed.withheld or done.reclaimed_keys:
        done.seq = writing.record("retention", _told(done, actor_at(log.database), now()))
    yield done


def planned_act(plan: Plan, actor: Actor, at_ns: int) -> RetentionPlanned:
    """Return the act by which a plan stands in the log."""
    return RetentionPlanned(
        at_ns=at_ns,
        actor=actor,
        plan_id=plan.plan_id,
        policy_sha256=plan.policy_sha256,
        keys=plan.keys,
    )


def see_may_destroy(log: AuditLog) -> None:
    """See that this user may destroy keys and remove ciphertexts, before anything is told.

    Raises:
        ConfigError: The database refuses, as it does to whoever only records.
    """
    try:
        with log.keys.database.writing() as connection:
            connection.execute(schema.keys.update().where(false()).values(wrapped=None))
        with log.database.writing() as connection:
            connection.execute(schema.entries.update().where(false()).values(summary=None, body=None))
    except AuditError as exc:
        raise ConfigError(
            f"nothing was destroyed, since it cannot be by this user, or not now: {exc}. Who only records may not; the "
            "owner of the tables runs `ticktrail audit retention apply`"
        ) from exc


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is carried out."""

    plan_id: str
    keys: Sequence[PlannedKeys]


def _chosen(log: AuditLog, plan: Plan, history: History, digits: str | None) -> _Chosen:
    """Return what of a saved plan, or of all, is due now.

    Raises:
        ConfigError: The saved plan is none, was made under another policy, or was not approved; or one must be named.
    """
    if digits is None:
        if plan.people > 1 and plan.keys:
            raise ConfigError(
                "the policy asks for two people (people = 2): save a plan (`ticktrail audit retention plan FEED.toml "
                "--save`), let another person approve it, and name it with --plan"
            )
        return _Chosen(plan.plan_id, plan.keys)
    saved = history.found(digits)
    if plan.people > 1:
        see_agreed(saved, history.approvals, actor_at(log.database), by_logins=by_logins(log))
    if saved.policy_sha256 != plan.policy_sha256:
        raise ConfigError(
            f"plan {saved.plan_id[:16]} was made under another policy than the one in force: plan anew with `ticktrail "
            "audit retention plan FEED.toml --save`"
        )
    due = {key_id for keys in plan.keys for key_id in keys.key_ids}
    return _Chosen(saved.plan_id, [left for keys in saved.keys if (left := _left(keys, due)) is not None])


def _left(keys: PlannedKeys, due: set[int]) -> PlannedKeys | None:
    """Return what of a plan's line is due still; None: nothing."""
    there = [key_id for key_id in keys.key_ids if key_id in due]
    if not there:
        return None
    return PlannedKeys(**{**{name: getattr(keys, name) for name in keys.__struct_fields__}, "key_ids": there})


def _reclaimed(log: AuditLog, history: History, done: Applied, *, whole: bool | None) -> Iterator[Applied]:
    before = disk_bytes(log)
    for key_id in reclaimable(log, history.reclaimed):
        for removed in reclaim(log, key_id):
            done.entries += removed.entries
            done.content_bytes += removed.content_bytes
            yield done
        done.reclaimed_keys.append(key_id)
    if done.reclaimed_keys or whole:
        for _ in compact(log, whole=whole):
            yield done
        done.disk_bytes = max(0, before - disk_bytes(log))


def _purpose(keys: PlannedKeys) -> str:
    by = f", at least {keys.minimum_days} by {', '.join(keys.by)}" if keys.by else ""
    return f"retention: {keys.keep_days} days, then {keys.then}{by}"


def _told(done: Applied, actor: Actor, at_ns: int) -> RetentionApplied:
    return RetentionApplied(
        at_ns=at_ns,
        actor=actor,
        plan_id=done.plan_id,
        destroyed=done.destroyed.keys,
        withheld=len(done.destroyed.withheld),
        entries=done.entries,
        content_bytes=done.content_bytes,
        disk_bytes=done.disk_bytes,
        reclaimed_keys=done.reclaimed_keys,
    )
