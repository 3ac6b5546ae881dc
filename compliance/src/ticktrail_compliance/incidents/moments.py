"""Find which moment a person meant, by the firm's zone of the policy in force.

Owns: where that zone comes from, and what a day means that may not be over.
Never: reads a time from a command line; `ticktrail_compliance.incidents.times` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.times import SaidTime
from ticktrail_compliance.naming import Named
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.store.log import AuditLog

__all__ = ["done_by", "moments_of", "not_later", "place_of"]


def place_of(log: AuditLog) -> ZoneInfo:
    """Return the firm's zone by the policy in force; UTC where none is.

    Raises:
        AuditError: The log cannot tell which policy is in force.
    """
    policy = policy_in_force(log)
    return (IncidentSettings() if policy is None else policy.incidents).place


def moments_of(named: Named, *said: SaidTime | None) -> Sequence[int | None]:
    """Return the moments that a person said, of the firm's zone where they name none; None for what was not said.

    Args:
        named: The log, whose policy in force names the zone; it is opened only where that matters.
        said: The times as they were said.

    Raises:
        ConfigError: The log cannot be opened, or by the firm's clocks there are two such moments, or there is none.
        AuditError: The log cannot tell which policy is in force.
    """
    place = IncidentSettings().place
    if any(one is not None and one.local is not None for one in said):
        with named.open() as log:
            place = place_of(log)
    return [None if one is None else one.at_ns(place) for one in said]


def not_later(at_ns: int | None, present_ns: int) -> int | None:
    """Return a time, or the present where it is later: a day that is named as the last one may not be over."""
    return None if at_ns is None else min(at_ns, present_ns)


def done_by(said: SaidTime | None, at_ns: int | None, present_ns: int) -> int | None:
    """Return by when something was done: the end of a day that was said alone is not later than the present.

    Args:
        said: When, as it was said; None: it was not.
        at_ns: The moment that was meant.
        present_ns: The present.
    """
    return not_later(at_ns, present_ns) if said is not None and said.is_day else at_ns
