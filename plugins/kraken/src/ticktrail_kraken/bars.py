"""Tell which bar of a pair is over: the one before that which begins.

Owns: the bar that is being made, and what a snapshot of bars says of those that were missed.
Never: reads a clock: a pair that does not trade begins no bar, and its last one becomes final with its next trade.
Pure.

Source: docs.kraken.com, "Candles (OHLC)" (WebSocket v2), read 2026-11: updates come with trades; nothing says that a
candle is over.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.model import Bar

__all__ = ["Bars"]


class Bars:
    """The bars of one pair.

    Attributes:
        newest: The bar that is being made; None before the first, and while nobody knows it.
    """

    __slots__ = ("_begun_ns", "newest")

    def __init__(self) -> None:
        self.newest: Bar | None = None
        self._begun_ns: int | None = None

    def take(self, bar: Bar) -> Sequence[Bar]:
        """Take the state of a bar; return it, after the one before it where that is over by it."""
        before = self.newest
        if self._begun_ns is not None and bar.start_ns < self._begun_ns:
            return ()  # of a bar that is over already
        self.newest, self._begun_ns = bar, bar.start_ns
        if before is None or before.start_ns == bar.start_ns:
            return (bar,)
        return (_final(before, bar), bar)

    def recall(self, bars: Sequence[Bar]) -> Sequence[Bar]:
        """Take a pair's last bars; return those that were missed, marked as backfilled, and the newest as it stands.

        On the first connection of a leg only the newest is returned: the others are older than its feed.
        """
        ordered = sorted(bars, key=lambda bar: bar.start_ns)
        if not ordered:
            return ()
        since_ns, newest = self._begun_ns, ordered[-1]
        self.newest, self._begun_ns = newest, max(newest.start_ns, since_ns or 0)
        if since_ns is not None and newest.start_ns < since_ns:
            self.newest = None
            return ()
        missed = [] if since_ns is None else [bar for bar in ordered[:-1] if bar.start_ns >= since_ns]
        return [*(msgspec.structs.replace(_final(bar, newest), backfilled=True) for bar in missed), newest]

    def lose(self) -> None:
        """Know nothing any more of the bar that is being made: a state of it was lost, so that it is never final."""
        self.newest = None


def _final(bar: Bar, by: Bar) -> Bar:
    """Return the bar as it is once another has begun: it is known to be over when that one came."""
    return msgspec.structs.replace(bar, final=True, event_ns=bar.end_ns, recv_ns=by.recv_ns)
