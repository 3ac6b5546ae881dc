"""Tell when what was sealed in a month may be destroyed.

Owns: the arithmetic of days and months.
Never: reads a log or a clock.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ticktrail_compliance.policy.checking import Kept
from ticktrail_compliance.store.keystore import month_of

__all__ = ["DAY_NS", "due_ns", "is_over"]

DAY_NS = 86_400 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def due_ns(kept: Kept, month: str) -> int | None:
    """Return from when on the keys of a month are to be destroyed, UTC nanoseconds; None: never.

    Args:
        kept: How long the policy and the declared rules keep the entries of the class: the longer one counts.
        month: In which they were sealed, ``YYYY-MM``, UTC; the days count from its end.
    """
    if kept.rule.then == "keep":
        return None
    return _end_ns(month) + max(kept.rule.keep_days, kept.minimum_days) * DAY_NS


def is_over(month: str, now_ns: int) -> bool:
    """Tell whether a month is over: in the present one feeds still seal."""
    return month < month_of(now_ns)


def _end_ns(month: str) -> int:
    year, number = int(month[:4]), int(month[5:])
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return (following - _EPOCH).days * DAY_NS
