"""Fold a flood of the same entry into one line with its count.

Owns: which entries are the same, and when a period of them ends.
Never: reads a clock; the time is an argument.
"""

from __future__ import annotations

import msgspec

from ticktrail._logs.entry import Entry

__all__ = ["WHOLE", "Folder"]

WHOLE = 5
"""Entries of a kind in one period that are written as they are."""
_KINDS = 10_000
"""Kinds that are remembered at most; beyond it the oldest period ends early."""


class _Period:
    __slots__ = ("began_ns", "folded", "last", "seen")

    def __init__(self, began_ns: int) -> None:
        self.began_ns = began_ns
        self.seen = 0
        self.folded = 0
        self.last: Entry | None = None


class Folder:
    """The periods that run.

    Args:
        period_ns: How long one lasts; 0: nothing is folded.
    """

    def __init__(self, period_ns: int) -> None:
        self._period_ns = period_ns
        self._periods: dict[tuple[str, ...], _Period] = {}

    def take(self, entry: Entry, mono_ns: int) -> list[Entry]:
        """Return what is to be written now that there is this entry."""
        if not self._period_ns:
            return [entry]
        out = self.due(mono_ns)
        period = self._periods.get(entry.kind)
        if period is None:
            if len(self._periods) >= _KINDS:
                out += self._end(next(iter(self._periods)), mono_ns)
            period = self._periods[entry.kind] = _Period(mono_ns)
        period.seen += 1
        if period.seen <= WHOLE:
            out.append(entry)
        else:
            period.folded += 1
            period.last = entry
        return out

    def due(self, mono_ns: int, *, all_of_them: bool = False) -> list[Entry]:
        """Return the last entry of each period that is over, with how many it stands for."""
        out: list[Entry] = []
        for kind in list(
            self._periods
        ):  # in the order in which they began, so that the first that runs ends the walk
            if not all_of_them and mono_ns - self._periods[kind].began_ns < self._period_ns:
                break
            out += self._end(kind, mono_ns)
        return out

    def _end(self, kind: tuple[str, ...], mono_ns: int) -> list[Entry]:
        period = self._periods.pop(kind)
        if period.last is None:
            return []
        over_s = round(min(mono_ns - period.began_ns, self._period_ns) / 1e9, 3)
        fields = {**period.last.fields, "folded": period.folded, "folded_s": over_s}
        return [msgspec.structs.replace(period.last, fields=fields)]
