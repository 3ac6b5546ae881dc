"""Say what is held, what is to be destroyed by which rule, who agreed, and what was done.

Owns: one frozen Struct a kind of act; each is an entry of class ``retention``, which is never destroyed.
Never: computes the present state; `ticktrail_compliance.holds` and `ticktrail_compliance.retention` do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail_compliance.acts.base import ActBase, Actor
from ticktrail_compliance.classes import EntryClass

__all__ = [
    "DestructionWithheld",
    "HoldLifted",
    "HoldPlaced",
    "PlannedKeys",
    "RetentionApplied",
    "RetentionApproved",
    "RetentionPlanned",
]


class HoldPlaced(ActBase, frozen=True, tag="hold_placed"):
    """Nothing of what this names is destroyed before the hold is lifted.

    Times are of records, nanoseconds, both ends within; None: no bound. An empty sequence: all of them.
    """

    actor: Actor
    hold_id: str
    from_ns: int | None
    to_ns: int | None
    classes: Sequence[EntryClass]
    instruments: Sequence[str]
    providers: Sequence[str]
    incident: str
    reason: str
    reference: str


class HoldLifted(ActBase, frozen=True, tag="hold_lifted"):
    """A hold stops nothing any more."""

    actor: Actor
    hold_id: str
    reason: str
    reference: str


class PlannedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of a class and month that are to be destroyed, and the rule that says so.

    Attributes:
        entry_class: Of which class.
        month: In which they sealed, UTC, ``YYYY-MM``.
        key_ids: Their numbers, in order.
        entries: Entries that they sealed.
        content_bytes: The ciphertexts of those.
        keep_days: How long the policy keeps them.
        then: ``shred`` or ``archive``.
        minimum_days: What the rules ask that the firm declared applicable.
        by: The names of those.
        due_ns: Since when it is due.
    """

    entry_class: EntryClass
    month: str
    key_ids: Sequence[int]
    entries: int
    content_bytes: int
    keep_days: int
    then: str
    minimum_days: int
    by: Sequence[str]
    due_ns: int


class RetentionPlanned(ActBase, frozen=True, tag="retention_planned"):
    """What is to be destroyed under the policy in force, and may be, key by key; `plan_id` is the hash of all that."""

    actor: Actor
    plan_id: str
    policy_sha256: str
    keys: Sequence[PlannedKeys]


class RetentionApproved(ActBase, frozen=True, tag="retention_approved"):
    """Another person agrees with a plan."""

    actor: Actor
    plan_id: str
    comment: str


class DestructionWithheld(ActBase, frozen=True, tag="destruction_withheld"):
    """An entry before told that keys are destroyed, and they are not: a hold came first, or another policy."""

    actor: Actor
    entry_class: EntryClass
    month: str
    key_ids: Sequence[int]
    holds: Sequence[str]
    why: str


class RetentionApplied(ActBase, frozen=True, tag="retention_applied"):
    """What was due was done.

    Attributes:
        actor: Who did it.
        plan_id: The plan; empty: what an earlier one left was finished.
        destroyed: How many keys were destroyed.
        withheld: How many were not, since a hold came first or another policy.
        entries: Entries whose ciphertexts were removed.
        content_bytes: How many bytes those had.
        disk_bytes: How much smaller the database became.
        reclaimed_keys: The keys of those entries: nothing of theirs takes room any more.
    """

    actor: Actor
    plan_id: str
    destroyed: int
    withheld: int
    entries: int
    content_bytes: int
    disk_bytes: int
    reclaimed_keys: Sequence[int]
