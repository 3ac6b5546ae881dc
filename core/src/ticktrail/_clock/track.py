"""Follow the clock from measurement to measurement: its drift, its steps, and its breaches of the limit.

Owns: the bounded history, and what changed from one measurement to the next. Pure: times come with the measurements.
Never: measures, waits, or stops a feed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import msgspec

from ticktrail._plan.clock import ClockSettings
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockStepped,
    ClockUnavailable,
    Event,
)

__all__ = ["ClockTrack"]

_NS_PER_S = 1_000_000_000
_TOLERANCE_PPM = 15
"""How fast a sound oscillator may drift: TOLERANCE of RFC 5905 (June 2010), section 7.2."""
_HISTORY = 32
"""Measurements kept: nine hours of a stable clock; a crystal's drift follows the day's temperature."""
_LEAST_FOR_DRIFT = 3


@dataclass(frozen=True, slots=True)
class _Point:
    mono_ns: int
    offset_ns: int
    bound_ns: int


@dataclass(frozen=True, slots=True)
class _Breach:
    cause: Literal["offset", "unmeasured"]
    begun_ns: int
    begun_mono_ns: int


class ClockTrack:
    """What the measurements of one feed say together.

    Args:
        settings: The ``[clock]`` table.
        mono_ns: When the feed began to measure, monotonic.
    """

    def __init__(self, settings: ClockSettings, mono_ns: int) -> None:
        self._settings = settings
        self._points: deque[_Point] = deque(maxlen=_HISTORY)
        self._valid_mono_ns = mono_ns
        self._last: ClockMeasured | None = None
        self._breach: _Breach | None = None
        self.stable = False
        """Whether the last measurement was in tolerance, and no step."""

    @property
    def in_breach(self) -> bool:
        """Tell whether the clock is out of tolerance, or has been unmeasured for too long."""
        return self._breach is not None

    def take(self, found: ClockMeasured | ClockUnavailable, mono_ns: int) -> list[Event]:
        """Return the measurement with the drift, and whatever changed with it: step, breach begun or ended."""
        if isinstance(found, ClockUnavailable):
            self.stable = False
            return [found, *self.check(found.at_ns, mono_ns)]
        self._valid_mono_ns = mono_ns
        self._last = found
        step = self._step(found, mono_ns)
        if step is not None:
            self._points.clear()
        self._points.append(_Point(mono_ns, found.offset_ns, found.bound_ns))
        self.stable = found.in_tolerance and step is None
        events: list[Event] = [msgspec.structs.replace(found, drift_ppm=self._drift_ppm())]
        if step is not None:
            events.append(step)
        before = self._breach
        if before is not None and (found.in_tolerance or before.cause == "unmeasured"):
            events.append(self._end(before, found, mono_ns))
        if not found.in_tolerance and self._breach is None:
            events.append(self._begin("offset", found.at_ns, mono_ns))
        return events

    def check(self, at_ns: int, mono_ns: int) -> list[Event]:
        """Return the breach that begins where there was no valid measurement for `max_unmeasured_s`."""
        if self._breach is not None or self.left_s(mono_ns) > 0:
            return []
        return [self._begin("unmeasured", at_ns, mono_ns)]

    def left_s(self, mono_ns: int) -> float:
        """Return how long the last valid measurement (at first: the start) still holds, in seconds."""
        return self._settings.max_unmeasured_s - (mono_ns - self._valid_mono_ns) / _NS_PER_S

    def _begin(self, cause: Literal["offset", "unmeasured"], at_ns: int, mono_ns: int) -> ClockBreachBegun:
        self._breach = _Breach(cause, at_ns, mono_ns)
        return ClockBreachBegun(
            at_ns=at_ns,
            cause=cause,
            offset_ns=None if self._last is None else self._last.offset_ns,
            bound_ns=None if self._last is None else self._last.bound_ns,
            limit_ns=self._settings.limit_ns,
        )

    def _end(self, breach: _Breach, found: ClockMeasured, mono_ns: int) -> ClockBreachEnded:
        self._breach = None
        return ClockBreachEnded(
            at_ns=found.at_ns,
            cause=breach.cause,
            begun_ns=breach.begun_ns,
            lasted_s=(mono_ns - breach.begun_mono_ns) / _NS_PER_S,
            offset_ns=found.offset_ns,
            bound_ns=found.bound_ns,
            limit_ns=self._settings.limit_ns,
        )

    def _step(self, found: ClockMeasured, mono_ns: int) -> ClockStepped | None:
        if not self._points:
            return None
        last = self._points[-1]
        allowed_ns = last.bound_ns + found.bound_ns + (mono_ns - last.mono_ns) * _TOLERANCE_PPM // 1_000_000
        if abs(found.offset_ns - last.offset_ns) <= allowed_ns:
            return None
        return ClockStepped(
            at_ns=found.at_ns,
            from_offset_ns=last.offset_ns,
            to_offset_ns=found.offset_ns,
            allowed_ns=allowed_ns,
        )

    def _drift_ppm(self) -> float | None:
        """Return the slope of the offsets by least squares."""
        points = self._points
        if len(points) < _LEAST_FOR_DRIFT:
            return None
        mean_x = sum(point.mono_ns for point in points) / len(points)
        mean_y = sum(point.offset_ns for point in points) / len(points)
        square = sum((point.mono_ns - mean_x) ** 2 for point in points)
        if square == 0:
            return None
        product = sum((point.mono_ns - mean_x) * (point.offset_ns - mean_y) for point in points)
        return product / square * 1_000_000
