"""A rule, as a plugin's author writes it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

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


class SizeSettings(Settings, frozen=True):
    """Keys of [validation]; each has a default, and `false` turns it off."""

    min_size: Decimal | Literal[False] = False


class TooSmall(Violation, frozen=True, tag="trade_size"):
    """A trade below the least size."""

    size: Decimal
    min_size: Decimal


class TradeSize:
    """One instrument's judge on one leg."""

    def __init__(self, min_size: Decimal) -> None:
        self._min_size = min_size

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        if type(tick) is Trade and tick.size < self._min_size:
            return TooSmall(size=tick.size, min_size=self._min_size)
        return None


def open_rule(settings: SizeSettings, context: ValidatorContext) -> Validator | None:
    return None if settings.min_size is False else TradeSize(settings.min_size)


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    return [
        validator_spec(
            name="trade_size",
            summary="Trades of a sensible size",
            settings=SizeSettings,
            open=open_rule,
            ticks=(Trade,),
        )
    ]
