"""Take a time as a person of the firm says it, and say one in the firm's words.

Owns: that a day, and a time that names no zone, are of the firm's zone; how a letter tells a day and a time.
Never: reads the policy that names the zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from ticktrail.errors import ConfigError
from ticktrail_compliance.options import TimeType, names_a_day

__all__ = ["FirmTimeType", "SaidTime", "day_in_words", "in_words", "period_in_words"]

NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SaidTime:
    """A time as it was said.

    Attributes:
        text: As a person wrote it.
        utc_ns: What it is where it is of UTC, or of the zone that it names; nanoseconds.
        local: What it is by the clock on the wall; None: it names its zone, so that `utc_ns` is it.
        is_day: It is a day, and no time of it.
        is_last: Of a day, its end is meant.
    """

    text: str
    utc_ns: int
    local: datetime | None
    is_day: bool
    is_last: bool

    def at_ns(self, place: ZoneInfo) -> int:
        """Return the moment, UTC nanoseconds.

        Args:
            place: The firm's zone.

        Raises:
            ConfigError: By the clocks of that zone there are two such moments, or there is none.
        """
        if self.local is None:
            return self.utc_ns
        if self.is_day:
            last = self.local + timedelta(days=1) if self.is_last else self.local
            return _ns(last.replace(tzinfo=place)) - (1 if self.is_last else 0)
        first, second = (_ns(self.local.replace(tzinfo=place, fold=fold)) for fold in (0, 1))
        if first != second:
            how = "comes twice" if first < second else "is left out"
            raise ConfigError(
                f"{self.text} {how} in {place.key}, where clocks change: write it in UTC, "
                f"such as {_EPOCH + timedelta(seconds=first // NS):%Y-%m-%dT%H:%M:%SZ}"
            )
        return first


class FirmTimeType(click.ParamType[SaidTime]):
    """A moment as ISO 8601 (of the firm's zone where it names none) or as integer nanoseconds.

    Args:
        last: A date alone means the end of that day, and otherwise its beginning.
    """

    name = "time"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> SaidTime:
        """Return what was said; which moment it is, the firm's zone tells."""
        text = str(value)
        utc_ns = TimeType(last=self._last).convert(text, param, ctx)
        found = None if text.isascii() and text.isdigit() else datetime.fromisoformat(text)
        local = found if found is not None and found.tzinfo is None else None
        is_day = local is not None and names_a_day(text)
        return SaidTime(text, utc_ns, local, is_day, self._last)


def in_words(at_ns: int, place: ZoneInfo) -> str:
    """Return a time as a letter tells it: ``5 January 2026, 19:00 EST``; where it bounds a day, that day alone.

    Args:
        at_ns: UTC nanoseconds.
        place: The firm's zone.
    """
    local, day = _local(at_ns, place), day_in_words(at_ns, place)
    is_bound = at_ns in _bounds(local, place)
    return day if is_bound else f"{day}, {local:%H:%M %Z}"


def day_in_words(at_ns: int, place: ZoneInfo) -> str:
    """Return the day of a time in the firm's zone: ``5 January 2026``."""
    local = _local(at_ns, place)
    return f"{local.day} {local:%B %Y}"


def period_in_words(from_ns: int | None, to_ns: int | None, place: ZoneInfo) -> str:
    """Return when something was, as a sentence goes on with it; an empty text: it is not known when it began."""
    if from_ns is None:
        return ""
    began = in_words(from_ns, place)
    if to_ns is None:
        return f"from {began} on"
    ended = in_words(to_ns, place)
    return f"on {began}" if began == ended else f"between {began} and {ended}"


def _bounds(local: datetime, place: ZoneInfo) -> Sequence[int]:
    """Return the first and the last nanosecond of a local day."""
    midnight = datetime(local.year, local.month, local.day)  # noqa: DTZ001 - the zone comes next
    return (
        _ns(midnight.replace(tzinfo=place)),
        _ns((midnight + timedelta(days=1)).replace(tzinfo=place)) - 1,
    )


def _local(at_ns: int, place: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(seconds=at_ns // NS)).astimezone(place)


def _ns(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) * 1_000
