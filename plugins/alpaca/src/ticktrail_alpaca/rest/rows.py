"""Hold the rows of REST answers in the venue's own spelling, and read them out of the documents.

Owns: their fields, which are those of the streams (`ticktrail_alpaca.wire`) without type and symbol; numbers.
Never: gives a field a meaning.

Sources: docs.alpaca.markets, "Market Data API" reference (schemas of trades, quotes, bars, snapshots; `u` of a trade),
read 2026-11.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

__all__ = ["Number", "RestBar", "RestQuote", "RestSnapshot", "RestTrade", "number"]

Number: TypeAlias = int | float
"""As alpaca-py's JSON gives it; `number` makes money of it."""
Id: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]


def number(value: Number) -> Decimal:
    """Return the decimal with the digits that the venue wrote.

    The venue keeps numbers as 64-bit floats and writes each with the fewest digits that name it; `repr` gives those
    very digits back, where the float's exact value would be 140.19999999999998863131622783839702606201171875.

    Raises:
        ValueError: It is no finite number.
    """
    found = Decimal(repr(value))
    if not found.is_finite():
        raise ValueError(f"a price, size or volume of {value}")
    return found


class RestTrade(msgspec.Struct, frozen=True, gc=False):
    """A trade; `u` says that it was cancelled, is the wrong one of a correction, or the right one."""

    t: str
    p: Number
    s: Number
    i: Id
    x: str = ""
    tks: str = ""
    u: str | None = None


class RestQuote(msgspec.Struct, frozen=True, gc=False, rename={"asks": "as"}):
    """A quote; sizes of stocks are shares since 2025-11-03, round lots before."""

    t: str
    bp: Number
    bs: Number
    ap: Number
    asks: Number


class RestBar(msgspec.Struct, frozen=True, gc=False):
    """A bar of `n` trades that begins at `t`; of crypto from the quotes' middle, so that it may have none of them."""

    t: str
    o: Number
    h: Number
    l: Number  # noqa: E741 - the venue's name
    c: Number
    v: Number
    n: Id | None = None


class RestSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The newest of everything; what there is none of is None."""

    latestTrade: RestTrade | None = None  # noqa: N815 - the venue's name
    latestQuote: RestQuote | None = None  # noqa: N815 - the venue's name
    minuteBar: RestBar | None = None  # noqa: N815 - the venue's name
    dailyBar: RestBar | None = None  # noqa: N815 - the venue's name
    prevDailyBar: RestBar | None = None  # noqa: N815 - the venue's name
