"""Look at whether what should be gone is gone.

Owns: the control ``retention.lag``.
Never: destroys anything.
"""

from __future__ import annotations

from datetime import date, timedelta

from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.checks.neighbours import is_held
from ticktrail_compliance.classes import CLASSES
from ticktrail_compliance.oversight.register import day_of
from ticktrail_compliance.policy.checking import kept

__all__ = ["CONTROLS"]


def _lag(facts: Facts) -> Look:
    if facts.policy is None:
        return not_applicable("no policy says how long anything is kept")
    today, lag = day_of(facts.now_ns), timedelta(days=facts.checks.retention_max_lag_days)
    rules = {name: kept(facts.policy, name).rule for name in CLASSES}
    late: dict[tuple[str, str], int] = {}
    for state in facts.opened.keys.states():
        rule = next((rule for name, rule in rules.items() if name == state.entry_class), None)
        if rule is None or rule.then == "keep" or state.state == "destroyed":
            continue
        ended = _after(state.month) + timedelta(days=rule.keep_days)
        if ended + lag < today and not is_held(facts, state.entry_class, state.month):
            late[state.month, state.entry_class] = late.get((state.month, state.entry_class), 0) + 1
    if late:
        month, entry_class = min(late)
        more = f", and {len(late) - 1:,} more months of a class" if len(late) > 1 else ""
        return failed(
            f"{entry_class} entries of {month} are past their retention by more than {lag.days} days and can still be "
            f"read{more}: export them if the policy says so, and destroy their keys (`ticktrail audit keys destroy`)"
        )
    return passed(f"nothing is readable for more than {lag.days} days after the end of its time")


def _after(month: str) -> date:
    """Return the first day after a month, ``YYYY-MM``."""
    year, number = map(int, month.split("-"))
    return date(year + number // 12, number % 12 + 1, 1)


CONTROLS = (
    Control(
        "retention.lag",
        "What is past its retention can be read no more",
        POLICY,
        "the data keys that are left, by class and month, against the policy in force",
        _lag,
    ),
)
