"""Compare what the legs of a route say of one instrument at the same time.

Owns: `max_cross_venue_deviation`, `cross_venue_max_age_s`, and each leg's latest price.
Never: lets a leg that has fallen silent vote, or says which of two legs is wrong: nobody can know.

With two live legs each is measured by the other. With three or more the measure is the median of all live legs, and the
leg whose tick lies too far from it is the outlier; where the legs are divided so that half of them lie too far off on
either side, none is named. Backfilled ticks are old prices: they neither vote nor are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal

from ticktrail.model import AggTrade, ProviderId, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import EXACT, HUGE, Limit, check_limit, nanoseconds

__all__ = ["CrossVenueDeviation", "CrossVenueRule", "CrossVenueSettings"]

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000
_MAX_AGE_S = 3_600
_TWO = Decimal(2)
_LEGS_WITH_A_MAJORITY = 3
_ROUND = Context(prec=6, traps=[])


class CrossVenueSettings(Settings, frozen=True):
    """`max_cross_venue_deviation` is a fraction of the measure: 0.02 is two per cent; older prices do not count."""

    max_cross_venue_deviation: Limit = Decimal("0.02")
    """How far a price may lie from the other leg's, or from the median of three or more, as a fraction of it."""
    cross_venue_max_age_s: Decimal = Decimal(10)
    """A leg whose latest price is older does not vote, in seconds."""

    def __post_init__(self) -> None:
        """Refuse a limit that lets everything or nothing pass, and an age at which no leg would vote."""
        check_limit("max_cross_venue_deviation", self.max_cross_venue_deviation, below=2)
        if not (self.cross_venue_max_age_s.is_finite() and 0 < self.cross_venue_max_age_s <= _MAX_AGE_S):
            raise ValueError(
                f"cross_venue_max_age_s must be above 0 and at most {_MAX_AGE_S} seconds; "
                f"it is {self.cross_venue_max_age_s}"
            )


class CrossVenueDeviation(Violation, frozen=True, tag="cross_venue"):
    """`price` lies `deviation` (a fraction) away from `measure`: the other leg's price, or the median of three or more.

    `prices` and `ages_ms` are those of every leg that votes, this one's among them; `outlier` is the leg that stands
    alone against a majority, None where there is none.
    """

    price: Decimal
    measure: Decimal
    deviation: Decimal
    max_cross_venue_deviation: Decimal
    outlier: ProviderId | None
    prices: Mapping[ProviderId, Decimal]
    ages_ms: Mapping[ProviderId, float]


class CrossVenueRule:
    """Hold each leg's latest price.

    Where all live legs were found close together, a zone half as wide as the limit is laid around them: as long as
    every new price falls into it, no two of them can be too far apart, whoever of them is still live, and the exact
    comparison is spared.
    """

    __slots__ = ("_age_ns", "_high", "_limit", "_low", "_votes")

    def __init__(self, settings: CrossVenueSettings) -> None:
        self._limit = Decimal(settings.max_cross_venue_deviation)
        self._age_ns = nanoseconds(settings.cross_venue_max_age_s, unit_ns=_NS_PER_S)
        self._votes: dict[ProviderId, tuple[Tick, int]] = {}
        self._low, self._high = HUGE, -HUGE

    def check(self, tick: Tick, at_ns: int) -> CrossVenueDeviation | None:
        """Return how far the leg is away from the others, or None; its price votes from now on."""
        try:
            if type(tick) is Trade or type(tick) is AggTrade:
                fine = self._low <= tick.price <= self._high
            elif type(tick) is Quote:
                fine = self._low <= tick.bid_price <= tick.ask_price <= self._high
            elif type(tick) is Ticker:
                fine = self._low <= tick.last <= self._high
            else:
                return None
            if tick.backfilled:
                return None
            if fine:
                self._votes[tick.provider] = (tick, at_ns)
                return None
            price = _price(tick)
            if price is None:
                return None
        except ArithmeticError:  # NaN is no price; other rules name it
            return None
        self._votes[tick.provider] = (tick, at_ns)
        return self._compare(tick.provider, price, at_ns)

    def _compare(self, leg: ProviderId, price: Decimal, at_ns: int) -> CrossVenueDeviation | None:
        prices: dict[ProviderId, Decimal] = {}
        ages_ms: dict[ProviderId, float] = {}
        for voter, (tick, seen_ns) in self._votes.items():
            vote = _price(tick)
            if vote is not None and at_ns - seen_ns <= self._age_ns:
                prices[voter] = vote
                ages_ms[voter] = (at_ns - seen_ns) / _NS_PER_MS
        votes = list(prices.values())
        if len(votes) == 2:
            (measure,) = [vote for voter, vote in prices.items() if voter != leg]
        else:
            measure = _median(votes)
        reach = EXACT.multiply(measure, self._limit)
        off = EXACT.abs(EXACT.subtract(price, measure))
        self._lay_zone(measure, votes)
        if off <= reach:
            return None
        far = sum(EXACT.abs(EXACT.subtract(vote, measure)) > reach for vote in votes)
        majority = len(votes) >= _LEGS_WITH_A_MAJORITY and 2 * far < len(votes)
        return CrossVenueDeviation(
            price=price,
            measure=measure,
            deviation=_ROUND.divide(off, measure),
            max_cross_venue_deviation=self._limit,
            outlier=leg if majority else None,
            prices=prices,
            ages_ms=ages_ms,
        )

    def _lay_zone(self, measure: Decimal, votes: list[Decimal]) -> None:
        quarter = EXACT.divide(EXACT.multiply(measure, self._limit), Decimal(4))
        low, high = EXACT.subtract(measure, quarter), EXACT.add(measure, quarter)
        if all(low <= vote <= high for vote in votes):
            self._low, self._high = low, high
        else:  # somebody is far off: everybody is compared until that is over
            self._low, self._high = HUGE, -HUGE


def _price(tick: Tick) -> Decimal | None:
    """Return what a tick says that the instrument costs, None where it says nothing that is a price."""
    if type(tick) is Trade or type(tick) is AggTrade:
        price = tick.price
    elif type(tick) is Quote:
        if not (tick.bid_price > 0 and tick.ask_price > 0):
            return None  # an empty side leaves no mid
        price = EXACT.divide(EXACT.add(tick.bid_price, tick.ask_price), _TWO)
    elif type(tick) is Ticker:
        price = tick.last
    else:
        return None
    return price if 0 < price < HUGE else None


def _median(values: list[Decimal]) -> Decimal:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return EXACT.divide(EXACT.add(ordered[middle - 1], ordered[middle]), _TWO)


def _open(settings: CrossVenueSettings, context: ValidatorContext) -> CrossVenueRule | None:
    if settings.max_cross_venue_deviation is False or len(context.legs) == 1:
        return None
    return CrossVenueRule(settings)


SPEC = validator_spec(
    name="cross_venue",
    summary="a price more than max_cross_venue_deviation away from what the other legs say at the same time",
    settings=CrossVenueSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker),
    scope="route",
    action="flag",  # of two legs nobody knows which is wrong, and a feed must not fall silent for it
    severity="critical",
)
