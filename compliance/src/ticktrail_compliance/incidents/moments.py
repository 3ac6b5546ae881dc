"""Find which moment a person meant, by the firm's zone of the policy in force.

Owns: where that zone comes from, and what a day means that may not be over.
Never: reads a time from a command line; `ticktrail_compliance.incidents.times` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.times import SaidTime
from ticktrail_compliance.naming import Named
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.store.log import AuditLog

__all__ = ["moments_of", "place_of"]


def place_of(log: AuditLog) -> ZoneInfo:
    """Return the firm's zone by the policy in force; UTC where none is.

    Raises:
        AuditError: The log cannot tell which policy is in force.
    """
    policy = policy_in_force(log)
    return (IncidentSettings() if policy is None else policy.incidents).place


def moments_of(named: Named, *said: SaidTime | None, present_ns: int | None = None) -> Sequence[int | None]:
    """Return the moments that a person said, of the firm's zone where they name none; None for what was not said.

    Args:
        named: The log, whose policy in force names the zone; it is opened only where that matters.
        said: The times as they were said.
        present_ns: The present: of a day that is not over, and whose end is meant, it is meant instead. A later day
            stays what it is, for whoever refuses what has not come yet. None: the end of the day in any case.

    Raises:
        ConfigError: The log cannot be opened, or by the firm's clocks there are two such moments, or there is none.
        AuditError: The log cannot tell which policy is in force.
    """
    place = IncidentSettings().place
    if any(one is not None and one.local is not None for one in said):
        with named.open() as log:
            place = place_of(log)
    return [None if one is None else _meant(one, place, present_ns) for one in said]


def _meant(said: SaidTime, place: ZoneInfo, present_ns: int | None) -> int:
    at_ns = said.at_ns(place)
    if present_ns is None or not (said.is_day and said.is_last):
        return at_ns
    is_today = replace(said, is_last=False).at_ns(place) <= present_ns < at_ns
    return present_ns if is_today else at_ns
