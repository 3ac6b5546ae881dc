"""Sum up which policies were in force, and what is below a minimum that the firm declared.

Owns: the section on the policy.
Never: judges one; `ticktrail_compliance.policy.checking` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.access.identity import person
from ticktrail_compliance.evidence.model import Column, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.policies import InForce
from ticktrail_compliance.policy.adopted import people_told
from ticktrail_compliance.policy.checking import faults

__all__ = ["policy_section"]


def policy_section(policies: Sequence[InForce]) -> Section:
    """Return the section on the policies of a period."""
    wrong = [(one, fault) for one in policies for fault in _faults(one)]
    return Section(
        id="policy",
        title="Policy",
        figures=[
            Figure(
                id="policies",
                title="Policies in force",
                kind="count",
                value=len(policies),
                how="each that was adopted before the period's end and not replaced before its beginning",
                entries=entries_of(one.seq for one in policies),
            ),
            Figure(
                id="faults",
                title="Faults",
                kind="count",
                value=len(wrong),
                how="what each policy keeps for less time than the rules ask that it declares applicable",
                entries=entries_of(one.seq for one, _ in wrong),
            ),
        ],
        tables=[
            table(
                "policies",
                "Policies in force, each word for word in its file",
                [
                    Column("file", "File", "file"),
                    Column("from_ns", "In force since", "time"),
                    Column("until_ns", "Until", "time"),
                    Column("firm", "Firm"),
                    Column("applicable", "Rules declared applicable"),
                    Column("adopted_by", "Adopted by"),
                    Column("people", "People it takes to destroy"),
                    Column("sha256", "SHA-256"),
                    Column("entry", "Entry", "entry"),
                ],
                [
                    (
                        one.path,
                        one.act.at_ns,
                        one.until_ns,
                        one.act.firm,
                        ", ".join(one.policy.applicable) or "no rule" if one.policy else one.why,
                        person(one.act.actor),
                        people_told(one.act, one.policy),
                        one.act.sha256,
                        one.seq,
                    )
                    for one in policies
                ],
                empty="no policy was in force",
            ),
            table(
                "faults",
                "Faults of these policies",
                [Column("fault", "What is wrong"), Column("entry", "Policy of entry", "entry")],
                [(fault, one.seq) for one, fault in wrong],
            ),
        ],
    )


def _faults(one: InForce) -> Sequence[str]:
    return (one.why,) if one.policy is None else faults(one.policy)
