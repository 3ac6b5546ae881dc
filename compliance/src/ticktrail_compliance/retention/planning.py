"""Say what is due, before anything is done.

Owns: the plan: which keys, by class and month, by which rule, since when; what is due and kept all the same; and the
hash by which people agree on exactly that.
Never: writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.acts import PlannedKeys
from ticktrail_compliance.classes import CLASSES, EntryClass
from ticktrail_compliance.holds.matching import sealed_under
from ticktrail_compliance.policy.adopted import adopted
from ticktrail_compliance.policy.checking import kept
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.retention.judging import Hindrance, Judge
from ticktrail_compliance.store.log import AuditLog

__all__ = ["KeptKeys", "Plan", "made_plan", "no_policy", "plan_id_of"]


class KeptKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Keys whose time by the policy is over, and that are not destroyed all the same."""

    entry_class: str
    month: str
    key_ids: Sequence[int]
    entries: int
    holds: Sequence[str]
    why: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be destroyed.

    Attributes:
        plan_id: The hash of log, policy and keys: the same where the same is due.
        policy_sha256: The policy by which it is.
        people: How many people it takes.
        keys: By class and month.
        kept: What is due and stays.
    """

    plan_id: str
    policy_sha256: str
    people: int
    keys: Sequence[PlannedKeys]
    kept: Sequence[KeptKeys]


def made_plan(log: AuditLog, now_ns: int, *, open_entries: bool = True) -> Plan:
    """Return what is due now.

    Args:
        log: Open to read.
        now_ns: The present, UTC nanoseconds.
        open_entries: As of `Judge`.

    Raises:
        ConfigError: No policy is in force.
        AuditError: The log cannot be read.
    """
    act = adopted(log)
    judge = Judge(log, now_ns, open_entries=open_entries)
    policy = judge.policy
    if act is None or policy is None:
        raise no_policy(log)
    keys: list[PlannedKeys] = []
    stays: list[KeptKeys] = []
    for (month, entry_class), key_ids in sorted(_due(log, judge, now_ns).items()):
        found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        for key_id in key_ids:
            hindrance = judge.hindrance(key_id, entry_class, month) or Hindrance("")
            found.setdefault((hindrance.why, tuple(hindrance.holds)), []).append(key_id)
        for (why, holds), some in sorted(found.items()):
            entries, content_bytes = _sealed(log, some)
            if not why:
                keys.append(_planned(policy, judge, entry_class, month, some, entries, content_bytes))
                continue
            stays.append(
                KeptKeys(
                    entry_class=entry_class, month=month, key_ids=some, entries=entries, holds=holds, why=why
                )
            )
    return Plan(
        plan_id=plan_id_of(log.log_id, act.sha256, keys),
        policy_sha256=act.sha256,
        people=policy.people,
        keys=keys,
        kept=stays,
    )


def plan_id_of(log_id: str, policy_sha256: str, keys: Sequence[PlannedKeys]) -> str:
    """Return the hash of what a plan says, in hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode([log_id, policy_sha256, keys])).hexdigest()


def no_policy(log: AuditLog) -> ConfigError:
    """Return what is said where nothing tells how long anything is kept."""
    return ConfigError(
        f"{log.name}: no policy is in force, so nothing is ever due; name one in the feed file ([compliance] policy) "
        "and run `ticktrail compliance policy adopt FEED.toml`"
    )


def _due(log: AuditLog, judge: Judge, now_ns: int) -> dict[tuple[str, EntryClass], list[int]]:
    """Return the whole keys whose time is over, by month and class."""
    found: dict[tuple[str, EntryClass], list[int]] = {}
    for key_id, entry_class, month in _whole(log):
        due = judge.due_ns(entry_class, month)
        if due is not None and due <= now_ns:
            found.setdefault((month, entry_class), []).append(key_id)
    return found


def _whole(log: AuditLog) -> Iterator[tuple[int, EntryClass, str]]:
    """Yield the keys that can be used: month and class of any other are nobody's word."""
    for state in log.keys.states():
        if state.key is not None and state.key.entry_class in CLASSES:
            yield state.key_id, state.key.entry_class, state.key.month


def _sealed(log: AuditLog, key_ids: Sequence[int]) -> tuple[int, int]:
    sealed = [found for key_id in key_ids if (found := sealed_under(log, key_id)) is not None]
    return sum(one.entries for one in sealed), sum(one.content_bytes for one in sealed)


def _planned(
    policy: Policy,
    judge: Judge,
    entry_class: EntryClass,
    month: str,
    key_ids: Sequence[int],
    entries: int,
    content_bytes: int,
) -> PlannedKeys:
    rule = kept(policy, entry_class)
    return PlannedKeys(
        entry_class=entry_class,
        month=month,
        key_ids=sorted(key_ids),
        entries=entries,
        content_bytes=content_bytes,
        keep_days=rule.rule.keep_days,
        then=rule.rule.then,
        minimum_days=rule.minimum_days,
        by=rule.by,
        due_ns=judge.due_ns(entry_class, month) or 0,
    )
