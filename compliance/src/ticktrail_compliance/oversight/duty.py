"""Warn whoever runs a feed of a review that is overdue.

Owns: that it is said at the start, and once a day after that.
Never: holds a feed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from ticktrail_compliance.oversight.register import Standing, day_of, last_reviews, standings
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.recording.told import Told

if TYPE_CHECKING:
    from ticktrail_compliance.recording.duty import Recording

__all__ = ["Reminding"]


OVERDUE = "review_overdue"
"""The name of what is told."""


class Reminding:
    """The duty to tell of overdue reviews."""

    def __init__(self) -> None:
        self._told: date | None = None
        self._overdue: set[str] = set()

    def attend(self, recording: Recording) -> Iterable[Told]:
        """Tell of each overdue review once a day, and once when one was made."""
        today = day_of(recording.now_ns)
        if today == self._told:
            return ()
        self._told = today
        policy = policy_in_force(recording.log)
        if policy is None or not policy.providers:
            return ()
        found = standings(policy, last_reviews(recording.log), today)
        overdue = {one.name for one in found if one.is_overdue}
        over, self._overdue = self._overdue - overdue, overdue
        return [
            *(
                Told(
                    OVERDUE,
                    f"service provider {name} was reviewed",
                    about=name,
                    severity="information",
                    is_over=True,
                )
                for name in sorted(over)
            ),
            *self._due(found),
        ]

    def _due(self, found: Sequence[Standing]) -> Iterator[Told]:
        return (
            Told(
                name=OVERDUE,
                about=one.name,
                text=f"the review of service provider {one.name} {_since(one)}: record it with `ticktrail compliance "
                f"providers review FEED.toml {one.name} --outcome ok --next DATE`",
            )
            for one in found
            if one.is_overdue
        )


def _since(one: Standing) -> str:
    return "is due, since it never was reviewed" if one.due is None else f"was due on {one.due.isoformat()}"
