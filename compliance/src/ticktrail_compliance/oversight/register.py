"""Tell how each service provider of the policy stands: when it was reviewed, and when it is due again.

Owns: the day of the next review.
Never: reads a clock; `today` is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ticktrail_compliance.acts import ProviderReviewed
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.oversight.settings import ServiceProvider
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.store.log import AuditLog

__all__ = ["REVIEW_CLASS", "Review", "Standing", "day_of", "last_reviews", "reviews_from", "standings"]

REVIEW_CLASS: EntryClass = "access"
"""Of the entries that tell of a review."""


@dataclass(frozen=True, slots=True)
class Review:
    """A review that the log tells of, in entry `seq`."""

    seq: int
    act: ProviderReviewed


@dataclass(frozen=True, slots=True)
class Standing:
    """A provider of the policy.

    Attributes:
        name: Its name there.
        provider: What the policy says of it.
        last: Its last review; None: there was none.
        due: The day on which it is to be reviewed; None: at once, since it never was and no contract tells since when.
        is_overdue: That day is over.
    """

    name: str
    provider: ServiceProvider
    last: Review | None
    due: date | None
    is_overdue: bool


def day_of(at_ns: int) -> date:
    """Return the day of a moment, UTC."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).date()


def last_reviews(log: AuditLog) -> Mapping[str, Review]:
    """Return the last review of each provider that the log tells of.

    Raises:
        AuditError: The log cannot be read.
    """
    wanted = Range(classes=frozenset({REVIEW_CLASS}))
    records = read_records(log, wanted, LeftOut(log).passes_over)
    return reviews_from((header.seq, record) for header, record in records)


def reviews_from(records: Iterable[tuple[int, StoredRecord]]) -> Mapping[str, Review]:
    """Return the last review of each provider that records tell of, each with the number of its entry."""
    found: dict[str, Review] = {}
    for seq, record in records:
        if isinstance(record, ProviderReviewed):
            found[record.provider] = Review(seq, record)
    return found


def standings(policy: Policy, reviews: Mapping[str, Review], today: date) -> Sequence[Standing]:
    """Return how every provider of the policy stands, by name."""
    return [
        _standing(name, policy.providers[name], reviews.get(name), today) for name in sorted(policy.providers)
    ]


def _after(day: date, days: int) -> date:
    """Return a day so much later; the last that there is where it lies beyond."""
    return day + min(timedelta(days=days), date.max - day)


def _standing(name: str, provider: ServiceProvider, last: Review | None, today: date) -> Standing:
    if last is not None:
        due: date | None = date.fromisoformat(last.act.next_review)
    elif provider.contract_date is not None:
        due = _after(provider.contract_date, provider.review_every_days)
    else:
        due = None
    return Standing(name, provider, last, due, due is None or due < today)
