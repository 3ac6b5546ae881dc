"""Keep what a page shows of one instrument: its last values, and the last minutes of them.

Owns: one instrument's values, counts, points and marks, all of them bounded.
Never: formats anything before a page asks.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Final, Literal

from ticktrail_dashboard.view import Chart, ChartMark

__all__ = ["Instrument", "Past"]

PAST_S: Final = 300
MOST_MARKS: Final = 60
"""Of each kind, so that a flood of rejects pushes no switch off the chart."""
_NS: Final = 1_000_000_000

MarkKind = Literal["switch", "reject", "gap"]


class Past:
    """The points of the last `PAST_S` seconds, one a second at most, in columns of fixed length."""

    __slots__ = ("_ask", "_at_s", "_bid", "_last", "_next")

    def __init__(self) -> None:
        self._at_s = array("q", bytes(8 * PAST_S))
        self._last, self._bid, self._ask = (array("d", bytes(8 * PAST_S)) for _ in range(3))
        self._next = 0

    def add(self, at_s: int, last: Decimal | None, bid: Decimal | None, ask: Decimal | None) -> None:
        """Take in a point, in place of the oldest one."""
        place = self._next
        self._at_s[place] = at_s
        self._last[place] = math.nan if last is None else float(last)
        self._bid[place] = math.nan if bid is None else float(bid)
        self._ask[place] = math.nan if ask is None else float(ask)
        self._next = (place + 1) % PAST_S

    def columns(
        self, from_s: int
    ) -> tuple[list[int], list[float | None], list[float | None], list[float | None]]:
        """Return the points since then, oldest first: times in milliseconds, last, bid, ask."""
        order = [
            place
            for place in (*range(self._next, PAST_S), *range(self._next))
            if self._at_s[place] >= max(from_s, 1)
        ]
        last, bid, ask = (
            [None if math.isnan(column[place]) else column[place] for place in order]
            for column in (self._last, self._bid, self._ask)
        )
        return [self._at_s[place] * 1_000 for place in order], last, bid, ask


class Instrument:
    """One instrument; the attributes are as the last delivered ticks left them.

    Attributes:
        at_ns: When the last of it was received; 0: nothing yet.
        source: The leg that the last came from.
        since_ns: Since when that leg speaks for it.
    """

    __slots__ = (
        "_marks",
        "_past",
        "ask",
        "at_ns",
        "bid",
        "delivered",
        "is_out",
        "last",
        "name",
        "quarantined_by",
        "rejected",
        "since_ns",
        "source",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.last: Decimal | None = None
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.at_ns = 0
        self.source = ""
        self.since_ns = 0
        self.delivered = 0
        self.rejected = 0
        self.is_out = False
        self.quarantined_by: set[tuple[str | None, str]] = set()
        self._past: Past | None = None
        self._marks: dict[MarkKind, deque[tuple[int, str]]] = {}

    @property
    def is_quarantined(self) -> bool:
        """Whether nothing of it is delivered from the leg that speaks, or at all."""
        return any(leg is None or not self.source or leg == self.source for leg, _ in self.quarantined_by)

    def sample(self, at_s: int) -> None:
        """Make a point of the values as they are."""
        if self._past is None:
            self._past = Past()
        self._past.add(at_s, self.last, self.bid, self.ask)

    def mark(self, at_ns: int, kind: MarkKind, text: str) -> None:
        """Put a mark on the time line, in place of the oldest one of its kind where there are many."""
        marks = self._marks.get(kind)
        if marks is None:
            marks = self._marks[kind] = deque(maxlen=MOST_MARKS)
        marks.append((at_ns, text))

    def chart(self, now_ns: int) -> Chart:
        """Return the last minutes."""
        from_ns = now_ns - PAST_S * _NS
        marks: Sequence[ChartMark] = [
            ChartMark(at_ms=at_ns // 1_000_000, kind=kind, text=text)
            for at_ns, kind, text in sorted(
                ((at_ns, kind, text) for kind, kept in self._marks.items() for at_ns, text in kept),
                key=itemgetter(0),
            )
            if at_ns >= from_ns
        ]
        if self._past is None:
            return Chart(instrument=self.name, marks=marks)
        at_ms, last, bid, ask = self._past.columns(from_ns // _NS)
        return Chart(instrument=self.name, at_ms=at_ms, last=last, bid=bid, ask=ask, marks=marks)
