"""Read in what steps prices and sizes come out of the venue's listing, and tell which of them are new.

Owns: what was last told of each instrument.
Never: asks; it is given each listing that was asked for anyway.

Source: github.com/binance/binance-spot-api-docs, filters.md at 07550e7, read 2026-11-25: under ``PRICE_FILTER`` a price
is a multiple of `tickSize`, and a `tickSize` of 0 is no rule; under ``LOT_SIZE`` a quantity is a multiple of `stepSize`
(taken in the same way where it is 0, of which that page says nothing). Of futures their own page was not at hand: they
count from `minPrice` and `minQty`, as users quote it (dev.binance.vision/t/10921).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from ticktrail.model import InstrumentId
from ticktrail_binance.wire import SymbolFilter, SymbolInfo

__all__ = ["Increments", "Steps"]

_filters = msgspec.json.Decoder(list[SymbolFilter]).decode


class Steps(NamedTuple):
    """The steps of an instrument's prices and sizes; None where the venue states none, or, by `fault`, no number."""

    price: Decimal | None = None
    size: Decimal | None = None
    fault: str | None = None


class Increments:
    """The steps of a leg's instruments, over all of its sessions.

    Args:
        symbols: The instruments by symbol.
    """

    def __init__(self, symbols: Mapping[str, InstrumentId]) -> None:
        self._symbols = symbols
        self._told = dict.fromkeys(symbols.values(), Steps())

    def changes(self, listing: Sequence[SymbolInfo]) -> Sequence[tuple[InstrumentId, Steps]]:
        """Return what is not as it was told before; at first, nothing is known of any step."""
        found: list[tuple[InstrumentId, Steps]] = []
        for entry in listing:
            instrument = self._symbols.get(entry.symbol)
            if instrument is None:
                continue
            steps = _steps(entry)
            if steps != self._told[instrument]:
                self._told[instrument] = steps
                found.append((instrument, steps))
        return found


def _steps(entry: SymbolInfo) -> Steps:
    try:
        filters = {one.filterType: one for one in _filters(entry.filters)}
    except (msgspec.MsgspecError, RecursionError) as exc:
        return Steps(fault=str(exc)[:200])
    prices, sizes = filters.get("PRICE_FILTER"), filters.get("LOT_SIZE")
    return Steps(
        price=None if prices is None else _step(prices.tickSize, prices.minPrice),
        size=None if sizes is None else _step(sizes.stepSize, sizes.minQty),
    )


def _step(step: Decimal, least: Decimal) -> Decimal | None:
    """Return the step if every multiple of it, and nothing else, is right: futures count from the least value."""
    try:
        is_whole = step.is_finite() and step > 0 and least % step == 0
    except ArithmeticError:  # the least value is no number, or an absurd one
        return None
    return step if is_whole else None
