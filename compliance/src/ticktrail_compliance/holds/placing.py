"""Place a hold and lift one, as entries of the log.

Owns: what each must say, and the name that a hold gets.
Never: prints.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Protocol

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acts import Act, HoldLifted, HoldPlaced
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.holds.hold import Hold
from ticktrail_compliance.holds.matching import sealed_under, stopping
from ticktrail_compliance.holds.standing import Kept, placed_holds
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Covered", "Told", "Writing", "covered_by", "found_hold", "lift", "place"]


class Writing(Protocol):
    """A log that is open to be read and to be told something."""

    @property
    def log(self) -> AuditLog:
        """The log."""

    def record(self, entry_class: EntryClass, *acts: Act) -> int:
        """Add an entry for each act, all or none; return the number of the last."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a hold is to say.

    Attributes:
        from_ns: As of `Hold`, and so all below.
        to_ns: The same.
        classes: The same.
        instruments: The same.
        providers: The same.
        incident: The same.
        reason: The same.
        reference: The same.
    """

    from_ns: int | None = None
    to_ns: int | None = None
    classes: Sequence[EntryClass] = ()
    instruments: Sequence[str] = ()
    providers: Sequence[str] = ()
    incident: str = ""
    reason: str
    reference: str


class Covered(msgspec.Struct, frozen=True, kw_only=True):
    """Keys of a class and month that a hold reaches, and what became of them.

    Attributes:
        entry_class: Of which class.
        month: Of which month, UTC.
        keys: How many are kept by the hold.
        entries: What those sealed; a key is kept whole, with entries beyond the hold's range.
        destroyed: How many were destroyed before it was placed; what they sealed cannot be read any more, and whether
            it was of the instruments and providers that the hold names cannot be told.
        destroyed_entries: What those sealed.
    """

    entry_class: str
    month: str
    keys: int = 0
    entries: int = 0
    destroyed: int = 0
    destroyed_entries: int = 0


def place(writing: Writing, told: Told, at_ns: int) -> Hold:
    """Place a hold; nothing that it keeps is destroyed once this returns.

    Args:
        writing: The log.
        told: What it is to say.
        at_ns: The present, UTC nanoseconds.

    Raises:
        ConfigError: Reason or reference is empty.
        AuditError: The log failed.
    """
    _see_said(told.reason, told.reference)
    act = HoldPlaced(
        at_ns=at_ns,
        actor=actor_at(writing.log.database),
        hold_id=f"hold-{secrets.token_hex(4)}",
        from_ns=told.from_ns,
        to_ns=told.to_ns,
        classes=sorted(set(told.classes)),
        instruments=sorted(set(told.instruments)),
        providers=sorted(set(told.providers)),
        incident=told.incident,
        reason=told.reason.strip(),
        reference=told.reference.strip(),
    )
    writing.record("retention", act)
    return found_hold(writing.log, act.hold_id).hold


def lift(writing: Writing, hold_id: str, reason: str, reference: str, at_ns: int) -> HoldLifted:
    """Lift a hold.

    Raises:
        ConfigError: There is none of that name, or it was lifted; reason or reference is empty.
        AuditError: The log failed.
    """
    _see_said(reason, reference)
    kept = found_hold(writing.log, hold_id)
    if kept.lifted is not None:
        raise ConfigError(
            f"{hold_id} was lifted before ({kept.lifted.reason}); `ticktrail audit hold list` shows what stands"
        )
    act = HoldLifted(
        at_ns=at_ns,
        actor=actor_at(writing.log.database),
        hold_id=hold_id,
        reason=reason.strip(),
        reference=reference.strip(),
    )
    writing.record("retention", act)
    return act


def found_hold(log: AuditLog, hold_id: str) -> Kept:
    """Return a hold by its name, lifted or not.

    Raises:
        ConfigError: There is none.
        AuditError: The log cannot be read.
    """
    for kept in placed_holds(log):
        if kept.hold.hold_id == hold_id:
            return kept
    raise ConfigError(f"there is no hold {hold_id}; `ticktrail audit hold list --all` shows which there are")


def covered_by(log: AuditLog, hold: Hold) -> Sequence[Covered]:
    """Return what a hold reaches, by month and class: what it keeps, and what was destroyed before.

    Raises:
        AuditError: The log cannot be read.
    """
    found: dict[tuple[str, str], Covered] = {}
    for state in log.keys.states():
        if not hold.is_of(state.entry_class):
            continue
        sealed = sealed_under(log, state.key_id)
        if sealed is None or not hold.reaches(sealed.first_ns, sealed.last_ns):
            continue
        is_gone = state.state == "destroyed"  # what is only told to be is kept by the hold
        if not stopping(log, [hold], state.key_id, state.entry_class, open_entries=not is_gone):
            continue
        place = (state.month, state.entry_class)
        one = found.get(place, Covered(entry_class=state.entry_class, month=state.month))
        if is_gone:
            one = msgspec.structs.replace(
                one, destroyed=one.destroyed + 1, destroyed_entries=one.destroyed_entries + sealed.entries
            )
        else:
            one = msgspec.structs.replace(one, keys=one.keys + 1, entries=one.entries + sealed.entries)
        found[place] = one
    return [found[place] for place in sorted(found)]


def _see_said(reason: str, reference: str) -> None:
    for option, text in (("--reason", reason), ("--reference", reference)):
        if not text.strip():
            raise ConfigError(f"{option} is empty: a hold says why it is there or goes, and by which matter")
