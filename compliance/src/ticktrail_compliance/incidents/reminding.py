"""Say who is to be reminded of what, once.

Owns: which reminders are due: after a time in which nobody ran, the latest of those that were missed.
Never: counts on a memory of its own: what was reminded of stands in the log. Pure: time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ticktrail_compliance.acts.incidents import Deadline, IncidentReminded
from ticktrail_compliance.incidents.deadlines import Due, due, in_zone, left
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident

__all__ = ["WHAT", "reminders", "time_left", "told"]

WHAT: dict[Deadline, str] = {
    "individuals": "to tell those affected",
    "provider_notice": "for the service provider's notice",
}
"""What each deadline is for, in words."""


def reminders(
    incidents: Iterable[Incident], now_ns: int, settings: IncidentSettings
) -> Iterator[tuple[IncidentReminded, Due]]:
    """Yield what is to be reminded of now, each with what is due.

    Of the times before a deadline that are over, the latest counts; where the log tells that whoever runs a feed was
    reminded then or later, nothing is due.
    """
    known = {incident.number: incident for incident in incidents}
    for one in due(known.values(), now_ns, settings):
        spans = [span_ns for span_ns in settings.before_ns if span_ns < one.due_ns - one.from_ns]
        over = [span_ns for span_ns in (*spans, 0) if one.left_ns <= span_ns]
        if not over:
            continue
        before_ns = min(over)
        done = [
            reminded.before_ns
            for reminded in known[one.incident].reminders
            if (reminded.deadline, reminded.due_ns) == (one.deadline, one.due_ns)
        ]
        if min(done, default=before_ns + 1) > before_ns:
            act = IncidentReminded(
                at_ns=now_ns,
                incident=one.incident,
                deadline=one.deadline,
                due_ns=one.due_ns,
                before_ns=before_ns,
            )
            yield act, one


def told(one: Due, settings: IncidentSettings) -> str:
    """Return what a person is told of something that is due; its title stays in the log."""
    owner = f"owner {one.owner}" if one.owner else "nobody sees to it"
    return f"incident {one.incident} ({one.severity}, {owner}): {time_left(one, settings)}"


def time_left(one: Due, settings: IncidentSettings) -> str:
    """Return what is due, and the time that is left for it."""
    by, what = in_zone(one.due_ns, settings.place), WHAT[one.deadline]
    if one.is_overdue:
        return f"the time {what} is over since {by}"
    return f"the time {what} is over in {left(one.left_ns)}, at {by}"
