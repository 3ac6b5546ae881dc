"""Count the ticks of a period, and pick out what stands for those that are missing.

Owns: what is read of segments. One is decoded only where its summary or its bytes say that there is something to see.
Never: judges a tick anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ticktrail.model import Gap, Switched
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.entry import Entry, Unsealed
from ticktrail_compliance.evidence.model import Period
from ticktrail_compliance.reading import Range, conditions, entry_of, open_body, open_summary, unreadable
from ticktrail_compliance.records import StoredRouted, decode_records
from ticktrail_compliance.store.log import AuditLog

__all__ = ["SeenGap", "Ticks", "read_ticks"]

_MARKS = frozenset({Gap.counted_as, Switched.counted_as})
_SYNTHETIC = b"synthetic"
"""A tick bears this field only where it was made up."""


@dataclass(frozen=True, slots=True)
class SeenGap:
    """A gap that was delivered, and the entry that holds it."""

    seq: int
    gap: Gap


@dataclass(slots=True)
class Ticks:
    """The ticks of a period, as far as they were journalled and can still be read.

    Attributes:
        delivered: Ticks that were delivered; gaps and switches are none.
        rejected: Ticks that rules kept back.
        suppressed: Ticks that the route held back.
        flagged: Ticks that went on although rules objected.
        synthetic: Made-up ticks that were delivered.
        synthetic_seqs: The entries that hold them.
        gaps: Those that were delivered.
        seqs: The entries that were counted.
        destroyed: Entries of which the contents were destroyed.
    """

    delivered: int = 0
    rejected: int = 0
    suppressed: int = 0
    flagged: int = 0
    synthetic: int = 0
    synthetic_seqs: list[int] = field(default_factory=list)
    gaps: list[SeenGap] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    destroyed: int = 0


def read_ticks(log: AuditLog, period: Period, last_seq: int, progress: Callable[[int], None]) -> Ticks:
    """Return what the segments of a period hold.

    Args:
        log: Open to read.
        period: Of receive times.
        last_seq: The last entry that is looked at.
        progress: Is told the number of each segment that is done.

    Raises:
        AuditError: An entry cannot be read.
    """
    found, left_out = Ticks(), LeftOut(log)
    wanted = Range(since_ns=period.from_ns, until_ns=period.to_ns, classes=frozenset({"journal"}))
    for row in log.rows(1, last_seq, conditions(wanted)):
        try:
            entry = entry_of(log.log_id, row)
            if log.keys.find(entry.header.key_id) is None and left_out.passes_over(entry.header):
                continue
            _count(found, entry, log, period)
        except (Unsealed, ValueError) as exc:
            raise unreadable(row.seq, exc) from exc
        progress(entry.header.seq)
    found.destroyed = left_out.entries
    return found


def _count(found: Ticks, entry: Entry, log: AuditLog, period: Period) -> None:
    header, body = entry.header, open_body(entry, log.keys.find)
    summary = open_summary(entry, log.keys.find)
    found.seqs.append(header.seq)
    if (
        period.holds(header.first_ns)
        and period.holds(header.last_ns)
        and _SYNTHETIC not in body
        and _MARKS.isdisjoint(summary.channels)
    ):
        found.delivered += summary.delivered
        found.rejected += summary.rejected
        found.suppressed += summary.suppressed
        found.flagged += summary.flagged
        return
    for record in decode_records(body):
        if isinstance(record, StoredRouted) and period.holds(record.recv_ns):
            _count_batch(found, header.seq, record)


def _count_batch(found: Ticks, seq: int, batch: StoredRouted) -> None:
    made_up = sum(tick.synthetic for tick in batch.delivered)
    found.delivered += sum(not isinstance(tick, Gap | Switched) for tick in batch.delivered)
    found.rejected += len(batch.rejected)
    found.suppressed += sum(len(held.ticks) for held in batch.suppressed)
    found.flagged += len(batch.flagged)
    found.synthetic += made_up
    if made_up:
        found.synthetic_seqs.append(seq)
    found.gaps.extend(SeenGap(seq, tick) for tick in batch.delivered if isinstance(tick, Gap))
