"""Find a price or size that is no whole multiple of the venue's increments: digits went wrong on the way.

Owns: `tick_size`, `lot_size`, and the increments that the venue states.
Never: judges while an increment is not known. Sizes of quotes and volumes of bars are not judged: they may hold
orders from before the venue changed its increment.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ticktrail.model import AggTrade, Bar, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import EXACT, Limit, check_limit

__all__ = ["IncrementsRule", "IncrementsSettings", "OffIncrement"]


class IncrementsSettings(Settings, frozen=True):
    """Each is ``true`` for what the venue states, an increment of one's own, or ``false``."""

    tick_size: Limit = True
    """Of what a price is a whole multiple; ``true``: as the venue states it, and not judged where it does not."""
    lot_size: Limit = True
    """The same of a trade's size."""

    def __post_init__(self) -> None:
        """Refuse an increment that no price or size could keep."""
        for key, value in (("tick_size", self.tick_size), ("lot_size", self.lot_size)):
            if value is not True:
                check_limit(key, value)


class OffIncrement(Violation, frozen=True, tag="increments"):
    """The `value` of `field` is no whole multiple of `increment`."""

    field: str
    value: Decimal
    increment: Decimal


class IncrementsRule:
    """Divide each price and size by its increment.

    The remainder is taken in the thread's own context first, which costs half: a remainder of zero is right in any,
    and whatever else it says is looked at again exactly.
    """

    __slots__ = ("_price", "_settings", "_size")

    def __init__(self, settings: IncrementsSettings) -> None:
        self._settings = settings
        self._price: Decimal | None = None
        self._size: Decimal | None = None
        self.learn(None, None)

    def learn(self, price: Decimal | None, size: Decimal | None) -> None:
        """Take what the venue states now, where the settings leave it to the venue."""
        self._price = _increment(self._settings.tick_size, price)
        self._size = _increment(self._settings.lot_size, size)

    def check(self, tick: Tick, at_ns: int) -> OffIncrement | None:  # noqa: ARG002 - the contract's signature
        """Return the first price or size that is off its increment, or None."""
        price, size = self._price, self._size
        try:
            if type(tick) is Trade or type(tick) is AggTrade:
                if (price is None or not tick.price % price) and (size is None or not tick.size % size):
                    return None
            elif type(tick) is Quote and (
                price is None or not (tick.bid_price % price or tick.ask_price % price)
            ):
                return None
        except ArithmeticError:  # NaN, or more increments than the thread's context can count
            pass
        return self._find(tick)

    def _find(self, tick: Tick) -> OffIncrement | None:
        for field, value, increment in self._values(tick):
            if increment is not None and EXACT.remainder(value, increment):  # NaN is true, and no multiple
                return OffIncrement(field=field, value=value, increment=increment)
        return None

    def _values(self, tick: Tick) -> Iterator[tuple[str, Decimal, Decimal | None]]:
        fields: tuple[str, ...] = ()
        if type(tick) is Trade or type(tick) is AggTrade:
            fields = ("price",)
            yield "size", tick.size, self._size
        elif type(tick) is Quote:
            fields = ("bid_price", "ask_price")
        elif type(tick) is Ticker:
            fields = ("last", "bid_price", "ask_price")
        elif type(tick) is Bar:
            fields = ("open", "high", "low", "close")
        for field in fields:
            yield field, getattr(tick, field), self._price


def _increment(said: Limit, stated: Decimal | None) -> Decimal | None:
    if said is False:
        return None
    if said is not True:
        return said
    if stated is None or not stated.is_finite() or stated <= 0:
        return None
    return stated


def _open(settings: IncrementsSettings, context: ValidatorContext) -> IncrementsRule | None:  # noqa: ARG001 - contract
    if settings.tick_size is False and settings.lot_size is False:
        return None
    return IncrementsRule(settings)


SPEC = validator_spec(
    name="increments",
    summary="a price or size that is no whole multiple of tick_size or lot_size (true: as the venue states them)",
    settings=IncrementsSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote, Ticker, Bar),
    action="flag",  # a venue may change its increments, and tell of it later than it trades by them
)
