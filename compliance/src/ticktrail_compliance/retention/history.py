"""Compute from the acts in a log what was planned, approved and done.

Owns: which plan is in which state.
Never: keeps any of it elsewhere than in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.identity import goes_by_logins, is_one_person, person
from ticktrail_compliance.acts import (
    Actor,
    KeysDestroyed,
    RetentionApplied,
    RetentionApproved,
    RetentionPlanned,
)
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.retention.planning import plan_id_of
from ticktrail_compliance.store.log import AuditLog

__all__ = ["FEWEST_DIGITS", "History", "another", "by_logins", "history_from", "history_of", "see_agreed"]

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


def by_logins(log: AuditLog) -> bool:
    """Tell whether a person is a login of the log's database, by the policy in force.

    Raises:
        AuditError: The log cannot be read.
    """
    policy = policy_in_force(log)
    return goes_by_logins(None if policy is None else policy.access, log.database)


def see_agreed(
    plan: RetentionPlanned,
    approvals: Mapping[str, Sequence[RetentionApproved]],
    applies: Actor,
    *,
    by_logins: bool,
) -> None:
    """See that another person approved a plan than the one who made it and than the one who applies it.

    Args:
        plan: Which.
        approvals: By plan.
        applies: Who applies it.
        by_logins: As of `ticktrail_compliance.access.identity.is_one_person`.

    Raises:
        ConfigError: Nobody did.
    """
    acted = (plan.actor, applies)
    for approval in approvals.get(plan.plan_id, ()):
        if not any(is_one_person(approval.actor, one, by_logins=by_logins) for one in acted):
            return
    short = plan.plan_id[:16]
    names = " and ".join(sorted({person(one) for one in acted}))
    raise ConfigError(
        f"plan {short} is not approved: the policy asks for two people (people = 2), so "
        f"{another(by_logins=by_logins)} than {names} runs `ticktrail audit retention approve FEED.toml --plan {short}`"
    )


def another(*, by_logins: bool) -> str:
    """Return whom it takes beside those who acted, in words."""
    return "another login of the database" if by_logins else "another user"
