"""Find the holds that stand, in the log itself.

Owns: which acts of the log make a hold and end it, and everything else that counts as one.
Never: decides what a hold keeps; `Hold` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ticktrail_compliance.access.identity import person
from ticktrail_compliance.acts import HoldLifted, HoldPlaced
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.destroyed import DestroyedKeys
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.incidents.holding import ranges_of
from ticktrail_compliance.incidents.register import INCIDENT_CLASS, register_of
from ticktrail_compliance.incidents.state import Incident
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.store.log import AuditLog

__all__ = ["TELLING", "Kept", "holds_of", "holds_of_incidents", "placed_from", "placed_holds"]

TELLING: frozenset[EntryClass] = frozenset({"retention", "incident"})
"""The classes of entries by which a hold begins or ends: where none was added, the same ones stand."""

_PLACED: frozenset[EntryClass] = frozenset({"retention"})


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as the log tells of it, with the act that lifted it; None: it stands."""

    hold: Hold
    lifted: HoldLifted | None = None


def holds_of(log: AuditLog) -> Sequence[Hold]:
    """Return every hold that stands.

    Raises:
        AuditError: The log cannot be read: what stands is not known then, and nothing may be destroyed.
    """
    return [hold for source in _SOURCES for hold in source(log)]


def placed_holds(log: AuditLog) -> Sequence[Kept]:
    """Return every hold that was ever placed by hand, in order.

    Raises:
        AuditError: The log cannot be read.
    """
    return placed_from(record for _, record in read_records(log, Range(classes=_PLACED)))


def placed_from(records: Iterable[StoredRecord]) -> Sequence[Kept]:
    """Return every hold that records tell of, in order, each as it is after the last of them."""
    found: dict[str, Kept] = {}
    for record in records:
        if isinstance(record, HoldPlaced):
            found[record.hold_id] = Kept(hold=_hold(record))
        elif isinstance(record, HoldLifted) and record.hold_id in found:
            found[record.hold_id] = Kept(hold=found[record.hold_id].hold, lifted=record)
    return list(found.values())


def _by_hand(log: AuditLog) -> Sequence[Hold]:
    return [kept.hold for kept in placed_holds(log) if kept.lifted is None]


def _of_incidents(log: AuditLog) -> Sequence[Hold]:
    """Return what open incidents need as evidence.

    Raises:
        AuditError: An entry that tells of incidents cannot be read, and was not destroyed by rule: one may be open.
    """
    gone = DestroyedKeys(log)
    wanted = Range(classes=frozenset({INCIDENT_CLASS}))
    for _ in read_records(log, wanted, lambda header: gone.by_rule(header.key_id)):
        pass
    return holds_of_incidents(register_of(log).open)


def holds_of_incidents(incidents: Iterable[Incident]) -> Sequence[Hold]:
    """Return what incidents need as evidence, as holds that stand as long as these are open."""
    return [
        Hold(
            hold_id=f"incident-{one.incident}",
            from_ns=one.from_ns,
            to_ns=one.to_ns,
            from_seq=one.from_seq,
            to_seq=one.to_seq,
            classes=sorted(one.classes or ()),
            incident=str(one.incident),
            reason=one.why,
            reference=f"incident {one.incident}, which is open",
            placed_ns=incident.opened.at_ns,
            placed_by=incident.owner or "ticktrail",
        )
        for incident in incidents
        for one in ranges_of(incident)
    ]


_SOURCES: Sequence[Callable[[AuditLog], Sequence[Hold]]] = (_by_hand, _of_incidents)
"""Each gives holds that stand, by entries of the classes `TELLING`."""


def _hold(act: HoldPlaced) -> Hold:
    return Hold(
        hold_id=act.hold_id,
        from_ns=act.from_ns,
        to_ns=act.to_ns,
        classes=act.classes,
        instruments=act.instruments,
        providers=act.providers,
        incident=act.incident,
        reason=act.reason,
        reference=act.reference,
        placed_ns=act.at_ns,
        placed_by=person(act.actor),
    )
