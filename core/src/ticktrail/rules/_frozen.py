"""Refuse a quote that is repeated and repeated while the instrument trades elsewhere.

Owns: `frozen_after_quotes`, `frozen_after_s`, `frozen_after_trades`, and the quote that is repeated.
Never: takes a quiet market for a frozen one. That a quote stays the same proves nothing; that trades in a row print
below its bid or above its ask, while it is sent again and again, does.

A quote is frozen once it was repeated often enough and for long enough, and enough trades in a row lay outside of it
since it was first repeated. From then on each repetition is refused, wherever trades go, until the quote moves.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import AggTrade, Quote, Tick, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import is_absent, nanoseconds

__all__ = ["Frozen", "FrozenRule", "FrozenSettings"]

_NS_PER_S = 1_000_000_000
_MOST = 1_000_000
_MOST_S = 86_400


class FrozenSettings(Settings, frozen=True):
    """All three bounds must be reached; `frozen_after_quotes` is ``false`` for off."""

    frozen_after_quotes: int | bool = 20
    """How often a quote must be repeated to be frozen, while trades print outside of it; 2 to 1000000."""
    frozen_after_s: Decimal = Decimal("2.0")
    """Over how many seconds at least; 0 to 86400."""
    frozen_after_trades: int = 3
    """How many trades in a row must print outside of it; 1 to 1000000."""

    def __post_init__(self) -> None:
        """Refuse bounds that a single quote or trade would reach, and those that nothing would."""
        quotes = self.frozen_after_quotes
        if quotes is True or (quotes is not False and not 2 <= quotes <= _MOST):
            raise ValueError(
                f"frozen_after_quotes must be 2 to {_MOST}, or false to turn it off; it is {str(quotes).lower()}"
            )
        if not (self.frozen_after_s.is_finite() and 0 <= self.frozen_after_s <= _MOST_S):
            raise ValueError(f"frozen_after_s must be 0 to {_MOST_S} seconds; it is {self.frozen_after_s}")
        if not 1 <= self.frozen_after_trades <= _MOST:
            raise ValueError(f"frozen_after_trades must be 1 to {_MOST}; it is {self.frozen_after_trades}")


class Frozen(Violation, frozen=True, tag="frozen"):
    """The quote came `repeats` times again over `frozen_s`, while `trades_outside` trades in a row lay outside of it.

    `last_trade` is the price of the last one of those.
    """

    bid_price: Decimal
    ask_price: Decimal
    repeats: int
    frozen_s: float
    trades_outside: int
    last_trade: Decimal


class FrozenRule:
    """Compare each quote with the one before, and the trades meanwhile with it."""

    __slots__ = (
        "_after_ns",
        "_after_quotes",
        "_after_trades",
        "_found",
        "_last",
        "_new",
        "_new_ns",
        "_outside",
        "_repeats",
        "_since_ns",
        "_trade",
    )

    def __init__(self, settings: FrozenSettings) -> None:
        self._after_quotes = int(settings.frozen_after_quotes)
        self._after_ns = nanoseconds(settings.frozen_after_s, unit_ns=_NS_PER_S)
        self._after_trades = settings.frozen_after_trades
        self.begin_session()

    def begin_session(self) -> None:
        """Forget: a venue states its quote anew, and what was traded meanwhile is not known."""
        self._last: Quote | None = None
        self._new: Quote | None = None
        self._new_ns = 0
        self._since_ns = 0
        self._repeats = 0
        self._outside = 0
        self._trade = Decimal(0)
        self._found = False

    def check(self, tick: Tick, at_ns: int) -> Frozen | None:
        """Return how the quote is frozen, or None."""
        if type(tick) is not Quote or tick.backfilled:
            return None
        last = self._last
        try:
            if (
                last is not None
                and tick.bid_size == last.bid_size
                and tick.ask_size == last.ask_size
                and tick.bid_price == last.bid_price
                and tick.ask_price == last.ask_price
            ):
                self._new = None
                return self._repeat(last, at_ns)
        except ArithmeticError:  # a signalling NaN equals nothing
            pass
        self._new, self._new_ns = tick, at_ns
        return None

    def accept(self, tick: Tick) -> None:
        """Take a new quote that no rule kept back, and weigh a trade against the one that is being repeated."""
        if self._new is not None and type(tick) is Quote and not tick.backfilled:
            self._last, self._since_ns, self._new = tick, self._new_ns, None
            self._repeats = self._outside = 0
            self._found = False
            return
        if not self._repeats or (type(tick) is not Trade and type(tick) is not AggTrade) or tick.backfilled:
            return
        if self._last is not None and _is_outside(tick.price, self._last):
            self._outside += 1
            self._trade = tick.price
        elif not self._found:
            self._outside = 0

    def _repeat(self, quote: Quote, at_ns: int) -> Frozen | None:
        self._since_ns = min(self._since_ns, at_ns)  # time was set back: the bound begins anew
        self._repeats += 1
        if not self._found:
            if (
                self._repeats < self._after_quotes
                or self._outside < self._after_trades
                or at_ns - self._since_ns < self._after_ns
            ):
                return None
            self._found = True
        return Frozen(
            bid_price=quote.bid_price,
            ask_price=quote.ask_price,
            repeats=self._repeats,
            frozen_s=(at_ns - self._since_ns) / _NS_PER_S,
            trades_outside=self._outside,
            last_trade=self._trade,
        )


def _is_outside(price: Decimal, quote: Quote) -> bool:
    """Tell whether a price lies outside of the quote's sides, crossed or not; an empty side bounds nothing."""
    bid, ask = quote.bid_price, quote.ask_price
    has_bid = not is_absent(bid, quote.bid_size)
    try:
        if is_absent(ask, quote.ask_size):
            outside = has_bid and price < bid
        elif has_bid:
            outside = not (bid <= price <= ask or ask <= price <= bid)
        else:
            outside = price > ask
    except ArithmeticError:  # NaN has no order
        return False
    return outside


def _open(settings: FrozenSettings, context: ValidatorContext) -> FrozenRule | None:
    channels = context.channels
    lacks = channels and not ("quotes" in channels and channels & {"trades", "agg_trades"})
    return None if settings.frozen_after_quotes is False or lacks else FrozenRule(settings)


SPEC = validator_spec(
    name="frozen",
    summary="a quote that is repeated frozen_after_quotes times over frozen_after_s while trades print outside of it",
    settings=FrozenSettings,
    open=_open,
    ticks=(Quote, Trade, AggTrade),
)
