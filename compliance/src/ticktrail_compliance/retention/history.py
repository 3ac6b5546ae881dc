"""Compute from the acts in a log what was planned, approved and done.

Owns: which plan is in which state.
Never: keeps any of it elsewhere than in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ticktrail.errors import ConfigError
from ticktrail_compliance.acts import KeysDestroyed, RetentionApplied, RetentionApproved, RetentionPlanned
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.retention.planning import plan_id_of
from ticktrail_compliance.store.log import AuditLog

__all__ = ["FEWEST_DIGITS", "History", "history_from", "history_of", "see_agreed"]

FEWEST_DIGITS = 8
"""Of a plan's id, that a person writes."""


@dataclass(slots=True)
class History:
    """What a log tells of its retention.

    Attributes:
        plans: Each with its id, in order.
        approvals: By plan.
        begun: The plans of which keys were told to be destroyed, in order.
        applied: What was done, in order.
        reclaimed: The keys whose entries take no room any more.
    """

    plans: dict[str, RetentionPlanned] = field(default_factory=dict)
    approvals: dict[str, list[RetentionApproved]] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    applied: list[RetentionApplied] = field(default_factory=list)
    reclaimed: set[int] = field(default_factory=set)

    @property
    def last_ns(self) -> int | None:
        """When something was last done; None: never."""
        return self.applied[-1].at_ns if self.applied else None

    def is_applied(self, plan_id: str) -> bool:
        """Tell whether a plan was carried out to its end."""
        return any(one.plan_id == plan_id for one in self.applied)

    def interrupted(self) -> str:
        """Return the last plan that was begun and not ended; empty: there is none."""
        return next((one for one in reversed(self.begun) if not self.is_applied(one)), "")

    def found(self, digits: str) -> RetentionPlanned:
        """Return a plan by the first digits of its id.

        Raises:
            ConfigError: There is none, or more than one.
        """
        matching = [plan for plan_id, plan in self.plans.items() if plan_id.startswith(digits.lower())]
        if len(digits) < FEWEST_DIGITS or len(matching) != 1:
            raise ConfigError(
                f"--plan {digits}: names no plan of this log; `ticktrail audit retention list` prints which there are, "
                f"and {FEWEST_DIGITS} digits or more name one"
            )
        return matching[0]


def history_of(log: AuditLog) -> History:
    """Return what a log tells.

    Raises:
        AuditError: The log cannot be read.
    """
    records = read_records(log, Range(classes=frozenset({"retention"})))
    return history_from(log.log_id, (record for _, record in records))


def history_from(log_id: str, records: Iterable[StoredRecord]) -> History:
    """Return what records of a log tell, as it is after the last of them."""
    found = History()
    for record in records:
        if isinstance(record, RetentionPlanned):
            if record.plan_id == plan_id_of(log_id, record.policy_sha256, record.keys):
                found.plans.setdefault(record.plan_id, record)
        elif isinstance(record, RetentionApproved):
            found.approvals.setdefault(record.plan_id, []).append(record)
        elif isinstance(record, KeysDestroyed) and record.plan:
            found.begun.append(record.plan)
        elif isinstance(record, RetentionApplied):
            found.applied.append(record)
            found.reclaimed.update(record.reclaimed_keys)
    return found


def see_agreed(
    plan: RetentionPlanned, approvals: Mapping[str, Sequence[RetentionApproved]], applies: str
) -> None:
    """See that another person approved a plan than the one who made it and than the one who applies it.

    Args:
        plan: Which.
        approvals: By plan.
        applies: Who applies it, by the operating system's word.

    Raises:
        ConfigError: Nobody did.
    """
    who = {one.actor.user for one in approvals.get(plan.plan_id, ())} - {plan.actor.user, applies}
    if not who:
        short = plan.plan_id[:16]
        raise ConfigError(
            f"plan {short} is not approved: the policy asks for two people (people = 2), so another user than "
            f"{' and '.join(sorted({plan.actor.user, applies}))} runs `ticktrail audit retention approve FEED.toml "
            f"--plan {short}`"
        )
