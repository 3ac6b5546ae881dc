"""Refuse a tick whose time differs from the corrected receive time, either way, by more than a limit; off by default.

Owns: `max_event_drift_ms`.
Never: tells a wrong clock from a slow network: a late tick looks the same (docs/explanation/validation.md has the
figures). `max_clock_offset_ms` and `max_age_s` judge the two apart.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Clock, Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import Limit, check_limit, nanoseconds

__all__ = ["EventDrift", "EventDriftRule", "EventDriftSettings"]

_NS_PER_MS = 1_000_000


class EventDriftSettings(Settings, frozen=True):
    """`max_event_drift_ms` is how far a venue's time may lie from the corrected receive time, before or after."""

    max_event_drift_ms: Limit = False
    """How far a venue's time may lie from the corrected receive time, before or after, in milliseconds."""

    def __post_init__(self) -> None:
        """Refuse a distance that no tick keeps."""
        check_limit("max_event_drift_ms", self.max_event_drift_ms)


class EventDrift(Violation, frozen=True, tag="event_drift"):
    """The tick came `drift_ms` after the venue's time, before it where negative.

    `clock_offset_ms` is the correction in that, None if the clock was never measured.
    """

    drift_ms: float
    max_event_drift_ms: float
    clock_offset_ms: float | None


class EventDriftRule:
    """Compare the corrected receive time with the venue's, both ways."""

    __slots__ = ("_clock", "_limit_ns")

    def __init__(self, settings: EventDriftSettings, clock: Clock) -> None:
        self._limit_ns = nanoseconds(Decimal(settings.max_event_drift_ms), unit_ns=_NS_PER_MS)
        self._clock = clock

    def check(self, tick: Tick, at_ns: int) -> EventDrift | None:  # noqa: ARG002 - the contract's signature
        """Return how far apart the times are if that is too far, or None."""
        event_ns = tick.event_ns
        if event_ns is None:
            return None
        offset_ns = self._clock.offset_ns
        drift_ns = tick.recv_ns + (offset_ns or 0) - event_ns
        if -self._limit_ns <= drift_ns <= self._limit_ns or tick.backfilled:
            return None
        return EventDrift(
            drift_ms=drift_ns / _NS_PER_MS,
            max_event_drift_ms=self._limit_ns / _NS_PER_MS,
            clock_offset_ms=None if offset_ns is None else offset_ns / _NS_PER_MS,
        )


def _open(settings: EventDriftSettings, context: ValidatorContext) -> EventDriftRule | None:
    return None if settings.max_event_drift_ms is False else EventDriftRule(settings, context.clock)


SPEC = validator_spec(
    name="event_drift",
    summary="a tick whose time is more than max_event_drift_ms from its receive time, either way; off by default",
    settings=EventDriftSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),
)
