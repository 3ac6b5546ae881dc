"""Find a flood: far more ticks of one kind in a second than the instrument brings of late.

Owns: `max_rate`, `rate_floor`, and a count and a slow mean for each kind of tick.
Never: judges the first seconds, in which no mean is known, or counts a backfilled tick, which comes as it is fetched.

Seconds are counted from a kind's first tick on, one after the other. The mean goes on slowly, by a sixtieth a
second, and no second counts for more in it than what the rule allows: a flood does not blind the rule, and one that
stays is what is usual after a while.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import Limit, check_limit

__all__ = ["RateRule", "RateSettings", "RateSpike"]

_WINDOW_NS = 1_000_000_000
_LEARNING_WINDOWS = 10
_MEAN_WINDOWS = 60
_LONGEST_PAUSE = 10 * _MEAN_WINDOWS
"""After so many empty seconds nothing is left of a mean."""
_KINDS: tuple[type[Tick], ...] = (Trade, AggTrade, Quote, Ticker, Bar)
_UNKNOWN = 2**63
_MOST = 1_000_000_000


class RateSettings(Settings, frozen=True):
    """`max_rate` is a multiple of the mean; fewer than `rate_floor` ticks a second are no flood."""

    max_rate: Limit = Decimal(50)
    """How many times the mean of late as many ticks of a kind may come in a second; more than 1."""
    rate_floor: int = 2_000
    """How many ticks of a kind in a second are never too many."""

    def __post_init__(self) -> None:
        """Refuse a multiple that any market exceeds, and one that is none."""
        check_limit("max_rate", self.max_rate)
        if self.max_rate is not False and not 1 < self.max_rate <= _MOST:
            raise ValueError(
                f"max_rate must be more than 1 and at most {_MOST}, or false to turn it off; it is {self.max_rate}"
            )
        if not 1 <= self.rate_floor <= _MOST:
            raise ValueError(f"rate_floor must be 1 to {_MOST} ticks a second; it is {self.rate_floor}")


class RateSpike(Violation, frozen=True, tag="rate"):
    """The tick is the one numbered `count` of its `kind` in this second: over `limit`, since `mean` is usual."""

    kind: str
    count: int
    limit: int
    mean: float


class _Pace:
    """One kind's: how many came in the running second, and how many do in one."""

    __slots__ = ("_floor", "_most", "_windows", "count", "end_ns", "limit", "mean", "start_ns")

    def __init__(self, most: float, floor: int) -> None:
        self._most = most
        self._floor = floor
        self._windows = 0
        self.mean = 0.0
        self.limit = _UNKNOWN
        self.count = 0
        self.start_ns = self.end_ns = 0

    def turn(self, at_ns: int) -> None:
        """End the running second, and those since in which nothing came, and begin the one in which `at_ns` lies."""
        gone = (at_ns - self.start_ns) // _WINDOW_NS
        if self.start_ns and gone > 0:
            self._learn(min(self.count, self.limit))
            for _ in range(min(gone - 1, _LONGEST_PAUSE)):
                self._learn(0)
            if self._windows >= _LEARNING_WINDOWS:
                self.limit = int(max(self._floor, self._most * self.mean))
            self.start_ns += gone * _WINDOW_NS
        else:  # the first tick, or time was set back
            self.start_ns = at_ns
        self.end_ns = self.start_ns + _WINDOW_NS
        self.count = 0

    def _learn(self, count: int) -> None:
        self._windows += 1
        self.mean += (count - self.mean) / min(self._windows, _MEAN_WINDOWS)


class RateRule:
    """Count the ticks of each kind within seconds."""

    __slots__ = ("_paces",)

    def __init__(self, settings: RateSettings) -> None:
        most = float(settings.max_rate)
        self._paces: dict[type, _Pace] = {kind: _Pace(most, settings.rate_floor) for kind in _KINDS}

    def check(self, tick: Tick, at_ns: int) -> RateSpike | None:
        """Return how many there were if those are too many, or None."""
        pace = self._paces.get(type(tick))
        if pace is None or tick.backfilled:
            return None
        if not pace.start_ns <= at_ns < pace.end_ns:
            pace.turn(at_ns)
        pace.count += 1
        if pace.count <= pace.limit:
            return None
        return RateSpike(kind=tick.counted_as, count=pace.count, limit=pace.limit, mean=pace.mean)


def _open(settings: RateSettings, context: ValidatorContext) -> RateRule | None:  # noqa: ARG001 - contract
    return None if settings.max_rate is False else RateRule(settings)


SPEC = validator_spec(
    name="rate",
    summary="more ticks of a kind in a second than max_rate times their mean, and than rate_floor",
    settings=RateSettings,
    open=_open,
    ticks=_KINDS,  # a book with a piece left out is no book
    action="flag",
    severity="info",
)
