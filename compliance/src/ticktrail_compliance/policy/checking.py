"""Hold a policy against the rules that it declares applicable.

Owns: what is below a minimum, and the words for it.
Never: decides what applies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ticktrail_compliance.access.checking import access_faults
from ticktrail_compliance.classes import CLASSES, EntryClass
from ticktrail_compliance.policy.regulations import REGULATIONS
from ticktrail_compliance.policy.settings import Policy, RetentionRule

__all__ = ["Kept", "faults", "kept"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How long the entries of a class are kept, and the rules that ask for the longest time.

    Attributes:
        entry_class: Of which class.
        rule: What the policy says.
        minimum_days: What the rules ask that the firm declared applicable; 0: none says anything of the class.
        by: Their names.
    """

    entry_class: EntryClass
    rule: RetentionRule
    minimum_days: int
    by: Sequence[str]

    @property
    def is_long_enough(self) -> bool:
        """Whether nothing is destroyed before the rules allow it."""
        return self.rule.then == "keep" or self.rule.keep_days >= self.minimum_days


def kept(policy: Policy, entry_class: EntryClass) -> Kept:
    """Return how long a policy keeps the entries of a class."""
    asked = {
        name: days
        for name in policy.applicable
        if (days := REGULATIONS[name].minimum_days.get(entry_class)) is not None
    }
    longest = max(asked.values(), default=0)
    rule = (
        RetentionRule(then="keep")
        if entry_class == "retention"
        else policy.retention.get(entry_class, RetentionRule())
    )
    return Kept(entry_class, rule, longest, [name for name, days in asked.items() if days == longest])


def faults(policy: Policy) -> Sequence[str]:
    """Return what is wrong with a policy, a sentence each, with key and remedy; empty: nothing is."""
    found = [
        f"[compliance.retention.{one.entry_class}] keep_days = {one.rule.keep_days}: {' and '.join(one.by)} asks for "
        f"{one.minimum_days} days; write {one.minimum_days} or more"
        for one in (kept(policy, entry_class) for entry_class in CLASSES)
        if not one.is_long_enough
    ]
    told = policy.retention.get("retention")
    if told is not None and told.then != "keep":
        found.append(
            f'[compliance.retention.retention] then = "{told.then}": what tells of destruction is never destroyed; '
            'write "keep", or leave the table out'
        )
    if policy.access is not None:
        found.extend(access_faults(policy.access))
    if policy.people > 1 and policy.retention_schedule.apply_at is not None:
        found.append(
            f'[compliance.retention_schedule] apply_at = "{policy.retention_schedule.apply_at}": nobody approves in a '
            "feed's process, and people = 2 asks for it; leave apply_at out, or write people = 1"
        )
    return found
