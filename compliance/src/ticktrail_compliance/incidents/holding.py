"""Say which parts of a log are evidence of an incident that is open, so that nobody destroys them meanwhile.

Owns: what an open incident holds.
Never: holds anything itself; retention does, by what is told here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.register import INCIDENT_CLASS, register_of
from ticktrail_compliance.incidents.state import Incident
from ticktrail_compliance.store.log import AuditLog

__all__ = ["EvidenceRange", "evidence_ranges", "ranges_of"]


class EvidenceRange(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that an open incident needs; each bound holds, and None is no bound.

    Attributes:
        incident: Which.
        why: In words.
        classes: Entries of these classes; None: of all.
        from_seq: The first entry.
        to_seq: The last one.
        from_ns: Of records that are not earlier, UTC nanoseconds.
        to_ns: Of records that are not later.
    """

    incident: int
    why: str
    classes: frozenset[EntryClass] | None = None
    from_seq: int | None = None
    to_seq: int | None = None
    from_ns: int | None = None
    to_ns: int | None = None


def evidence_ranges(log: AuditLog) -> Sequence[EvidenceRange]:
    """Return what the open incidents of a log need.

    Raises:
        AuditError: The database failed.
    """
    return [one for incident in register_of(log).open for one in ranges_of(incident)]


def ranges_of(incident: Incident) -> Iterator[EvidenceRange]:
    """Yield what an incident needs: its own entries, those that were attached, and those of its time and classes."""
    number = incident.number
    yield EvidenceRange(
        incident=number, why="its own record", classes=frozenset({INCIDENT_CLASS}), from_seq=number
    )
    for attached in incident.entries:
        yield EvidenceRange(
            incident=number,
            why=attached.note or "attached as evidence",
            from_seq=attached.from_seq,
            to_seq=attached.to_seq,
        )
    if incident.classes or incident.occurred_from_ns is not None or incident.occurred_to_ns is not None:
        yield EvidenceRange(
            incident=number,
            why="the classes and the time that it touches",
            classes=frozenset(incident.classes) or None,
            from_ns=incident.occurred_from_ns,
            to_ns=incident.occurred_to_ns,
        )
