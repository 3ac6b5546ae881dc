"""Keep what a person pinned: which instrument stays with which child, whatever happens.

Owns: the pins of one node, and what becomes of them when they are undone in part or the instruments change.
Never: decides who speaks (the arbiters do), or asks whether a pinned child can.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet

from ticktrail.model import InstrumentId

__all__ = ["Pins"]


class Pins:
    """The pins of one node.

    Args:
        instruments: All that the node routes.
    """

    def __init__(self, instruments: Collection[InstrumentId]) -> None:
        self._instruments = frozenset(instruments)
        self._by_name: dict[InstrumentId, int] = {}
        self._rest: int | None = (
            None  # to whom what is added later is pinned: all were, when they were pinned
        )

    @property
    def names(self) -> AbstractSet[InstrumentId]:
        """What is pinned."""
        return self._by_name.keys()

    @property
    def is_all(self) -> bool:
        """Whether nothing is left that could move."""
        return bool(self._by_name) and len(self._by_name) == len(self._instruments)

    def has(self, child: int) -> bool:
        """Tell whether anything is pinned to a child."""
        return child in self._by_name.values()

    def pin(self, instruments: Collection[InstrumentId] | None, child: int) -> None:
        """Pin these to a child; None: all, and what is added later."""
        if instruments is None:
            self._rest = child
        self._by_name.update(dict.fromkeys(self._instruments if instruments is None else instruments, child))

    def free(self, instruments: Collection[InstrumentId] | None) -> None:
        """Undo the pins of these, of None: of all; of a pin of all the others stay pinned."""
        for name in self._instruments if instruments is None else instruments:
            self._by_name.pop(name, None)
        if not self._by_name:
            self._rest = None

    def keep(self, instruments: Collection[InstrumentId]) -> None:
        """Route these from now on: a pin of one that goes ends, and a pin of all holds for what is added."""
        added = frozenset(instruments) - self._instruments
        self._instruments = frozenset(instruments)
        self._by_name = {name: to for name, to in self._by_name.items() if name in self._instruments}
        if self._rest is not None:
            self._by_name.update(dict.fromkeys(added, self._rest))
