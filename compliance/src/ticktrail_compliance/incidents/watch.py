"""See in what a feed tells that something is an incident. Pure: records in, acts out.

Owns: which records open one: a venue that refuses the credentials, a clock that is out of its limit too often.
Never: looks at a tick; opens nothing itself, and does not know what is open already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from ticktrail.events import ClockBreachBegun, LegDown
from ticktrail.plugin import Record
from ticktrail_compliance.acts import Act, Actor
from ticktrail_compliance.acts.incidents import IncidentOpened
from ticktrail_compliance.incidents.texts import clipped

__all__ = ["BY", "CREDENTIALS", "Watch"]

BY = "ticktrail"
"""Who opens an incident that no person opened."""

CREDENTIALS = "credentials"
"""The cause of a leg that its venue refuses for the credentials' sake."""

DAY_NS = 86_400 * 10**9


class Watch:
    """What a feed's records say, from one look to the next.

    Args:
        feed: The feed's name.
        actor: Who runs it.
    """

    def __init__(self, feed: str, actor: Actor) -> None:
        self._feed = feed
        self._actor = actor
        self._breaches: deque[int] = deque()

    def see(self, records: Iterable[Record | Act], now_ns: int, tolerated: int) -> Iterator[IncidentOpened]:
        """Yield an incident for each record that is one.

        Args:
            records: Of the feed, in order.
            now_ns: The present.
            tolerated: Breaches of the clock's limit within 24 hours that are none.
        """
        for record in records:
            if isinstance(record, LegDown):
                if record.permanent and record.cause == CREDENTIALS:
                    yield self._refused(record, now_ns)
            elif isinstance(record, ClockBreachBegun):
                self._breaches.append(record.at_ns)
                while self._breaches[0] < record.at_ns - DAY_NS:
                    self._breaches.popleft()
                if len(self._breaches) > tolerated:
                    yield self._untimely(record, now_ns)

    def _refused(self, down: LegDown, now_ns: int) -> IncidentOpened:
        return IncidentOpened(
            at_ns=now_ns,
            actor=self._actor,
            by=BY,
            kind="venue_authentication",
            severity="medium",
            subject=clipped(down.provider, "subject"),
            title=clipped(f"The venue of leg {down.provider} refuses its credentials", "title"),
            detail=clipped(f"Feed {self._feed}: {down.detail}", "detail"),
            aware_ns=now_ns,
            occurred_from_ns=min(down.at_ns, now_ns),
            systems=(clipped(f"leg {down.provider} of feed {self._feed}", "systems"),),
            customer_information="no",
        )

    def _untimely(self, breach: ClockBreachBegun, now_ns: int) -> IncidentOpened:
        count = len(self._breaches)
        return IncidentOpened(
            at_ns=now_ns,
            actor=self._actor,
            by=BY,
            kind="clock",
            severity="medium",
            subject="clock",
            title="The clock was out of its limit more often than the policy tolerates",
            detail=f"Feed {clipped(self._feed, 'subject')}: breach {count} within 24 hours, of {breach.cause}; its "
            f"limit is {breach.limit_ns} ns. `ticktrail report clock` tells of each.",
            aware_ns=now_ns,
            occurred_from_ns=min(self._breaches[0], now_ns),
            classes=("clock",),
            customer_information="no",
        )
