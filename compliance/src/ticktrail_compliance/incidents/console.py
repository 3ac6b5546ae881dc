"""Take a step about an incident, and say so in the log.

Owns: that a step which is refused leaves no trace, and that one that is taken is an entry.
Never: decides what is refused; `ticktrail_compliance.incidents.state` does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.identity import actor_at, person
from ticktrail_compliance.acting import acting, see_allowed
from ticktrail_compliance.acts import (
    Actor,
    IncidentClosed,
    IncidentEntriesAttached,
    IncidentFileAttached,
    IncidentOpened,
    actor_here,
)
from ticktrail_compliance.acts.incidents import IncidentAct
from ticktrail_compliance.holds.standing import holds_of_incidents
from ticktrail_compliance.incidents.deadlines import due
from ticktrail_compliance.incidents.files import hashed
from ticktrail_compliance.incidents.register import INCIDENT_CLASS, Register, register_of
from ticktrail_compliance.incidents.reminding import told
from ticktrail_compliance.incidents.state import Incident, opening_refused, refused
from ticktrail_compliance.incidents.texts import clipped
from ticktrail_compliance.naming import Named
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.retention.freeing import Freed, freed_by, freed_told
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted

__all__ = [
    "Evidence",
    "attach",
    "find_incident",
    "now_ns",
    "open_incident",
    "take",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is to be attached: files, and entries of the log from one number to another."""

    paths: Sequence[Path]
    from_seq: int | None
    to_seq: int | None
    note: str


def now_ns() -> int:
    """Return the present, UTC nanoseconds."""
    return time.time_ns()


def open_incident(named: Named, act: IncidentOpened, *, as_json: bool) -> None:
    """Open an incident.

    Raises:
        ConfigError: It cannot be opened so, or the policy in force has a register of service providers and not this
            one; the message says why.
    """
    why = opening_refused(act)
    if why is not None:
        raise ConfigError(why)
    purpose = f"open an incident: {act.title}"
    if act.provider:
        see_allowed(named, "incident_open", purpose)
        with named.open() as log:
            _see_known(act.provider, policy_in_force(log))
    with acting(named, "incident_open", purpose) as found:
        actor = actor_at(found.log.database)
        act = msgspec.structs.replace(act, actor=actor, by=clipped(_opener(actor), "by"))
        number = found.record(INCIDENT_CLASS, act)
        register = register_of(found.log)
    _tell(register, number, [number], "was opened", as_json=as_json)


def take(named: Named, what: str, act: IncidentAct, *, as_json: bool) -> None:
    """Take a step.

    Args:
        named: The log.
        what: The step in a word.
        act: The step.
        as_json: Print one JSON object.

    Raises:
        ConfigError: There is no such incident, or the step is refused; the message says what to do.
    """
    if isinstance(act, IncidentOpened):
        raise TypeError("an incident is opened by `open_incident`")
    _take_all(named, act.incident, what, [act], as_json=as_json)


def attach(named: Named, number: int, evidence: Evidence, *, as_json: bool) -> None:
    """Attach evidence.

    Raises:
        ConfigError: A file cannot be read, the log has no such entries, or the incident is closed.
    """
    acts: list[IncidentAct] = [_file(number, path, evidence.note) for path in evidence.paths]
    if evidence.from_seq is not None and evidence.to_seq is not None:
        entries = IncidentEntriesAttached(
            at_ns=now_ns(),
            incident=number,
            actor=actor_here(),
            from_seq=evidence.from_seq,
            to_seq=evidence.to_seq,
            note=evidence.note,
        )
        with _looking(named, "attach evidence to", number) as log:
            _, last = log.state()
        if entries.to_seq > last:
            raise ConfigError(
                f"--to {entries.to_seq}: the log ends with entry {last}; name entries that are there"
            )
        acts.append(entries)
    _take_all(named, number, "attach evidence to", acts, as_json=as_json)


def find_incident(register: Register, number: int, log: AuditLog) -> Incident:
    """Return an incident.

    Raises:
        ConfigError: There is none of that number.
    """
    incident = register.incidents.get(number)
    if incident is None:
        lost = "" if not register.unreadable else f", and {_lost(register.unreadable)}"
        raise ConfigError(
            f"{log.name} has no incident {number}{lost}; `ticktrail incident list --all` shows which there are"
        )
    return incident


def _see_known(provider: str, policy: Policy | None) -> None:
    """Refuse a service provider that the register does not have; where there is no register, any is known."""
    names = [] if policy is None else sorted(policy.providers)
    if not names or provider in names:
        return
    near = get_close_matches(provider.lower(), [name.lower() for name in names], n=1)
    meant = "".join(f" (did you mean {name}?)" for name in names if [name.lower()] == near)
    raise ConfigError(
        f"--provider {provider}: the policy in force has no such service provider{meant}; it has {', '.join(names)}: "
        "name one of them, or adopt a policy that has it ([compliance.providers.NAME])"
    )


def _opener(actor: Actor) -> str:
    """Return who opens an incident: by the login of the database where it knows one, else by the user alone."""
    return actor.user if actor.database_user is None else person(actor)


def _lost(count: int) -> str:
    return f"{counted(count, 'entry', 'entries')} of incidents cannot be read (run `ticktrail audit verify`)"


def _take_all(named: Named, number: int, what: str, acts: Sequence[IncidentAct], *, as_json: bool) -> None:
    with _looking(named, what, number) as log:  # a step that is refused is no reason to write
        _see(find_incident(register_of(log), number, log), acts)
    with acting(named, "incident_handle", _purpose(what, number)) as found:
        register = register_of(found.log)
        _see(find_incident(register, number, found.log), acts)
        is_end = any(isinstance(act, IncidentClosed) for act in acts)
        held = holds_of_incidents([register.incidents[number]]) if is_end else ()
        actor = actor_at(found.log.database)
        last = found.record(INCIDENT_CLASS, *(msgspec.structs.replace(act, actor=actor) for act in acts))
        register.catch_up(found.log)
        frees = (
            freed_by(found.log, held, now_ns(), lambda text: click.echo(text, err=True)) if is_end else None
        )
    entries = range(last - len(acts) + 1, last + 1)
    _tell(register, number, entries, _done(acts), frees=frees, as_json=as_json)


def _purpose(what: str, number: int) -> str:
    return f"{what} incident {number}"


@contextmanager
def _looking(named: Named, what: str, number: int) -> Iterator[AuditLog]:
    """Open a log to see whether a step can be taken, for somebody who may take it."""
    see_allowed(named, "incident_handle", _purpose(what, number))
    with named.open() as log:
        yield log


def _see(incident: Incident, acts: Sequence[IncidentAct]) -> None:
    for act in acts:
        why = refused(incident, act)
        if why is not None:
            raise ConfigError(why)


def _done(acts: Sequence[IncidentAct]) -> str:
    done = {
        "incident_assessed": "was assessed",
        "incident_contained": "was contained",
        "incident_notified": "has a notice more",
        "incident_assigned": "has another owner",
        "incident_closed": "was closed",
    }
    return done.get(str(acts[0].__struct_config__.tag), f"has {counted(len(acts), 'piece')} of evidence more")


def _file(number: int, path: Path, note: str) -> IncidentFileAttached:
    size, sha256 = hashed(path, "")
    return IncidentFileAttached(
        at_ns=now_ns(),
        incident=number,
        actor=actor_here(),
        name=path.name,
        size=size,
        sha256=sha256,
        note=note,
    )


def _tell(
    register: Register,
    number: int,
    entries: Sequence[int],
    done: str,
    *,
    frees: Sequence[Freed] | None = None,
    as_json: bool,
) -> None:
    incident = register.incidents[number]
    still = due([incident], now_ns(), register.settings)
    if as_json:
        told_of = {"incident": number, "entries": list(entries), "stage": incident.stage, "due": still}
        click.echo(msgspec.json.encode(told_of if frees is None else {**told_of, "frees": frees}))
        return
    where = f"entry {entries[0]}" if len(entries) == 1 else f"entries {entries[0]} to {entries[-1]}"
    click.echo(f"incident {number} {done} ({where})")
    for line in freed_told(frees, now_ns()):
        click.echo(line)
    for one in still:
        click.echo(told(one, register.settings))
