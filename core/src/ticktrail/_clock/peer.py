"""Take a venue's event times as a witness of this machine's clock.

Owns: the least delay of one leg's data over a window, robust against single absurd times. Pure: times come with ticks.
Never: publishes, or believes a venue more than a time server.

Nothing arrives before it is sent, so receive time minus event time is the way through the network plus the error of
the two clocks, and its least values come nearest to the error. The least of all would hang on one absurd event time. So
each second gives its least, and the lower quartile of those stands: seconds that hold an absurd time stay without
effect while they are fewer than a quarter. In windows of a minute over recordings of Binance from 2021 to 2024 it lies
0.3 to 3.0 ms above the least of all, and bursts of late messages do not move it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ticktrail.model import AggTrade, BookDelta, Quote, Tick, Trade, Undecodable

__all__ = ["PeerDelay", "PeerReading", "excess_ns"]

_NS_PER_S = 1_000_000_000
_LOOKED_AT = 8
"""Ticks of a batch that are tried, from the newest: all were received at one time, and the last was sent last."""
_LEAST_SECONDS = 5
"""Seconds with data below which a window says nothing."""


@dataclass(frozen=True, slots=True)
class PeerReading:
    """What a window gave: receive time minus event time at best, and the ticks it was seen in."""

    least_delay_ns: int
    ticks: int


class PeerDelay:
    """The delays of one leg; `window_s` bounds what is kept, one number a second."""

    def __init__(self, *, window_s: float) -> None:
        self._leasts: deque[int] = deque(maxlen=max(_LEAST_SECONDS, round(window_s)))
        self._second = -1
        self._least = 0
        self._ticks = 0

    def see(self, ticks: Sequence[Tick | Undecodable], recv_ns: int) -> None:
        """Take in a batch: the newest tick in it that has an event time and is live."""
        for tick in reversed(ticks[-_LOOKED_AT:]):
            # What a venue sends at once; bars, tickers and status tell of times long past. `isinstance` is slow here.
            if (
                (
                    type(tick) is Quote
                    or type(tick) is Trade
                    or type(tick) is AggTrade
                    or type(tick) is BookDelta
                )
                and tick.event_ns is not None
                and not tick.backfilled
            ):
                delay = recv_ns - tick.event_ns
                second = recv_ns // _NS_PER_S
                if second != self._second:
                    self._turn(second, delay)
                elif delay < self._least:
                    self._least = delay
                self._ticks += 1
                return

    def take(self) -> PeerReading | None:
        """Return what came since the last call, and begin anew; None where it is too little to say anything."""
        leasts, ticks = sorted(self._leasts), self._ticks
        self._leasts.clear()
        self._second, self._ticks = -1, 0
        if len(leasts) < _LEAST_SECONDS:
            return None
        return PeerReading(leasts[len(leasts) // 4], ticks)

    def _turn(self, second: int, delay: int) -> None:
        """Begin another second; the one that the window ends in is left out, for it is not whole."""
        if self._second >= 0:
            self._leasts.append(self._least)
        self._second, self._least = second, delay


def excess_ns(
    least_delay_ns: int, *, offset_ns: int | None, bound_ns: int | None, limit_ns: int, most_ns: int
) -> int:
    """Return how far a least delay lies outside of what can be, 0 where it is within.

    Args:
        least_delay_ns: As read.
        offset_ns: The measured offset of this machine's clock; None where it was not measured.
        bound_ns: Its error bound.
        limit_ns: How far the corrected delay may lie below zero, beside the bound.
        most_ns: What the way through the network may take, beside the bound.
    """
    corrected = least_delay_ns + (offset_ns or 0)
    low, high = -limit_ns - (bound_ns or 0), most_ns + (bound_ns or 0)
    if corrected < low:
        return corrected - low
    return max(0, corrected - high)
