"""Say in a gap what lies between two ticks that were delivered one after the other.

Owns: how ids and bars tell what is missing.
Never: decides whether anything is missing (continuity does).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from ticktrail._engine.place import Count
from ticktrail.model import Bar, Channel, Gap, Tick

__all__ = ["follows", "gap_of", "missing_of"]


def follows(bar: Bar, last: Bar) -> bool:
    """Tell whether nothing lies between two bars."""
    return bar.start_ns <= (last.end_ns if last.final else last.start_ns)


def missing_of(
    count: Count, tick: Tick, channel: Channel, number: int, from_ns: int, to_ns: int, cause: str
) -> Sequence[Gap]:
    """Return a gap for each run of ids between the last delivered one and `number` that nobody has seen."""
    assert count.id is not None  # noqa: S101 - the callers compare ids only where one is known
    gaps: list[Gap] = []
    start = count.id + 1
    known = count.rejected
    for seen in known[bisect_left(known, start) : bisect_left(known, number)]:
        if seen > start:
            gaps.append(gap_of(tick, channel, start, seen - 1, from_ns, to_ns, cause))
        start = seen + 1
    if start < number:
        gaps.append(gap_of(tick, channel, start, number - 1, from_ns, to_ns, cause))
    return gaps


def gap_of(
    tick: Tick, channel: Channel, from_id: int | None, to_id: int | None, from_ns: int, to_ns: int, cause: str
) -> Gap:
    """Return the gap before a tick."""
    return Gap(
        instrument=tick.instrument,
        provider=tick.provider,
        event_ns=tick.event_ns,
        recv_ns=to_ns,
        channel=channel,
        from_id=from_id,
        to_id=to_id,
        from_ns=min(
            from_ns, to_ns
        ),  # what was held back may have been received before what was delivered last
        to_ns=max(from_ns, to_ns),
        cause=cause,
    )
