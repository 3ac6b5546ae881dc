"""Sum up what was destroyed by which rule, what was not, and what is held.

Owns: the section on retention and holds.
Never: decides what is due.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.access.identity import person
from ticktrail_compliance.acts import (
    DestructionWithheld,
    HoldPlaced,
    KeysDestroyed,
    RetentionApplied,
    RetentionPlanned,
)
from ticktrail_compliance.evidence.model import Column, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.source import Source
from ticktrail_compliance.holds.standing import Kept, placed_from
from ticktrail_compliance.retention.history import history_from
from ticktrail_compliance.words import moment

__all__ = ["retention_section"]

DIGITS = 16
"""Of a plan's id, as commands print it."""


def retention_section(source: Source) -> Section:
    """Return the section on retention and holds."""
    period = source.period
    history = history_from(source.log.log_id, (one.record for one in source.acts))
    plans = [plan for plan in history.plans.values() if period.holds(plan.at_ns)]
    within = source.acts_within
    destroyed = [(one.seq, one.record) for one in within if isinstance(one.record, KeysDestroyed)]
    withheld = [(one.seq, one.record) for one in within if isinstance(one.record, DestructionWithheld)]
    applied = [(one.seq, one.record) for one in within if isinstance(one.record, RetentionApplied)]
    not_done = {key_id for _, act in withheld for key_id in act.key_ids}
    keys = {key_id for _, act in destroyed for key_id in act.key_ids}
    holds = [
        one
        for one in placed_from(told.record for told in source.acts)
        if one.lifted is None or one.lifted.at_ns >= period.from_ns
    ]
    placed = {told.record.hold_id: told.seq for told in source.acts if isinstance(told.record, HoldPlaced)}
    standing = [one for one in holds if one.lifted is None]
    return Section(
        id="retention",
        title="Retention and holds",
        figures=[
            Figure(
                id="plans",
                title="Plans",
                kind="count",
                value=len(plans),
                how="the entries retention_planned of the period",
                entries=entries_of(
                    one.seq
                    for one in within
                    if isinstance(one.record, RetentionPlanned) and one.record.plan_id in history.plans
                ),
            ),
            Figure(
                id="destroyed",
                title="Data keys destroyed",
                kind="count",
                value=len(keys - not_done),
                how="keys that the log told of before the deed, less those that were withheld after all",
                entries=entries_of(seq for seq, _ in destroyed),
            ),
            Figure(
                id="withheld",
                title="Destructions withheld",
                kind="count",
                value=len(not_done),
                how="keys that were due, and that a hold or another policy kept",
                entries=entries_of(seq for seq, _ in withheld),
            ),
            Figure(
                id="emptied",
                title="Entries that take no room any more",
                kind="count",
                value=sum(act.entries for _, act in applied),
                how="entries of destroyed keys of which the ciphertexts were removed; their proofs stay",
                entries=entries_of(seq for seq, _ in applied),
            ),
            Figure(
                id="holds",
                title="Holds that stood in the period",
                kind="count",
                value=len(holds),
                how="placed before its end, and not lifted before its beginning",
                entries=entries_of(placed[one.hold.hold_id] for one in holds),
            ),
            Figure(
                id="holds_standing",
                title="Holds that stood at its end",
                kind="count",
                value=len(standing),
                how="placed before its end, and not lifted by then",
                entries=entries_of(placed[one.hold.hold_id] for one in standing),
            ),
        ],
        tables=[
            table(
                "plans",
                "Plans",
                (
                    Column("plan", "Plan"),
                    Column("at_ns", "Made", "time"),
                    Column("by", "By"),
                    Column("keys", "Keys", "count"),
                    Column("approved_by", "Approved by"),
                    Column("applied", "Applied"),
                ),
                [
                    (
                        plan.plan_id[:DIGITS],
                        plan.at_ns,
                        person(plan.actor),
                        sum(len(one.key_ids) for one in plan.keys),
                        ", ".join(person(one.actor) for one in history.approvals.get(plan.plan_id, ()))
                        or "nobody",
                        "yes" if history.is_applied(plan.plan_id) else "no",
                    )
                    for plan in plans
                ],
            ),
            table(
                "destroyed",
                "Destroyed",
                (
                    Column("at_ns", "When", "time"),
                    Column("class", "Class"),
                    Column("month", "Month"),
                    Column("keys", "Keys", "count"),
                    Column("entries", "Entries", "count"),
                    Column("by", "By"),
                    Column("purpose", "By which rule"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        act.at_ns,
                        act.entry_class,
                        act.month,
                        len(set(act.key_ids) - not_done),
                        act.entries,
                        person(act.actor),
                        act.purpose,
                        seq,
                    )
                    for seq, act in destroyed
                ],
            ),
            table(
                "withheld",
                "Withheld",
                (
                    Column("at_ns", "When", "time"),
                    Column("class", "Class"),
                    Column("month", "Month"),
                    Column("keys", "Keys", "count"),
                    Column("why", "Why"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (act.at_ns, act.entry_class, act.month, len(act.key_ids), act.why, seq)
                    for seq, act in withheld
                ],
            ),
            table(
                "holds",
                "Holds",
                (
                    Column("hold", "Hold"),
                    Column("placed_ns", "Placed", "time"),
                    Column("by", "By"),
                    Column("scope", "What it keeps"),
                    Column("reason", "Why"),
                    Column("reference", "Reference"),
                    Column("lifted_ns", "Lifted", "time"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        one.hold.hold_id,
                        one.hold.placed_ns,
                        one.hold.placed_by,
                        _scope(one),
                        one.hold.reason,
                        one.hold.reference,
                        None if one.lifted is None else one.lifted.at_ns,
                        placed[one.hold.hold_id],
                    )
                    for one in holds
                ],
            ),
        ],
    )


def _scope(kept: Kept) -> str:
    hold = kept.hold
    first = "the beginning" if hold.from_ns is None else moment(hold.from_ns)[:19] + "Z"
    last = "without an end" if hold.to_ns is None else "to " + moment(hold.to_ns)[:19] + "Z"
    lists: Sequence[tuple[str, Sequence[str]]] = (
        ("classes", hold.classes),
        ("instruments", hold.instruments),
        ("legs", hold.providers),
    )
    return ", ".join(
        [f"from {first} {last}", *(f"{name} {', '.join(values)}" for name, values in lists if values)]
    )
