"""Refuse a price that leaps away from the last accepted one, and yet follow a market that has moved.

Owns: `max_price_jump`, `jump_confirm_ticks`, `jump_confirm_s`, and one level a kind of price.
Never: compares prices of different kinds: a trade with the last trade, an aggregate trade with the last one, a quote's
mid with the last mid, a ticker's last with the last one, a bar's close with the last close. In a thin market a trade
may stand half a spread away from the mid, and that half would use up the limit.

The reference moves only when a tick is accepted by every rule. A price outside of the band around it is refused
and becomes a candidate. Candidates that follow each other and agree (each pair within the limit) confirm a new
level: the one that completes both the count and the time is let through, those before it stay refused. Where they never
agree and nothing was accepted for a hundred times as many and as long, the next one is: nobody is locked out.

A backfilled tick is judged at its own time, since a page of them is received at one moment. One that is older than the
reference says nothing of it: it is not judged, and does not move it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ticktrail.events import PriceLevelConfirmed
from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import EXACT, HUGE, Limit, check_limit, nanoseconds

__all__ = ["PriceJump", "PriceJumpRule", "PriceJumpSettings"]

_HALF = Decimal("0.5")
_ONE = Decimal(1)
_EIGHTH = Decimal("0.125")
_NAN = Decimal("NaN")
_LAST_RESORT = 100
"""So many times the confirmation, in ticks and time, without an accepted one: then any price is the level."""
_MAX_CONFIRM_TICKS = 10_000
_MAX_CONFIRM_S = 3_600


class PriceJumpSettings(Settings, frozen=True):
    """`max_price_jump` is a fraction of the last accepted price: 0.10 is ten per cent."""

    max_price_jump: Limit = Decimal("0.10")
    """How far a price may lie from the last accepted one, as a fraction of it."""
    jump_confirm_ticks: int = 5
    """How many refused prices in a row that agree confirm a new level."""
    jump_confirm_s: Decimal = Decimal("1.0")
    """How long they must have agreed, in seconds."""

    def __post_init__(self) -> None:
        """Refuse a limit that lets nothing or everything pass, and a confirmation that never comes."""
        check_limit("max_price_jump", self.max_price_jump, below=1)  # a fall is never of more
        if not 2 <= self.jump_confirm_ticks <= _MAX_CONFIRM_TICKS:
            raise ValueError(
                f"jump_confirm_ticks must be 2 to {_MAX_CONFIRM_TICKS}, so that one tick alone confirms nothing; "
                f"it is {self.jump_confirm_ticks}"
            )
        if not (self.jump_confirm_s.is_finite() and 0 <= self.jump_confirm_s <= _MAX_CONFIRM_S):
            raise ValueError(
                f"jump_confirm_s must be 0 to {_MAX_CONFIRM_S} seconds; it is {self.jump_confirm_s}"
            )


class PriceJump(Violation, frozen=True, tag="price_jump"):
    """`price` (of `field`) lies more than `max_price_jump` away from `last_price`, the last accepted one.

    `candidates` counts the refused prices in a row, this one included, that agree on a new level.
    """

    field: str
    price: Decimal
    last_price: Decimal | None
    max_price_jump: Decimal
    candidates: int


class _Level:
    """The last accepted price of one kind, what surely lies within its reach, and the candidates for a new level.

    An exact band costs more than a check, and a market's price changes with almost every tick. So a zone is laid
    around an accepted price, and with it the sure band: what is within the limit of *every* price in that zone.
    While the last price wanders inside the zone, a price in the sure band needs no arithmetic; only one outside
    of it is compared exactly.
    """

    __slots__ = (
        *("by", "count", "field", "highest", "jump", "last", "lowest"),
        *("refused", "refused_ns", "scale", "since_ns", "sure", "zone"),
    )

    def __init__(self, field: str, jump: Decimal, scale: Decimal = _ONE) -> None:
        self.field = field
        self.jump = jump
        self.scale = scale  # what a stated price is of the compared one: a mid is half of bid + ask
        self.last: Decimal | None = None
        self.by: Tick | None = None  # whose price that is
        self.zone = (HUGE, -HUGE)
        self.sure = (-HUGE, HUGE)
        self.count = 0
        self.since_ns = 0
        self.lowest = self.highest = HUGE
        self.refused = 0  # since the last accepted one, whether they agreed or not
        self.refused_ns = 0

    def reaches(self, price: Decimal) -> bool:
        """Tell exactly whether the price is within the limit of the last one."""
        if self.last is None:
            return True
        low, high = self._band(self.last)
        return low <= price <= high

    def is_newer_than(self, tick: Tick) -> bool:
        """Tell whether the last accepted tick happened after this one."""
        by = self.by
        return (
            by is not None
            and by.event_ns is not None
            and tick.event_ns is not None
            and tick.event_ns < by.event_ns
        )

    def lay_zone(self, price: Decimal) -> None:
        """Lay the zone around an accepted price that left the last one."""
        width = EXACT.multiply(EXACT.abs(price), EXACT.multiply(min(self.jump, _ONE), _EIGHTH))
        self.zone = EXACT.subtract(price, width), EXACT.add(price, width)  # never across zero
        (low_a, high_a), (low_b, high_b) = (self._band(end) for end in self.zone)
        self.sure = max(low_a, low_b), min(high_a, high_b)

    def _band(self, price: Decimal) -> tuple[Decimal, Decimal]:
        reach = EXACT.multiply(EXACT.abs(price), self.jump)
        return EXACT.subtract(price, reach), EXACT.add(price, reach)


class PriceJumpRule:
    """Hold a band around the last accepted price of each kind."""

    __slots__ = (
        "_agg_trade",
        "_bar",
        "_confirm_ns",
        "_confirm_ticks",
        "_context",
        "_judged",
        "_jump",
        "_levels",
        "_quote",
        "_sum",
        "_ticker",
        "_trade",
    )

    def __init__(self, settings: PriceJumpSettings, context: ValidatorContext | None = None) -> None:
        self._context = context
        self._jump = Decimal(settings.max_price_jump)
        self._confirm_ticks = settings.jump_confirm_ticks
        self._confirm_ns = nanoseconds(settings.jump_confirm_s, unit_ns=1_000_000_000)
        self._trade = _Level("price", self._jump)
        self._agg_trade = _Level("price", self._jump)
        self._quote = _Level("mid", self._jump, _HALF)
        self._judged: Tick | None = None  # the quote whose sides were added up last, and their sum
        self._sum = _NAN
        self._ticker = _Level("last", self._jump)
        self._bar = _Level("close", self._jump)
        self._levels: Mapping[type[Tick], _Level] = {
            Trade: self._trade,
            AggTrade: self._agg_trade,
            Quote: self._quote,
            Ticker: self._ticker,
            Bar: self._bar,
        }

    def check(self, tick: Tick, at_ns: int) -> PriceJump | None:
        """Return the jump, or None where there is none or a new level is confirmed."""
        try:
            if type(tick) is Trade:
                level, price = self._trade, tick.price
            elif type(tick) is Quote:
                level, price = (
                    self._quote,
                    tick.bid_price + tick.ask_price,
                )  # twice the mid, of twice the last
                self._judged, self._sum = tick, price
            elif type(tick) is AggTrade:
                level, price = self._agg_trade, tick.price
            elif type(tick) is Ticker:
                level, price = self._ticker, tick.last
            elif type(tick) is Bar:
                level, price = self._bar, tick.close
            else:
                return None
            low, high = level.sure
            if low <= price <= high:
                return None
        except ArithmeticError:  # NaN, or two infinities: no price at all, so no candidate either
            return self._violation(self._levels[type(tick)], _NAN)
        if (type(tick) is Quote and not (tick.bid_price and tick.ask_price)) or (
            tick.backfilled and level.is_newer_than(tick)
        ):
            return None  # an empty side leaves no mid; the past says nothing of the present
        if not price.is_finite():
            return self._violation(level, price)
        if tick.backfilled and tick.event_ns is not None:
            at_ns = tick.event_ns
        return None if level.reaches(price) else self._confirm(level, price, at_ns)

    def accept(self, tick: Tick) -> None:
        """Move the reference to a tick that every rule let through; it ends all candidacy."""
        if type(tick) is Trade:
            level, price = self._trade, tick.price
        elif type(tick) is Quote:
            if not (tick.bid_price and tick.ask_price):
                return
            level = self._quote
            price = self._sum if tick is self._judged else tick.bid_price + tick.ask_price
        elif type(tick) is AggTrade:
            level, price = self._agg_trade, tick.price
        elif type(tick) is Ticker:
            level, price = self._ticker, tick.last
        elif type(tick) is Bar:
            level, price = self._bar, tick.close
        else:
            return
        if tick.backfilled and level.is_newer_than(tick):
            return
        if level.count:
            if not level.reaches(price):
                self._tell(level, price)
            level.count = level.refused = 0
        level.last, level.by = price, tick
        low, high = level.zone
        if not low <= price <= high:
            level.lay_zone(price)

    def _tell(self, level: _Level, price: Decimal) -> None:
        """Record that a new level was confirmed: the one way for a price out of reach to be accepted."""
        if self._context is not None and level.last is not None:
            self._context.tell(
                PriceLevelConfirmed(
                    at_ns=self._context.clock.now_ns(),
                    provider=self._context.provider,
                    instrument=self._context.instrument,
                    field=level.field,
                    from_price=EXACT.multiply(level.last, level.scale),
                    to_price=EXACT.multiply(price, level.scale),
                    refused=level.refused - 1,
                )
            )

    def _confirm(self, level: _Level, price: Decimal, at_ns: int) -> PriceJump | None:
        lowest, highest = min(level.lowest, price), max(level.highest, price)
        reach = EXACT.multiply(min(EXACT.abs(lowest), EXACT.abs(highest)), self._jump)
        agrees = level.count and EXACT.subtract(highest, lowest) <= reach
        if agrees and at_ns >= level.since_ns:
            level.count += 1
            level.lowest, level.highest = lowest, highest
        else:  # the first, one that disagrees with those before, or time was set back
            level.count, level.since_ns = 1, at_ns
            level.lowest = level.highest = price
        level.refused_ns = min(level.refused_ns, at_ns) if level.refused else at_ns
        level.refused += 1
        if level.count >= self._confirm_ticks and at_ns - level.since_ns >= self._confirm_ns:
            return None
        if (
            level.refused >= _LAST_RESORT * self._confirm_ticks
            and at_ns - level.refused_ns >= _LAST_RESORT * self._confirm_ns
        ):
            return None
        return self._violation(level, price)

    def _violation(self, level: _Level, price: Decimal) -> PriceJump:
        return PriceJump(
            field=level.field,
            price=EXACT.multiply(price, level.scale),
            last_price=None if level.last is None else EXACT.multiply(level.last, level.scale),
            max_price_jump=self._jump,
            candidates=level.count,
        )


def _open(settings: PriceJumpSettings, context: ValidatorContext) -> PriceJumpRule | None:
    return None if settings.max_price_jump is False else PriceJumpRule(settings, context)


SPEC = validator_spec(
    name="price_jump",
    summary="a price more than max_price_jump away from the last accepted one, until a new level is confirmed",
    settings=PriceJumpSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),
)
