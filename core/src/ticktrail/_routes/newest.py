"""Let the newest of several children's tickers through.

Owns: of when the last one was, by instrument.
Never: puts two tickers together: each states one venue's volume.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ticktrail.model import InstrumentId, Ticker

__all__ = ["NewestTickers"]


class _Last(NamedTuple):
    child: int
    event_ns: int | None
    mono_ns: int


class NewestTickers:
    """The newest ticker of each instrument.

    Args:
        limit_ns: For how long one that is newer by its venue's time keeps others back; None: for ever. A venue whose
            clock is fast, and which has fallen silent, must not keep the others back.
    """

    def __init__(self, limit_ns: int | None) -> None:
        self._limit_ns = limit_ns
        self._last: dict[InstrumentId, _Last] = {}

    def is_newest(self, child: int, ticker: Ticker, mono_ns: int, now_ns: int) -> bool:
        """Tell whether a ticker is newer than what was let through, and remember it.

        Args:
            child: Whose it is.
            ticker: It.
            mono_ns: When it was received.
            now_ns: The present.
        """
        last = self._last.get(ticker.instrument)
        if last is not None and last.child != child and self._keeps_back(last, ticker.event_ns, now_ns):
            return False
        self._last[ticker.instrument] = _Last(child, ticker.event_ns, mono_ns)
        return True

    def lose(self, child: int) -> None:
        """Let anybody follow on a child that is lost."""
        for name in [name for name, last in self._last.items() if last.child == child]:
            del self._last[name]

    def forget(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Drop what is known of these."""
        for name in instruments:
            self._last.pop(name, None)

    def _keeps_back(self, last: _Last, event_ns: int | None, now_ns: int) -> bool:
        if event_ns is None or last.event_ns is None or event_ns > last.event_ns:
            return False
        return self._limit_ns is None or now_ns - last.mono_ns <= self._limit_ns
