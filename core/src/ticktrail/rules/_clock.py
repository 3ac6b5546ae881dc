"""Refuse a tick from the future: it proves that one of two clocks is wrong.

Owns: `max_clock_offset_ms`.
Never: judges a tick that comes late. Lateness is network delay as much as clock error, and `max_age_s` bounds it;
earliness can only be clock error, since nothing arrives before it is sent.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Clock, Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import Limit, check_limit, nanoseconds

__all__ = ["ClockRule", "ClockRuleSettings", "FromTheFuture"]

_NS_PER_MS = 1_000_000


class ClockRuleSettings(Settings, frozen=True):
    """`max_clock_offset_ms` is how far a venue's time may lie ahead of the corrected receive time."""

    max_clock_offset_ms: Limit = Decimal(50)
    """How far a venue's time may lie ahead of the corrected receive time, in milliseconds."""

    def __post_init__(self) -> None:
        """Refuse a negative tolerance."""
        check_limit("max_clock_offset_ms", self.max_clock_offset_ms)


class FromTheFuture(Violation, frozen=True, tag="clock"):
    """The venue's time lies `ahead_ms` after arrival; `clock_offset_ms` is the correction, None if never measured."""

    ahead_ms: float
    max_clock_offset_ms: float
    clock_offset_ms: float | None


class ClockRule:
    """Compare the corrected receive time with the venue's."""

    __slots__ = ("_clock", "_limit_ns")

    def __init__(self, settings: ClockRuleSettings, clock: Clock) -> None:
        self._limit_ns = nanoseconds(Decimal(settings.max_clock_offset_ms), unit_ns=_NS_PER_MS)
        self._clock = clock

    def check(self, tick: Tick, at_ns: int) -> FromTheFuture | None:  # noqa: ARG002 - the contract's signature
        """Return how far ahead the tick is if that is too far, or None."""
        event_ns = tick.event_ns
        if event_ns is None:
            return None
        offset_ns = self._clock.offset_ns
        ahead_ns = event_ns - tick.recv_ns - (offset_ns or 0)
        if ahead_ns <= self._limit_ns:
            return None
        return FromTheFuture(
            ahead_ms=ahead_ns / _NS_PER_MS,
            max_clock_offset_ms=self._limit_ns / _NS_PER_MS,
            clock_offset_ms=None if offset_ns is None else offset_ns / _NS_PER_MS,
        )


def _open(settings: ClockRuleSettings, context: ValidatorContext) -> ClockRule | None:
    return None if settings.max_clock_offset_ms is False else ClockRule(settings, context.clock)


SPEC = validator_spec(
    name="clock",
    summary="a tick from the future by more than max_clock_offset_ms: one of two clocks is wrong",
    settings=ClockRuleSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),  # a book with a piece left out is no book
)
