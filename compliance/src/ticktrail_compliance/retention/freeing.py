"""Say what comes free when a hold is lifted or an incident is closed, and when it is due by the policy.

Owns: which keys one or more holds kept that nothing else keeps, by class and month, and the words for it.
Never: lifts a hold, or destroys anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ticktrail.errors import AuditError
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.holds.matching import sealed_under, stopping
from ticktrail_compliance.retention.judging import Judge
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted, moment

__all__ = ["Freed", "freed_by", "freed_told"]


class Freed(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a class and month that no hold keeps any more.

    Attributes:
        entry_class: Of which class.
        month: Of which month, UTC.
        keys: How many.
        entries: What those sealed.
        due_ns: Since when or from when on the policy has them destroyed, UTC nanoseconds; None: never, or no policy is
            in force.
    """

    entry_class: str
    month: str
    keys: int
    entries: int
    due_ns: int | None


def freed_by(
    log: AuditLog, gone: Sequence[Hold], now_ns: int, warn: Callable[[str], object]
) -> Sequence[Freed] | None:
    """Return what holds kept that stand no more, and no other hold keeps, in order of month and class.

    What was lifted or closed stays so where this cannot be told.

    Args:
        log: As it is without them.
        gone: Those holds.
        now_ns: The present, UTC nanoseconds.
        warn: Is told why the log does not say; the answer is None then.
    """
    try:
        return _freed(log, gone, now_ns)
    except AuditError as exc:
        warn(f"what comes free by this cannot be told: {exc}")
        return None


def _freed(log: AuditLog, gone: Sequence[Hold], now_ns: int) -> Sequence[Freed]:
    judge = Judge(log, now_ns)
    found: dict[tuple[str, str], Freed] = {}
    for state in log.keys.states():
        if state.key is None or state.key.entry_class == "retention":
            continue
        entry_class, month = state.key.entry_class, state.key.month
        sealed = sealed_under(log, state.key_id)
        if sealed is None or not stopping(log, gone, state.key_id, entry_class):
            continue
        if judge.is_held(state.key_id, entry_class):
            continue
        before = found.get((month, entry_class))
        found[month, entry_class] = Freed(
            entry_class=entry_class,
            month=month,
            keys=1 + (0 if before is None else before.keys),
            entries=sealed.entries + (0 if before is None else before.entries),
            due_ns=judge.due_ns(entry_class, month),
        )
    return [found[place] for place in sorted(found)]


def freed_told(freed: Sequence[Freed] | None, now_ns: int) -> Sequence[str]:
    """Return what came free, a line for each class and month; none where that could not be told."""
    if freed is None:
        return []
    if not freed:
        return ["frees nothing: no key was kept by it alone"]
    return [
        f"frees {one.month}  {one.entry_class:<10} {counted(one.keys, 'key')}, "
        f"{counted(one.entries, 'entry', 'entries')}: {_when(one.due_ns, now_ns)}"
        for one in freed
    ]


def _when(due_ns: int | None, now_ns: int) -> str:
    if due_ns is None:
        return "never due by the policy, or none is in force"
    return f"due {'now, since' if due_ns <= now_ns else 'from'} {moment(due_ns)[:10]}"
