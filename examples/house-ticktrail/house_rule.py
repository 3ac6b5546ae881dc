from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ticktrail.model import Tick, Trade, Violation
from ticktrail.plugin import (
    Settings,
    Validator,
    ValidatorContext,
    ValidatorSpec,
    hookimpl,
    validator_spec,
)

TICKTRAIL_API = 1


class TradeSizeSettings(Settings, frozen=True):
    """Keys of [validation]. Each has a default; 0 turns this rule off."""

    min_trade_size: Decimal = Decimal(0)


class TooSmall(Violation, frozen=True, tag="trade_size"):
    """The tag is the rule's name; the fields are the numbers that tripped it."""

    size: Decimal
    min_trade_size: Decimal


class TradeSize:
    """The judge of one instrument on one leg."""

    def __init__(self, min_trade_size: Decimal) -> None:
        self._least = min_trade_size

    def check(self, tick: Tick, at_ns: int) -> TooSmall | None:
        if type(tick) is Trade and not tick.size.is_nan() and tick.size < self._least:
            return TooSmall(size=tick.size, min_trade_size=self._least)
        return None


def open_rule(settings: TradeSizeSettings, context: ValidatorContext) -> Validator | None:
    return TradeSize(settings.min_trade_size) if settings.min_trade_size else None


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    return [
        validator_spec(
            name="trade_size",
            summary="a trade below min_trade_size",
            settings=TradeSizeSettings,
            open=open_rule,
            ticks=(Trade,),
            action="flag",
            severity="info",
        )
    ]
