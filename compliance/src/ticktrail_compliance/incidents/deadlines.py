"""Say by when something is due about an incident, and how a time is shown.

Owns: the two clocks of 17 CFR 248.30, when each stops, and the reading that is the safe one. Pure: time is an argument.
Never: reminds anybody; `ticktrail_compliance.incidents.reminding` does.

A deadline is the earlier of two readings of the rule. One is elapsed time: 30 days are 30 x 86,400 s. The other is the
same time of day in the firm's zone 30 days later, which is up to an hour earlier where clocks go forward in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from ticktrail_compliance.acts.incidents import Deadline, Severity
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident

__all__ = ["Due", "deadline_of", "due", "in_zone", "left", "running"]

NS = 1_000_000_000
HOUR_NS = 3_600 * NS
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Counted from here, since `datetime.fromtimestamp` follows a machine whose zone counts leap seconds."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is due.

    Attributes:
        incident: Its number.
        title: Its title.
        severity: How bad it is.
        owner: Who sees to it; empty: nobody.
        deadline: ``individuals``: those affected are told; ``provider_notice``: the service provider tells the firm.
        from_ns: From when it is counted.
        due_ns: By when; UTC nanoseconds.
        left_ns: Time left; 0 or less: it is over.
    """

    incident: int
    title: str
    severity: Severity
    owner: str
    deadline: Deadline
    from_ns: int
    due_ns: int
    left_ns: int

    @property
    def is_overdue(self) -> bool:
        """Whether the time is over: at the deadline itself nothing is left of it."""
        return self.left_ns <= 0


def deadline_of(from_ns: int, *, days: int = 0, hours: int = 0, place: ZoneInfo) -> int:
    """Return the end of a span, to the nanosecond: of its readings, the earliest.

    Args:
        from_ns: Its beginning.
        days: Whole days, which have a time of day in the firm's zone.
        hours: Hours more, which have none.
        place: The firm's zone.
    """
    elapsed_ns = from_ns + (days * 24 + hours) * HOUR_NS
    if not days:
        return elapsed_ns
    local = (_EPOCH + timedelta(seconds=from_ns // NS)).astimezone(place)
    same_time = local.replace(tzinfo=None) + timedelta(days=days)
    shown_ns = min(_utc_ns(same_time.replace(tzinfo=place, fold=fold)) for fold in (0, 1))
    return min(elapsed_ns, shown_ns + hours * HOUR_NS + from_ns % NS)


def running(incident: Incident, settings: IncidentSettings) -> Iterable[tuple[Deadline, int, int]]:
    """Yield what is still to be done about an incident by a time: what, from when it is counted, by when."""
    if incident.closed is not None:
        return
    if incident.notice_owed:
        from_ns = incident.opened.aware_ns
        yield "individuals", from_ns, deadline_of(from_ns, days=settings.notify_days, place=settings.place)
    aware_ns = incident.provider_aware_ns
    if aware_ns is not None and incident.provider_told_ns is None:
        hours = settings.provider_notice_hours
        yield "provider_notice", aware_ns, deadline_of(aware_ns, hours=hours, place=settings.place)


def due(incidents: Iterable[Incident], now_ns: int, settings: IncidentSettings) -> Sequence[Due]:
    """Return what is due about incidents, the soonest first.

    Args:
        incidents: Open and closed ones.
        now_ns: The present.
        settings: The firm's.
    """
    found = [
        Due(
            incident=incident.number,
            title=incident.opened.title,
            severity=incident.severity,
            owner=incident.owner,
            deadline=deadline,
            from_ns=from_ns,
            due_ns=due_ns,
            left_ns=due_ns - now_ns,
        )
        for incident in incidents
        for deadline, from_ns, due_ns in running(incident, settings)
    ]
    return sorted(found, key=lambda one: (one.due_ns, one.incident))


def in_zone(at_ns: int, place: ZoneInfo) -> str:
    """Return a time to the second, in UTC and in the firm's zone: ``2026-12-29T20:19:06Z (15:19:06 EST)``."""
    moment = _EPOCH + timedelta(seconds=at_ns // NS)
    told = f"{moment:%Y-%m-%dT%H:%M:%S}Z"
    if place.key == "UTC":
        return told
    return f"{told} ({moment.astimezone(place):%Y-%m-%d %H:%M:%S %Z}, {place.key})"


def left(span_ns: int) -> str:
    """Return a span of time as people say it: ``12 d 3 h``, ``2 h 5 min``; never more than is left."""
    minutes = abs(span_ns) // (60 * NS)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def _utc_ns(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(seconds=1) * NS
