"""Make bars: of a made-up market's minutes and days, and longer ones of shorter.

Owns: open, high, low, close, volume, count and average.
Never: knows a clock; times are arguments.

Source: docs.alpaca.markets, "Real-time Crypto Data", read 2026-11: bars of crypto are of the quotes' midpoints, and
have no volume where nothing was traded; stocks have no bar then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from ticktrail_mock.venue.alpaca.codec import BILLION, ns_of, text_of

__all__ = ["Bars", "longer", "start_of"]

MINUTE_NS = 60 * BILLION
DAY_NS = 86_400 * BILLION
UNITS_NS = {
    **dict.fromkeys(("Min", "T"), MINUTE_NS),
    **dict.fromkeys(("Hour", "H"), 60 * MINUTE_NS),
    **dict.fromkeys(("Day", "D"), DAY_NS),
    **dict.fromkeys(("Week", "W"), 7 * DAY_NS),
}
MONDAY_NS = 4 * DAY_NS
"""The first Monday of the epoch."""
AVERAGE = Decimal("0.000001")
_TIMEFRAME = re.compile(r"(\d{1,2})(Min|T|Hour|H|Day|D|Week|W|Month|M)")


class _Bar:
    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.prices: list[Decimal] = []
        self.volume = Decimal(0)
        self.turnover = Decimal(0)
        self.count = 0

    def add(self, price: Decimal) -> None:
        # open, high, low, close are all that a bar needs of its prices
        first, high, low, _ = self.prices or [price] * 4
        self.prices = [first, max(high, price), min(low, price), price]

    def event(self, letter: str, symbol: str) -> dict[str, object]:
        prices = dict(zip("ohlc", self.prices, strict=True))
        average = (self.turnover / self.volume).quantize(AVERAGE) if self.volume else 0
        rest = {"v": self.volume, "t": text_of(self.start_ns), "n": self.count, "vw": average}
        return {"T": letter, "S": symbol, **prices, **rest}


class Bars:
    """One symbol's bars of a minute and of a day.

    Args:
        symbol: Whose.
        of_trades: Bars are of trades' prices, and there is none where nothing was traded; else of midpoints.
    """

    def __init__(self, symbol: str, *, of_trades: bool) -> None:
        self._symbol = symbol
        self._of_trades = of_trades
        self._minute = _Bar(0)
        self._day = _Bar(0)

    def over(self, time_ns: int) -> Iterator[dict[str, object]]:
        """Yield the bar of the minute that is over at this time, and the day's so far."""
        start_ns = time_ns - time_ns % MINUTE_NS
        if start_ns == self._minute.start_ns:
            return
        if self._minute.prices:
            yield self._minute.event("b", self._symbol)
            yield self._day.event("d", self._symbol)
        self._minute = _Bar(start_ns)
        day_ns = time_ns - time_ns % DAY_NS
        if day_ns != self._day.start_ns:
            self._day = _Bar(day_ns)

    def trade(self, price: Decimal, size: Decimal) -> None:
        """Count a trade of the running minute."""
        for bar in (self._minute, self._day):
            if self._of_trades:
                bar.add(price)
            bar.volume += size
            bar.turnover += price * size
            bar.count += 1

    def quote(self, bid: Decimal, ask: Decimal) -> None:
        """Count a quote of the running minute."""
        if not self._of_trades:
            for bar in (self._minute, self._day):
                bar.add((bid + ask) / 2)


def start_of(timeframe: str) -> Callable[[int], int]:
    """Return what tells the beginning, in UTC, of the bar in which a time lies.

    Raises:
        ValueError: It is no timeframe.
    """
    parts = _TIMEFRAME.fullmatch(timeframe)
    count = int(parts[1]) if parts is not None else 0
    if parts is None or not count:
        raise ValueError(f"invalid timeframe: {timeframe[:20]!r}; such as 1Min, 4Hour, 1Day, 1Week, 3Month")
    unit = parts[2]
    if unit in {"Month", "M"}:

        def month(time_ns: int) -> int:
            day = datetime.fromtimestamp(time_ns // BILLION, tz=UTC)
            first = day.replace(month=(day.month - 1) // count * count + 1, day=1, hour=0, minute=0, second=0)
            return round(first.timestamp()) * BILLION

        return month
    step_ns = count * UNITS_NS[unit]
    offset_ns = MONDAY_NS if unit in {"Week", "W"} else 0
    return lambda time_ns: time_ns - (time_ns - offset_ns) % step_ns


def longer(bars: Sequence[dict[str, object]], timeframe: str) -> list[dict[str, object]]:
    """Return bars of a timeframe made of shorter ones in order.

    Raises:
        ValueError: It is no timeframe.
    """
    start = start_of(timeframe)
    made: dict[int, dict[str, object]] = {}
    for bar in bars:
        start_ns = start(ns_of(str(bar["t"])))
        so_far = made.get(start_ns)
        if so_far is None:
            made[start_ns] = {**bar, "t": text_of(start_ns)}
            continue
        numbers = {
            key: (_number(so_far.get(key)), _number(bar.get(key))) for key in ("h", "l", "v", "n", "vw")
        }
        volume = sum(numbers["v"])
        turnover = sum(v * vw for v, vw in zip(numbers["v"], numbers["vw"], strict=True))
        so_far |= {
            "h": max(numbers["h"]),
            "l": min(numbers["l"]),
            "c": bar["c"],
            "v": volume,
            "n": int(sum(numbers["n"])),
            "vw": (turnover / volume).quantize(AVERAGE) if volume else 0,
        }
    return list(made.values())


def _number(value: object) -> Decimal:
    return Decimal(str(value or 0))
