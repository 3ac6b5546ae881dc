"""Say what became of a batch's ticks, and of those that no rule can judge.

Owns: the verdict, the findings that need no rule, and the mark of a book that a piece was taken out of.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ticktrail._contracts.route import Batch
from ticktrail.model import BookDelta, BookSnapshot, Flagged, Gap, InstrumentId, Rejected, Tick, Violation

__all__ = ["NotAsked", "Unreadable", "Verdict", "book_gap", "joined"]


class Unreadable(Violation, frozen=True, tag="undecodable"):
    """The frame is no tick."""

    reason: str


class NotAsked(Violation, frozen=True, tag="not_asked"):
    """The leg brought a tick of an instrument that the feed does not have."""

    instrument: InstrumentId


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a batch's ticks: `good` go on, and those among them that rules flagged stand in `flagged` too."""

    good: list[Tick]
    rejected: list[Rejected]
    flagged: list[Flagged]


def joined(batch: Batch, verdict: Verdict) -> Batch:
    """Return a judged batch after a further verdict on its ticks; what was found before goes along with each tick."""
    before = {id(one.tick): one for one in batch.flagged}

    def all_of(found: Rejected | Flagged) -> Sequence[Violation]:
        own = before.pop(id(found.tick), None)
        return found.violations if own is None else (*own.violations, *found.violations)

    rejected = [Rejected(tick=one.tick, violations=all_of(one)) for one in verdict.rejected]
    flagged = [Flagged(tick=one.tick, violations=all_of(one)) for one in verdict.flagged]
    return msgspec.structs.replace(
        batch,
        ticks=verdict.good,
        rejected=[*batch.rejected, *rejected],
        flagged=[*before.values(), *flagged],
    )


def book_gap(tick: BookDelta | BookSnapshot, recv_ns: int) -> Gap:
    """Return the mark of a book that a rule has taken a piece out of: it is unknown until the next snapshot."""
    first = tick.first_update_id if isinstance(tick, BookDelta) else tick.update_id
    return Gap(
        instrument=tick.instrument,
        provider=tick.provider,
        event_ns=tick.event_ns,
        recv_ns=recv_ns,
        channel="book",
        from_id=first,
        to_id=tick.update_id,
        from_ns=None,
        to_ns=recv_ns,
        cause="rejected",
    )
