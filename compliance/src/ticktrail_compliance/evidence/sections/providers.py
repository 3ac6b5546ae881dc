"""Sum up who serves the firm, and how they are overseen.

Owns: the section on service providers.
Never: decides when a review is due; `ticktrail_compliance.oversight` does.
"""

from __future__ import annotations

from ticktrail_compliance.acts import ProviderReviewed
from ticktrail_compliance.evidence.model import Column, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.source import Source
from ticktrail_compliance.oversight.register import day_of, reviews_from, standings
from ticktrail_compliance.policy.settings import Policy

__all__ = ["providers_section"]


def providers_section(source: Source, policy: Policy | None) -> Section:
    """Return the section on service providers.

    Args:
        source: The log.
        policy: In force at the period's end; None: none was, or this program cannot read it.
    """
    reviews = reviews_from((one.seq, one.record) for one in source.acts)
    standing = [] if policy is None else standings(policy, reviews, day_of(source.period.to_ns))
    overdue = [one for one in standing if one.is_overdue]
    done = [(one.seq, one.record) for one in source.acts_within if isinstance(one.record, ProviderReviewed)]
    last = [one.last.seq for one in standing if one.last is not None]
    return Section(
        id="providers",
        title="Service providers",
        figures=[
            Figure(
                id="providers",
                title="Providers of the register",
                kind="count",
                value=len(standing),
                how="of the policy in force at the period's end",
                entries=entries_of(last),
            ),
            Figure(
                id="reviews",
                title="Reviews in the period",
                kind="count",
                value=len(done),
                how="the entries provider_reviewed",
                entries=entries_of(seq for seq, _ in done),
            ),
            Figure(
                id="overdue",
                title="Reviews overdue at its end",
                kind="count",
                value=len(overdue),
                how="the next review by the last one, or by the contract's date, was due before that day",
                entries=entries_of(one.last.seq for one in overdue if one.last is not None),
            ),
        ],
        tables=[
            table(
                "register",
                "The register at the period's end",
                (
                    Column("provider", "Provider"),
                    Column("kind", "Kind"),
                    Column("legs", "Legs or plugins"),
                    Column("notice_hours", "Tells of a breach within, hours", "count"),
                    Column("certifications", "Certifications"),
                    Column("reviewed_ns", "Last review", "time"),
                    Column("outcome", "Outcome"),
                    Column("next_review", "Next review"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        one.name,
                        one.provider.kind,
                        ", ".join(one.provider.legs),
                        one.provider.notice_hours,
                        ", ".join(one.provider.certifications),
                        None if one.last is None else one.last.act.at_ns,
                        None if one.last is None else one.last.act.outcome,
                        ("never reviewed" if one.due is None else one.due.isoformat())
                        + (", overdue" if one.is_overdue else ""),
                        None if one.last is None else one.last.seq,
                    )
                    for one in standing
                ],
                empty="the policy names no service provider",
            ),
            table(
                "reviews",
                "Reviews in the period",
                (
                    Column("at_ns", "When", "time"),
                    Column("provider", "Provider"),
                    Column("by", "By"),
                    Column("outcome", "Outcome"),
                    Column("note", "Note"),
                    Column("entry", "Entry", "entry"),
                ),
                [(act.at_ns, act.provider, act.actor.user, act.outcome, act.note, seq) for seq, act in done],
            ),
        ],
    )
