"""Hold the ``[compliance.incidents]`` table of a firm's policy.

Owns: its keys, defaults and bounds; a limit of the rule is the most that a policy can allow.
Never: computes a deadline; `ticktrail_compliance.incidents.deadlines` does.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated

from msgspec import Meta

from ticktrail.plugin import Settings

__all__ = ["MOST_NOTIFY_DAYS", "MOST_PROVIDER_HOURS", "IncidentSettings", "span_ns"]

MOST_NOTIFY_DAYS = 30
"""17 CFR 248.30(a)(4)(iii): those affected are told not later than 30 days after the firm became aware."""

MOST_PROVIDER_HOURS = 72
"""17 CFR 248.30(a)(5)(i)(B): a service provider tells the firm not later than 72 hours after it became aware."""

_SPAN = re.compile(r"([1-9][0-9]{0,3})([dhm])")
_UNIT_NS = {"d": 86_400 * 10**9, "h": 3_600 * 10**9, "m": 60 * 10**9}

Span = Annotated[str, Meta(pattern=f"^{_SPAN.pattern}$")]


class IncidentSettings(Settings, frozen=True):
    """How a firm handles incidents.

    Attributes:
        notify_days: Days within which those affected are told, from when the firm became aware.
        provider_notice_hours: Hours within which a service provider tells the firm, from when it became aware itself.
        remind_before: How long before a deadline whoever runs a feed is reminded: days (``10d``), hours (``6h``) or
            minutes (``30m``). Once it is over, they are reminded again.
        zone: The firm's time zone, an IANA name: deadlines are shown in it as well, and counted in it.
        contact: Whom those affected can ask: telephone, electronic and postal address, the office's name.
        clock_breaches: Breaches of the clock's limit within 24 hours that are tolerated: one more opens an incident.
    """

    notify_days: Annotated[int, Meta(ge=1, le=MOST_NOTIFY_DAYS)] = MOST_NOTIFY_DAYS
    provider_notice_hours: Annotated[int, Meta(ge=1, le=MOST_PROVIDER_HOURS)] = MOST_PROVIDER_HOURS
    remind_before: Annotated[tuple[Span, ...], Meta(max_length=16)] = ("10d", "3d", "1d")
    zone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    contact: Annotated[str, Meta(max_length=1_000)] = ""
    clock_breaches: Annotated[int, Meta(ge=0, le=1_000_000)] = 3

    def __post_init__(self) -> None:
        try:
            zoneinfo.ZoneInfo(self.zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f'zone {self.zone!r} is no IANA time zone; write "America/New_York"') from None

    @property
    def place(self) -> zoneinfo.ZoneInfo:
        """The firm's time zone."""
        return zoneinfo.ZoneInfo(self.zone)

    @property
    def before_ns(self) -> tuple[int, ...]:
        """The spans of `remind_before` in nanoseconds, the longest first."""
        return tuple(sorted({span_ns(text) for text in self.remind_before}, reverse=True))


def span_ns(text: str) -> int:
    """Return the nanoseconds of ``10d``, ``6h`` or ``30m``.

    Raises:
        ValueError: It is no such span.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no span of time; write "10d", "6h" or "30m"')
    return int(found[1]) * _UNIT_NS[found[2]]
