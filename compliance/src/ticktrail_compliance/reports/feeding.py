"""Read what the reports are drawn from.

Owns: which records the report on the clock needs, and their order.
Never: judges one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.reading import EVENTS, Range, headers, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.reports.clock import Seen
from ticktrail_compliance.store.log import AuditLog

__all__ = ["since_the_beginning"]


def since_the_beginning(
    log: AuditLog, until_ns: int | None, left_out: LeftOut
) -> Iterator[tuple[int, StoredRecord | Seen]]:
    """Yield events with the number of their entry, and for ticks the time of the last of each entry.

    The latter tells how far a run came that never said its end.

    Raises:
        AuditError: An entry cannot be read.
    """
    journal = (
        (header.seq, Seen(header.last_ns if until_ns is None else min(header.last_ns, until_ns)))
        for header in headers(log, Range(until_ns=until_ns, classes=frozenset({"journal"})))
    )
    ticks = next(journal, None)
    for header, record in read_records(log, Range(until_ns=until_ns, classes=EVENTS), left_out.passes_over):
        while ticks is not None and ticks[0] < header.seq:
            yield ticks
            ticks = next(journal, None)
        yield header.seq, record
    while ticks is not None:
        yield ticks
        ticks = next(journal, None)
