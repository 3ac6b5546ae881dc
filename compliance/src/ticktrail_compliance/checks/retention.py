"""Look at whether what should be gone is gone.

Owns: the control ``retention.lag``.
Never: destroys anything.
"""

from __future__ import annotations

from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.classes import CLASSES
from ticktrail_compliance.retention.judging import Judge

__all__ = ["CONTROLS"]

DAY_NS = 86_400 * 10**9


def _lag(facts: Facts) -> Look:
    if facts.policy is None:
        return not_applicable("no policy says how long anything is kept")
    days = facts.checks.retention_max_lag_days
    judge = Judge(facts.opened, facts.now_ns)
    late: set[tuple[str, str]] = set()
    for state in facts.opened.keys.states():
        entry_class = next((name for name in CLASSES if name == state.entry_class), None)
        due_ns = None if entry_class is None else judge.due_ns(entry_class, state.month)
        if state.state == "destroyed" or due_ns is None or due_ns + days * DAY_NS > facts.now_ns:
            continue
        found = judge.hindrance(state.key_id, state.entry_class, state.month)
        if found is None or not found.holds:
            late.add((state.month, state.entry_class))
    if late:
        month, name = min(late)
        more = f", and {len(late) - 1:,} more months of a class" if len(late) > 1 else ""
        return failed(
            f"{name} entries of {month} are past their retention by more than {days} days and can still be read{more}: "
            "export them if the policy asks for an archive, and run `ticktrail audit retention apply`"
        )
    return passed(
        f"nothing but what is on hold is readable for more than {days} days after the end of its time"
    )


CONTROLS = (
    Control(
        "retention.lag",
        "What is past its retention can be read no more",
        POLICY,
        "the data keys that are left, by class and month, against the policy in force",
        _lag,
        needs_policy=True,
    ),
)
