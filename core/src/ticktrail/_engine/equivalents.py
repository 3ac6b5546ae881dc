"""Let a leg serve one instrument in place of another, where the feed file says that the two are equivalent.

Owns: the way back from the leg's names to the feed's, and the mark on every tick that came under the other name.
Never: decides that two instruments are equivalent, or changes a price.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ticktrail.model import InstrumentId, Tick, Undecodable

__all__ = ["Equivalents"]


class Equivalents:
    """The equivalents of one leg.

    Args:
        served: By the feed's instrument, the one that the leg is asked for.
    """

    def __init__(self, served: Mapping[InstrumentId, InstrumentId]) -> None:
        self._asked = {other: name for name, other in served.items()}

    def __bool__(self) -> bool:
        """Whether there are any: a leg without pays nothing."""
        return bool(self._asked)

    def asked(self, served: InstrumentId) -> InstrumentId:
        """Return the feed's name of an instrument that the leg knows."""
        return self._asked.get(served, served)

    def rename(self, ticks: Sequence[Tick | Undecodable]) -> Sequence[Tick | Undecodable]:
        """Return the ticks under the feed's names, each that had another one marked with it."""
        return [self._renamed(tick) for tick in ticks]

    def _renamed(self, tick: Tick | Undecodable) -> Tick | Undecodable:
        if isinstance(tick, Undecodable):
            return tick
        asked = self._asked.get(tick.instrument)
        if asked is None:
            return tick
        return msgspec.structs.replace(tick, instrument=asked, equivalent_of=tick.instrument)
