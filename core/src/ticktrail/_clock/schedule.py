"""Decide when the clock is measured next.

Owns: the pause between two measurements, by how stable the clock is, and the moments before markets open. Pure.
Never: waits, or reads a clock.

The pause doubles while the clock is stable, as the poll interval of RFC 5905 (June 2010), section 13; 64 s to 1,024 s
are chronyd's own limits (minpoll 6 and maxpoll 10, chrony.conf(5) of 4.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ticktrail._plan.clock import ClockSettings, MarketOpen

__all__ = ["Pace", "seconds_to_opening"]

_NS_PER_S = 1_000_000_000
_JUST_NOW = timedelta(seconds=4)
"""A moment as near as this counts as past: a wait that ended a little early must not ask the servers twice."""


class Pace:
    """The pause, by what the measurements found; one of them may fail before `max_unmeasured_s` have passed."""

    def __init__(self, settings: ClockSettings) -> None:
        self._min_s = settings.every_min_s
        self._max_s = min(settings.every_max_s, settings.max_unmeasured_s / 2 - settings.timeout_s)
        self._openings = settings.before_open
        self.every_s = self._min_s

    def found(self, *, stable: bool) -> None:
        """Take in a measurement: a stable one doubles the pause, any other one brings it back to the least."""
        self.every_s = min(self.every_s * 2, self._max_s) if stable else self._min_s

    def next_s(self, now_ns: int) -> float:
        """Return the seconds until the next measurement: the pause, or less where a market opens before.

        Args:
            now_ns: The time, UTC.
        """
        return min(self.every_s, seconds_to_opening(self._openings, now_ns))


def seconds_to_opening(openings: Iterable[MarketOpen], now_ns: int) -> float:
    """Return how long it is until the first moment that lies `lead_s` before an opening; infinite without one.

    One that is less than four seconds away counts as past: the measurement at hand serves it. A local time that a
    change of the clocks leaves out counts as if they had not been changed yet; of one that comes twice, the first.
    """
    return min((_seconds_to(opening, now_ns) for opening in openings), default=float("inf"))


def _seconds_to(opening: MarketOpen, now_ns: int) -> float:
    zone = ZoneInfo(opening.zone)
    now = datetime.fromtimestamp(now_ns // _NS_PER_S, tz=UTC) + timedelta(
        microseconds=now_ns % _NS_PER_S / 1_000
    )
    lead = timedelta(seconds=opening.lead_s)
    day = (now + lead).astimezone(zone).date()
    while True:
        moment = datetime.combine(day, time.fromisoformat(opening.time), tzinfo=zone).astimezone(UTC) - lead
        if moment > now + _JUST_NOW:
            return (moment - now).total_seconds()
        day += timedelta(days=1)
