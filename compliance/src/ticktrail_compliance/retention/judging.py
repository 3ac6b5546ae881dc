"""Tell what stands in the way of destroying a key: a hold, the policy, a declared rule, a missing archive.

Owns: the one answer by which every command and every schedule goes.
Never: destroys anything. What it says is of one moment: who destroys asks again while the log is locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ticktrail_compliance.acts import LogExported
from ticktrail_compliance.classes import CLASSES, EntryClass
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.holds.matching import sealed_under, stopping
from ticktrail_compliance.holds.standing import holds_of
from ticktrail_compliance.policy.adopted import ACKNOWLEDGE, adopted, lets_one_destroy
from ticktrail_compliance.policy.checking import Kept, kept
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.retention.due import due_ns, is_over
from ticktrail_compliance.retention.exported import exports_of, is_archived
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted, moment

__all__ = ["Hindrance", "Judge"]


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a key is not destroyed, and the names of the holds where it is for them."""

    why: str
    holds: Sequence[str] = ()


class Judge:
    """What stands in the way, by the log as it is when this is made.

    Args:
        log: Open to read.
        now_ns: The present, UTC nanoseconds.
        open_entries: Open summaries to tell what a hold keeps; False: go by class and time alone, which keeps more and
            takes a moment.

    Raises:
        AuditError: The log cannot be read, and so nothing may be destroyed.
    """

    def __init__(self, log: AuditLog, now_ns: int, *, open_entries: bool = True) -> None:
        self._log = log
        self._now_ns = now_ns
        self._open_entries = open_entries
        self._holds: Sequence[Hold] = holds_of(log)
        act = adopted(log)
        self.policy: Policy | None = None if act is None else parse_policy(act.text)
        """The policy in force."""
        self.is_agreed = (
            act is None or self.policy is None or self.policy.people > 1 or lets_one_destroy(act, self.policy)
        )
        """Whether it is agreed how many people it takes to destroy."""

    @cached_property
    def _exports(self) -> Sequence[LogExported]:
        return exports_of(self._log)

    def hindrance(self, key_id: int, entry_class: str, month: str) -> Hindrance | None:
        """Return why a key must not be destroyed now; None: nothing stands in the way.

        Raises:
            AuditError: The log cannot be read.
        """
        known = next((name for name in CLASSES if name == entry_class), None)
        if known is None or known == "retention":
            return Hindrance("what tells of destruction is never destroyed")
        if not is_over(month, self._now_ns):
            return Hindrance(f"{month} is not over, and feeds still seal under its keys")
        return self._by_hold(key_id, known) or self._by_policy(key_id, known, month)

    def is_held(self, key_id: int, entry_class: str) -> bool:
        """Tell whether a hold keeps a key.

        Raises:
            AuditError: The log cannot be read.
        """
        return self._by_hold(key_id, entry_class) is not None

    def due_ns(self, entry_class: EntryClass, month: str) -> int | None:
        """Return since when, or from when on, a month of a class is due by the policy; None: never, or no policy."""
        return None if self.policy is None else due_ns(kept(self.policy, entry_class), month)

    def _by_hold(self, key_id: int, entry_class: str) -> Hindrance | None:
        found = stopping(self._log, self._holds, key_id, entry_class, open_entries=self._open_entries)
        if not found:
            return None
        names = ", ".join(f"{hold.hold_id} ({hold.reference})" for hold in found)
        return Hindrance(f"held by {names}", [hold.hold_id for hold in found])

    def _by_policy(self, key_id: int, entry_class: EntryClass, month: str) -> Hindrance | None:
        if self.policy is None:
            return None
        if not self.is_agreed:
            return Hindrance(
                "the policy lets one person destroy alone (people = 1), and nobody acknowledged that; write people "
                f"= 2, or run {ACKNOWLEDGE}"
            )
        rule = kept(self.policy, entry_class)
        due = due_ns(rule, month)
        if due is None:
            return Hindrance(f"the policy keeps {entry_class} entries for ever")
        if due > self._now_ns:
            return Hindrance(f"{_asked(rule)}: until {moment(due)[:10]}")
        if rule.rule.then == "archive" and not self._is_archived(key_id, entry_class):
            return Hindrance(
                "the policy asks for an archive first, and the log tells of no export that holds all of it; make one "
                f"with `ticktrail audit export --class {entry_class}`, without a bound by instrument, leg or outcome"
            )
        return None

    def _is_archived(self, key_id: int, entry_class: str) -> bool:
        sealed = sealed_under(self._log, key_id)
        return sealed is None or is_archived(self._exports, entry_class, sealed)


def _asked(rule: Kept) -> str:
    """Return who asks for how long."""
    days = max(rule.rule.keep_days, rule.minimum_days)
    by = f" ({', '.join(rule.by)} for at least {rule.minimum_days:,})" if rule.by else ""
    return f"the policy keeps {rule.entry_class} entries for {counted(days, 'day')} after the month{by}"
