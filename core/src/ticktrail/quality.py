"""Say what the rules found: by leg, instrument and rule, with examples.

Owns: the rows of the quality report, and how rows of several periods become one.
Never: counts (the engine does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ticktrail.model import InstrumentId, ProviderId

__all__ = ["Example", "InstrumentQuality", "RuleQuality", "merge_quality"]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One tick that a rule objected to, in its wire form, and the numbers that tripped the rule."""

    recv_ns: int
    tick: Mapping[str, object]
    violation: Mapping[str, object]


class RuleQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How many ticks a rule objected to, by what became of them, with the first and the last one.

    `by_provider` counts them by leg: of more than one where a rule of the route found them.
    """

    rule: str
    severity: str
    rejected: int
    flagged: int
    first: Example
    last: Example
    by_provider: Mapping[ProviderId, int] = {}


class InstrumentQuality(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules found in one instrument on one leg; `provider` is None for the rules of the route.

    `seen` counts the ticks that were judged, `rejected` those kept back, `flagged` those that went on with a mark; a
    tick that two rules objected to counts once here and in both of `rules`. One that a rule of its leg flagged counts
    there alone as flagged, whatever rules of the route find beside it; where those reject it, it counts as rejected
    with them as well.
    """

    provider: ProviderId | None
    instrument: InstrumentId
    seen: int
    rejected: int
    flagged: int
    rules: Sequence[RuleQuality]


def merge_quality(rows: Iterable[InstrumentQuality]) -> Sequence[InstrumentQuality]:
    """Return one row a leg and instrument: the counts added up, the first and last examples of all.

    Args:
        rows: In the order of time.
    """
    merged: dict[tuple[ProviderId | None, InstrumentId], InstrumentQuality] = {}
    for row in rows:
        key = (row.provider, row.instrument)
        before = merged.get(key)
        merged[key] = row if before is None else _added(before, row)
    return tuple(merged[key] for key in sorted(merged, key=lambda key: (key[0] or "", key[1])))


def _added(one: InstrumentQuality, other: InstrumentQuality) -> InstrumentQuality:
    rules = {rule.rule: rule for rule in one.rules}
    for rule in other.rules:
        before = rules.get(rule.rule)
        rules[rule.rule] = (
            rule
            if before is None
            else RuleQuality(
                rule=rule.rule,
                severity=rule.severity,
                rejected=before.rejected + rule.rejected,
                flagged=before.flagged + rule.flagged,
                first=before.first,
                last=rule.last,
                by_provider=dict(Counter(before.by_provider) + Counter(rule.by_provider)),
            )
        )
    return InstrumentQuality(
        provider=one.provider,
        instrument=one.instrument,
        seen=one.seen + other.seen,
        rejected=one.rejected + other.rejected,
        flagged=one.flagged + other.flagged,
        rules=tuple(rules[name] for name in sorted(rules)),
    )
