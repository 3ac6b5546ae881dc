"""Tell whether what a key sealed was exported whole, by the word of the log.

Owns: which recorded exports count as an archive.
Never: looks whether an export is still where it was put.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.acts import LogExported
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.holds.matching import Sealed
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store.log import AuditLog

__all__ = ["exports_of", "is_archived"]


def exports_of(log: AuditLog) -> Sequence[LogExported]:
    """Return every export that the log still tells of, and that left nothing out but by class and time.

    Raises:
        AuditError: The log cannot be read.
    """
    wanted = Range(classes=frozenset({"access"}))
    acts = (record for _, record in read_records(log, wanted, LeftOut(log).passes_over))
    return [
        act
        for act in acts
        if isinstance(act, LogExported) and not (act.instruments or act.providers or act.outcomes)
    ]


def is_archived(exports: Sequence[LogExported], entry_class: str, sealed: Sealed) -> bool:
    """Tell whether one export holds every row of what a key sealed."""
    return any(
        (not act.classes or entry_class in act.classes)
        and act.first_seq <= sealed.first_seq
        and sealed.last_seq <= act.last_seq
        and (act.from_ns is None or act.from_ns <= sealed.first_ns)
        and (act.to_ns is None or sealed.last_ns <= act.to_ns)
        for act in exports
    )
