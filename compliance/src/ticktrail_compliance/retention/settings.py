"""Hold the ``[compliance.retention_schedule]`` table of a policy file.

Owns: its keys, defaults and bounds.
Never: applies it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ticktrail.plugin import Settings

__all__ = ["RetentionSchedule"]

DAY_NS = 86_400 * 10**9


class RetentionSchedule(Settings, frozen=True):
    """When a feed's process destroys by itself what is due.

    Attributes:
        apply_at: The time of each day, UTC, ``HH:MM``; a day on which no feed ran is made up for. None: never; then
            `ticktrail audit retention apply` does it.
    """

    apply_at: Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None

    def last_ns(self, now_ns: int) -> int | None:
        """Return the last moment until now at which it was time, nanoseconds; None: it never is."""
        if self.apply_at is None:
            return None
        hour, minute = map(int, self.apply_at.split(":"))
        of_day_ns = (hour * 3_600 + minute * 60) * 10**9
        return now_ns - (now_ns - of_day_ns) % DAY_NS
