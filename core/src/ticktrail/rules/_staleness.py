"""Refuse a tick that was old when it came.

Owns: `max_age_s`.
Never: judges a tick without the venue's time, a backfilled one (old by its nature), or a status or correction
(news that must not be lost for being late).
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Clock, Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import Limit, check_limit, nanoseconds

__all__ = ["Stale", "StalenessRule", "StalenessSettings"]

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class StalenessSettings(Settings, frozen=True):
    """`max_age_s` counts from the venue's time to the corrected receive time."""

    max_age_s: Limit = Decimal(10)
    """How old a tick may be when it is received, in seconds."""

    def __post_init__(self) -> None:
        """Refuse an age that no tick could have."""
        check_limit("max_age_s", self.max_age_s)


class Stale(Violation, frozen=True, tag="staleness"):
    """The tick was `age_ms` old on arrival; `clock_offset_ms` is the correction in that, None if never measured."""

    age_ms: float
    max_age_ms: float
    clock_offset_ms: float | None


class StalenessRule:
    """Compare the venue's time with the corrected receive time."""

    __slots__ = ("_clock", "_limit_ns")

    def __init__(self, settings: StalenessSettings, clock: Clock) -> None:
        self._limit_ns = nanoseconds(Decimal(settings.max_age_s), unit_ns=_NS_PER_S)
        self._clock = clock

    def check(self, tick: Tick, at_ns: int) -> Stale | None:  # noqa: ARG002 - the contract's signature
        """Return how old the tick is if that is too old, or None."""
        event_ns = tick.event_ns
        if event_ns is None:
            return None
        offset_ns = self._clock.offset_ns
        age_ns = tick.recv_ns + (offset_ns or 0) - event_ns
        if age_ns <= self._limit_ns or tick.backfilled:
            return None
        return Stale(
            age_ms=age_ns / _NS_PER_MS,
            max_age_ms=self._limit_ns / _NS_PER_MS,
            clock_offset_ms=None if offset_ns is None else offset_ns / _NS_PER_MS,
        )


def _open(settings: StalenessSettings, context: ValidatorContext) -> StalenessRule | None:
    return None if settings.max_age_s is False else StalenessRule(settings, context.clock)


SPEC = validator_spec(
    name="staleness",
    summary="a tick older than max_age_s when it came",
    settings=StalenessSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),  # a book with a piece left out is no book: silence judges it
)
