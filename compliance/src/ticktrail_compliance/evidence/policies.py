"""Find the policies that were in force in a period.

Owns: from when to when each was.
Never: reads a log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ticktrail.errors import AuditError
from ticktrail_compliance.acts import PolicyAdopted
from ticktrail_compliance.evidence.model import Period
from ticktrail_compliance.evidence.source import Told
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy

__all__ = ["InForce", "policies_of"]


@dataclass(frozen=True, slots=True)
class InForce:
    """A policy, and the entry by which it came into force.

    Attributes:
        seq: The number of that entry.
        act: It.
        until_ns: When another one took its place; None: it was in force at the period's end.
        policy: It, as this program reads it; None: it cannot, and `why` says why not.
        why: Why it cannot be read.
    """

    seq: int
    act: PolicyAdopted
    until_ns: int | None
    policy: Policy | None
    why: str = ""

    @property
    def path(self) -> str:
        """Where it stands in a pack, word for word."""
        return f"policy/entry-{self.seq}.toml"


def policies_of(acts: Iterable[Told], period: Period) -> Sequence[InForce]:
    """Return every policy that was in force in a period, in order.

    Args:
        acts: From the log's beginning to the period's end.
        period: Which.
    """
    adopted = [(one.seq, one.record) for one in acts if isinstance(one.record, PolicyAdopted)]
    ends = [act.at_ns for _, act in adopted[1:]]
    return [
        _in_force(seq, act, until_ns)
        for (seq, act), until_ns in zip(adopted, [*ends, None], strict=False)
        if until_ns is None or until_ns > period.from_ns
    ]


def _in_force(seq: int, act: PolicyAdopted, until_ns: int | None) -> InForce:
    try:
        return InForce(seq, act, until_ns, parse_policy(act.text))
    except AuditError as exc:
        return InForce(seq, act, until_ns, None, str(exc))
