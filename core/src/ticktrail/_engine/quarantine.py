"""Keep an instrument of one leg apart after a finding that quarantines, until it was clean for a while.

Owns: since when, by which rule, and when it ends. Pure: time arrives as an argument.
Never: judges; what is found meanwhile prolongs it.

An order book is not kept apart: with one piece left out, the rest of it would be wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from ticktrail.events import Event, InstrumentQuarantined, InstrumentReleased
from ticktrail.model import InstrumentId, ProviderId, Violation

__all__ = ["Quarantine", "Quarantined"]

_NS_PER_S = 1_000_000_000


class Quarantined(Violation, frozen=True, tag="quarantined"):
    """The instrument is kept apart by a finding of `by`: it was clean for `clean_s`, and needs `quarantine_s`."""

    by: str
    clean_s: float
    quarantine_s: float


class Quarantine:
    """One instrument of one leg, or of the route."""

    __slots__ = ("_by", "_found_ns", "_instrument", "_length_ns", "_now_ns", "_provider", "_tell", "is_on")

    def __init__(
        self,
        provider: ProviderId | None,
        instrument: InstrumentId,
        length_s: float,
        tell: Callable[[Event], None],
        now_ns: Callable[[], int],
    ) -> None:
        self.is_on = False
        self._provider = provider
        self._instrument = instrument
        self._length_ns = round(length_s * _NS_PER_S)
        self._tell = tell
        self._now_ns = now_ns
        self._by = ""
        self._found_ns = 0

    def last_for(self, length_s: float) -> None:
        """End after another time from now on."""
        self._length_ns = round(length_s * _NS_PER_S)

    def find(self, rule: str, at_ns: int) -> None:
        """Begin, or begin to wait anew."""
        self._found_ns = at_ns
        if self.is_on:
            return
        self.is_on, self._by = True, rule
        self._tell(
            InstrumentQuarantined(
                at_ns=self._now_ns(), provider=self._provider, instrument=self._instrument, rule=rule
            )
        )

    def prolong(self, at_ns: int) -> None:
        """Begin to wait anew: a tick was kept back for a reason of its own, so the instrument is not clean."""
        self._found_ns = at_ns

    def hold(self, at_ns: int) -> Quarantined | None:
        """Return why a clean tick is kept back, or None where the quarantine ends with it."""
        self._found_ns = min(self._found_ns, at_ns)  # time was set back: nobody is kept apart for ever
        clean_ns = at_ns - self._found_ns
        if clean_ns < self._length_ns:
            return Quarantined(
                by=self._by, clean_s=clean_ns / _NS_PER_S, quarantine_s=self._length_ns / _NS_PER_S
            )
        self.is_on = False
        self._tell(
            InstrumentReleased(
                at_ns=self._now_ns(), provider=self._provider, instrument=self._instrument, rule=self._by
            )
        )
        return None
