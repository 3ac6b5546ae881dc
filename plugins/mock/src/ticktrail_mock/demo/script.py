"""Say what goes wrong in the demonstration, and when.

Owns: the timeline, in seconds from the first subscription.
Never: looks at what the feed makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import anyio

from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.binance import BinanceVenue
from ticktrail_mock.venue.binance.meddler import Meddler

__all__ = ["LENGTH_S", "STALE_TRADES", "play"]

LENGTH_S = 18.0
SPIKE_S, STALE_BURST_S, MUTE_S, CUT_S = 2.0, 3.5, 5.0, 12.0
MUTE_FOR_S, REFUSE_FOR_S = 2.5, 1.0
STALE_TRADES = 10
STALE_AGE_MS = 60_000


async def play(venue: BinanceVenue, meddler: Meddler, tell: Callable[[str], None]) -> None:
    """Let everything go wrong, one after the other, and return when it is over."""
    began = anyio.current_time()
    await anyio.sleep_until(began + SPIKE_S)
    tell("the venue sends a trade at one and a half times its price")
    meddler.falsify(factor=Decimal("1.5"))
    await anyio.sleep_until(began + STALE_BURST_S)
    tell(f"the venue sends {STALE_TRADES} trades that are a minute old")
    meddler.falsify(age_ms=STALE_AGE_MS, count=STALE_TRADES)
    await anyio.sleep_until(began + MUTE_S)
    tell(f"the primary goes mute for {MUTE_FOR_S:g} s, its connection stays up")
    await venue.do(Fault(kind="mute", path="/a", at_s=0, for_s=MUTE_FOR_S))
    await anyio.sleep_until(began + CUT_S)
    tell(f"the primary's connection is cut, and refused for {REFUSE_FOR_S:g} s")
    await venue.do(Fault(kind="refuse", path="/a", at_s=0, for_s=REFUSE_FOR_S))
    await venue.do(Fault(kind="cut", path="/a", at_s=0))
    await anyio.sleep_until(began + LENGTH_S)
