"""Build what pages are told: all of it, or what has changed.

Owns: what was told last, the rates, and how often the feed is asked how it stands.
Never: sends anything, or is called while nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from ticktrail.plugin import Clock
from ticktrail.status import FeedStatus
from ticktrail_dashboard.state.board import Board
from ticktrail_dashboard.state.encoding import encode
from ticktrail_dashboard.state.latency import view_latency
from ticktrail_dashboard.state.views import (
    view_clock,
    view_lanes,
    view_legs,
    view_observers,
    view_route,
    view_row,
    view_rules,
)
from ticktrail_dashboard.view import Counts, Frame, PanelView, Row

__all__ = ["FrameBuilder"]

ASK_EVERY_NS: Final = 1_000_000_000
MOST_ASK_EVERY_NS: Final = 5_000_000_000
ASKING_TAKES: Final = 0.01
"""Of one core, what asking may take; a feed of thousands of instruments is asked less often."""
RATE_OVER_NS: Final = 10_000_000_000
"""Two statuses that are further apart make no rate: nobody looked meanwhile."""
_MS: Final = 1_000_000


class FrameBuilder:
    """Builds the frames of one feed.

    Args:
        board: What the records said.
        clock: The feed's.
        status: Returns how the feed stands; None before its legs have begun.
        panels: Returns the plugins' pages as they were last looked at.
        fresh_s: See ``[dashboard] fresh_s``.
    """

    def __init__(
        self,
        board: Board,
        clock: Clock,
        *,
        status: Callable[[], FeedStatus | None],
        panels: Callable[[], Mapping[str, PanelView]],
        fresh_s: float,
    ) -> None:
        self._board = board
        self._clock = clock
        self._status = status
        self._panels = panels
        self._fresh_ns = round(fresh_s * 1e9)
        self._asked_ns: int | None = None
        self._ask_every_ns = ASK_EVERY_NS
        self._last: FeedStatus | None = None
        self._live: dict[str, Row] = {}
        self._parts = Frame(at_ms=0)
        self._told = Frame(at_ms=0)
        self._newest = 0

    def advance(self) -> bytes | None:
        """Return what has changed since the last call, encoded; None: nothing has."""
        now_ns, mono_ns = self._clock.now_ns(), self._clock.mono_ns()
        gone: Sequence[str] = ()
        is_over = self._board.state == "ended" and self._told.state != "ended"
        if self._asked_ns is None or mono_ns - self._asked_ns >= self._ask_every_ns or is_over:
            self._asked_ns = mono_ns
            gone = self._ask()
            took_ns = self._clock.mono_ns() - mono_ns
            self._ask_every_ns = min(max(ASK_EVERY_NS, round(took_ns / ASKING_TAKES)), MOST_ASK_EVERY_NS)
        parts = msgspec.structs.replace(self._parts, state=self._board.state, panels=self._panels())
        changes = {
            name: value
            for name in parts.__struct_fields__
            if (value := getattr(parts, name)) != getattr(self._told, name)
        }
        rows = self._changed_rows(now_ns)
        timeline = self._board.timeline_after(self._newest)
        self._newest = self._board.newest
        self._told = parts
        if not (changes or rows or timeline or gone):
            return None
        frame = Frame(at_ms=now_ns // _MS, rows=tuple(rows), gone=tuple(gone), timeline=timeline)
        return encode(msgspec.structs.replace(frame, **changes))

    def whole(self) -> bytes:
        """Return all there is as of the last `advance`, encoded."""
        now_ns = self._clock.now_ns()
        fresh_from_ns = now_ns - self._fresh_ns
        rows = [view_row(instrument, fresh_from_ns) for instrument in self._board.ticks.instruments.values()]
        return encode(
            msgspec.structs.replace(
                self._told, at_ms=now_ns // _MS, whole=True, rows=rows, timeline=tuple(self._board.timeline)
            )
        )

    def _changed_rows(self, now_ns: int) -> list[Row]:
        """Return the rows of which something changed, be it that they are no longer fresh."""
        fresh_from_ns = now_ns - self._fresh_ns
        rows = [view_row(instrument, fresh_from_ns) for instrument in self._board.ticks.take_changed()]
        for row in rows:
            if row.state == "live":
                self._live[row.instrument] = row
            else:
                self._live.pop(row.instrument, None)
        known = self._board.ticks.instruments
        fresh_from_ms = fresh_from_ns // _MS
        for name in [name for name, row in self._live.items() if row.at_ms < fresh_from_ms]:
            del self._live[name]
            if name in known:
                rows.append(view_row(known[name], fresh_from_ns))
        return rows

    def _ask(self) -> Sequence[str]:
        """Take in how the feed stands; returns the names of instruments that it has no more."""
        status = self._status()
        if status is None:
            return ()
        board, before = self._board, self._last
        gone = board.ticks.know(status.instruments)
        for name in gone:
            self._live.pop(name, None)
        span_ns = 0 if before is None else status.at_ns - before.at_ns
        span_s = span_ns / 1e9 if 0 < span_ns <= RATE_OVER_NS else None
        per_s: dict[str, float] = {}
        delivered_per_s = 0.0
        if before is not None and span_s is not None:
            per_s = {
                name: max(leg.received - before.legs[name].received, 0) / span_s
                for name, leg in status.legs.items()
                if name in before.legs
            }
            delivered_per_s = (status.delivered - before.delivered) / span_s
        self._last = status
        self._parts = Frame(
            at_ms=0,
            feed=status.feed,
            profile=status.profile,
            version=board.version,
            started_ms=status.started_ns // _MS,
            channels=status.channels,
            counts=Counts(
                received=sum(leg.received for leg in status.legs.values()),
                delivered=status.delivered,
                rejected=status.rejected,
                suppressed=status.suppressed,
                switches=status.switches,
                received_per_s=round(sum(per_s.values()), 1),
                delivered_per_s=round(delivered_per_s, 1),
            ),
            route=view_route(status, board),
            legs=view_legs(status, board, per_s),
            rules=view_rules(status, board.ticks.examples()),
            suppressed_by=status.suppressed_by,
            latency=view_latency(status.latency_steps_us),
            clock=view_clock(status.clock, board),
            lanes=view_lanes(status),
            observers=view_observers(status),
        )
        return gone
