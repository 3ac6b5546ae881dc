"""See that what a hold names is known to the log: a misspelt name would keep nothing.

Owns: which names count as known: those of the entries that the hold reaches; of legs, in whatever role.
Never: places a hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from ticktrail.errors import ConfigError
from ticktrail_compliance.destroyed import DestroyedKeys
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.holds.matching import named_legs
from ticktrail_compliance.holds.placing import Told
from ticktrail_compliance.incidents.register import register_of
from ticktrail_compliance.reading import Range, conditions, entry_of, open_summary
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted

__all__ = ["see_incident", "see_names"]


@dataclass(slots=True)
class _Found:
    """What entries name, by option, and how many cannot tell."""

    names: Mapping[str, set[str]] = field(
        default_factory=lambda: {"--instrument": set(), "--provider": set()}
    )
    unreadable: int = 0
    destroyed: int = 0


def see_names(log: AuditLog, told: Told) -> str | None:
    """See that an entry of a hold's times and classes names each of its instruments and legs.

    Returns:
        What to say of a name that only entries can hold that nobody can read; None: all are known. What was destroyed
        by rule does not count: a hold brings nothing back.

    Raises:
        ConfigError: A name is in no entry, with the nearest that is.
        AuditError: The database failed.
    """
    wanted = {"--instrument": set(told.instruments), "--provider": set(told.providers)}
    if not any(wanted.values()):
        return None
    found = _named(log, told, wanted)
    legs = wanted["--provider"] - found.names["--provider"]
    if legs:
        found.names["--provider"].update(_in_another_role(log, told, legs))
    missing = [
        (option, name) for option, names in wanted.items() for name in sorted(names - found.names[option])
    ]
    if not missing:
        return None
    if not found.unreadable:
        raise ConfigError(_refused(found, *missing[0]))
    names = ", ".join(f"{option} {name}" for option, name in missing)
    cannot = counted(found.unreadable, "entry", "entries")
    return f"{names}: in no entry that can be read; {cannot} of the hold cannot be read (run `ticktrail audit verify`)"


def see_incident(log: AuditLog, told: Told) -> None:
    """See that the incident of a hold is one of the log.

    Raises:
        ConfigError: It is none, and every entry of incidents can be read.
        AuditError: The database failed.
    """
    if not told.incident:
        return
    register = register_of(log)
    is_known = told.incident.isdecimal() and int(told.incident) in register.incidents
    if not is_known and not register.unreadable:
        raise ConfigError(
            f"--incident {told.incident}: {log.name} has no such incident; `ticktrail incident list --all` shows which "
            "there are, by number"
        )


def _named(log: AuditLog, told: Told, wanted: Mapping[str, set[str]]) -> _Found:
    """Return what the entries of a hold name; no more of them are read than it takes."""
    found = _Found()
    gone = DestroyedKeys(log)
    classes = frozenset(told.classes) or None
    where = conditions(Range(since_ns=told.from_ns, until_ns=told.to_ns, classes=classes))
    for row in log.summary_rows(where=where):
        try:
            summary = open_summary(entry_of(log.log_id, row), log.keys.find)
        except (Unsealed, ValueError):
            if isinstance(row.key_id, int) and gone.by_rule(row.key_id):
                found.destroyed += 1
            else:
                found.unreadable += 1
            continue
        found.names["--instrument"].update(summary.instruments)
        found.names["--provider"].update(summary.providers)
        if all(names <= found.names[option] for option, names in wanted.items()):
            break
    return found


def _in_another_role(log: AuditLog, told: Told, legs: Collection[str]) -> Collection[str]:
    """Return which of some legs an entry of a hold names, though none holds ticks of theirs; all contents are read."""
    found: set[str] = set()
    where = conditions(
        Range(since_ns=told.from_ns, until_ns=told.to_ns, classes=frozenset(told.classes) or None)
    )
    for row in log.plain_rows(where=where):
        try:
            found |= named_legs(log, row.seq, legs)
        except (Unsealed, ValueError):
            continue  # counted where its summary could not be read; a sound summary of a body that is not, verify tells
        if found >= set(legs):
            break
    return found


def _refused(found: _Found, option: str, name: str) -> str:
    near = _nearest(name, found.names[option])
    meant = f"did you mean {near}? " if near else ""
    gone = counted(found.destroyed, "entry", "entries")
    lost = f" ({gone} of them destroyed, which cannot tell)" if found.destroyed else ""
    return (
        f"{option} {name}: no entry of the hold's times and classes names it{lost}, so that nothing of it would be "
        f"kept; {meant}--unknown-names places the hold all the same, for what is yet to come"
    )


def _nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that is most like another, capitals aside; None: none is."""
    folded = {one.casefold(): one for one in sorted(known)}
    close = get_close_matches(name.casefold(), folded, n=1)
    return next((folded[one] for one in close), None)
