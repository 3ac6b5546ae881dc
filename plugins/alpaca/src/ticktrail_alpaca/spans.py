"""Reckon where a bar ends, from where it begins and how long the venue says it is.

Owns: calendar arithmetic: a day, a week or a month of a market ends at midnight by its own clocks, across changes of
daylight saving time.
Never: decides whether a bar is over.

Sources: docs.alpaca.markets, "Historical bars" (timeframes; days, weeks and months of stocks begin at midnight in New
York); recorded daily bars of crypto begin at 06:00 UTC in winter, which is midnight in Chicago, read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from ticktrail_alpaca.markets import MarketName

__all__ = ["bar_end_ns"]

NS_PER_S = 1_000_000_000
ZONES: Mapping[MarketName, Sequence[tzinfo]] = {
    "stocks": (ZoneInfo("America/New_York"),),
    "crypto": (UTC, ZoneInfo("America/Chicago")),
}
"""Whose midnight begins a day; of several it is the first by which the bar begins at one."""
_FIXED_S = {"Min": 60, "Hour": 3_600}
_FORM = re.compile(r"(\d+)(Min|Hour|Day|Week|Month)", re.ASCII)


def bar_end_ns(start_ns: int, timeframe: str, market: MarketName) -> int:
    """Return where a bar ends, exclusive, UTC nanoseconds.

    Args:
        start_ns: Where it begins.
        timeframe: As the venue spells it: ``5Min``, ``1Day``.
        market: Whose days they are.

    Raises:
        ValueError: There is no such timeframe.
    """
    found = _FORM.fullmatch(timeframe)
    if found is None:
        raise ValueError(f"a timeframe of {timeframe!r}")
    count, unit = int(found[1]), found[2]
    if unit in _FIXED_S:
        return start_ns + count * _FIXED_S[unit] * NS_PER_S
    zones = ZONES[market]
    begins = [datetime.fromtimestamp(start_ns // NS_PER_S, zone) for zone in zones]
    begin = next((local for local in begins if (local.hour, local.minute) == (0, 0)), begins[0])
    if unit == "Month":
        months = begin.year * 12 + begin.month - 1 + count
        end = begin.replace(year=months // 12, month=months % 12 + 1, day=1)
    else:  # by the clock on the wall: a day may have 23 or 25 hours
        end = begin + timedelta(days=count * (7 if unit == "Week" else 1))
    return int(end.timestamp()) * NS_PER_S + start_ns % NS_PER_S
