"""Compute what an incident is from what was done about it.

Owns: the order of steps: what each requires, what is refused, and the remedy. Pure: acts in, states out.
Never: reads a log, a clock or a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail_compliance.acts.incidents import (
    CustomerInformation,
    Harm,
    IncidentAct,
    IncidentAssessed,
    IncidentAssigned,
    IncidentClosed,
    IncidentContained,
    IncidentEntriesAttached,
    IncidentFileAttached,
    IncidentNotified,
    IncidentOpened,
    IncidentReminded,
    Severity,
)
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.standing import Standing, batch_in, standing_of
from ticktrail_compliance.incidents.texts import too_long
from ticktrail_compliance.words import counted, moment

__all__ = ["Incident", "Stage", "Step", "after", "begun", "opening_refused", "refused"]

Stage: TypeAlias = Literal["open", "assessed", "contained", "notified", "closed"]
"""How far an incident is: the last of these that was reached."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One act of an incident.

    Attributes:
        seq: The number of its entry.
        act: It.
        counts: Whether it had an effect; false: two people acted at once, and the other was first.
    """

    seq: int
    act: IncidentAct
    counts: bool = True


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it is now: of each matter, the last word that was said of it.

    Attributes:
        number: Of the entry that opened it, and its name.
        opened: How it was opened.
        owner: Who sees to it; empty: nobody.
        assessments: In order; the last word on each matter counts.
        containments: What was done so that it goes no further.
        notices: What was sent to whom.
        files: Evidence by hash.
        entries: Evidence in this log.
        reminders: What whoever runs a feed was reminded of.
        closed: How it was closed; None: it is open.
        steps: Every act, with the number of its entry.
    """

    number: int
    opened: IncidentOpened
    owner: str
    assessments: Sequence[IncidentAssessed] = ()
    containments: Sequence[IncidentContained] = ()
    notices: Sequence[IncidentNotified] = ()
    files: Sequence[IncidentFileAttached] = ()
    entries: Sequence[IncidentEntriesAttached] = ()
    reminders: Sequence[IncidentReminded] = ()
    closed: IncidentClosed | None = None
    steps: Sequence[Step] = ()

    @property
    def stage(self) -> Stage:
        """How far it is."""
        if self.closed is not None:
            return "closed"
        if self.notices:
            return "notified"
        if self.containments:
            return "contained"
        return "assessed" if self.assessments else "open"

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return next(
            (one.severity for one in reversed(self.assessments) if one.severity), self.opened.severity
        )

    @property
    def standing(self) -> Standing:
        """What is known of those affected, and whether a notice is owed."""
        return standing_of(step.act for step in self.steps if step.counts)

    @property
    def customer_information(self) -> CustomerInformation:
        """Whether customer information is involved."""
        return self.standing.customer_information

    @property
    def harm(self) -> Harm:
        """Whether harm is reasonably likely."""
        return self.standing.harm

    @property
    def ground(self) -> str:
        """Why, and what was investigated."""
        return next((one.ground for one in reversed(self.assessments) if one.ground), "")

    @property
    def affected(self) -> int | None:
        """How many individuals are affected; None: not known."""
        return self.standing.affected

    @property
    def information(self) -> str:
        """What information of theirs is involved."""
        return next((one.information for one in reversed(self.assessments) if one.information), "")

    @property
    def classes(self) -> Sequence[EntryClass]:
        """The classes of entries that it touches."""
        return next((one.classes for one in reversed(self.assessments) if one.classes), self.opened.classes)

    @property
    def systems(self) -> Sequence[str]:
        """The systems that it touches."""
        return next((one.systems for one in reversed(self.assessments) if one.systems), self.opened.systems)

    @property
    def occurred_from_ns(self) -> int | None:
        """When it began, as far as known."""
        return self._last_time("occurred_from_ns")

    @property
    def occurred_to_ns(self) -> int | None:
        """When it ended, as far as known."""
        return self._last_time("occurred_to_ns")

    @property
    def provider_aware_ns(self) -> int | None:
        """When the service provider became aware of it."""
        return self._last_time("provider_aware_ns")

    @property
    def provider_told_ns(self) -> int | None:
        """When the service provider told the firm."""
        return self._last_time("provider_told_ns")

    @property
    def individuals_told(self) -> int:
        """To how many individuals a notice was sent, each list counted once."""
        return self.standing.told

    @property
    def notice_owed(self) -> bool:
        """Whether those affected are still to be told: what is not known is taken for the worst."""
        return self.standing.notice_owed

    def _last_time(self, name: str) -> int | None:
        told = [
            at_ns for one in (self.opened, *self.assessments) if (at_ns := getattr(one, name)) is not None
        ]
        return told[-1] if told else None


def opening_refused(act: IncidentOpened) -> str | None:
    """Return why an incident cannot be opened so, with the remedy; None: it can."""
    if (long := too_long(act)) is not None:
        return long
    if not act.title.strip():
        return "an incident has a title: say in a sentence what happened (--title)"
    if act.aware_ns > act.at_ns:
        return (
            f"--aware {moment(act.aware_ns)} has not come yet: give the time at which the firm became aware"
        )
    if not act.provider and (act.provider_aware_ns is not None or act.provider_told_ns is not None):
        return "--provider-aware and --provider-told are of a service provider: name it (--provider)"
    return _times_refused(
        act.at_ns, act.occurred_from_ns, act.occurred_to_ns, act.provider_aware_ns, act.provider_told_ns
    )


def begun(seq: int, act: IncidentOpened) -> Incident:
    """Return an incident as it was opened, by the number of the entry that tells so."""
    return Incident(number=seq, opened=act, owner=act.owner, steps=(Step(seq=seq, act=act),))


def refused(incident: Incident, act: IncidentAct) -> str | None:
    """Return why a step cannot be taken now, with the remedy; None: it can."""
    name = f"incident {incident.number}"
    if isinstance(act, IncidentOpened) or act.incident != incident.number:
        return f"it is not of {name}"
    if incident.closed is not None:
        return (
            f"{name} was closed at {moment(incident.closed.at_ns)}: open another one "
            f"(`ticktrail incident open`) that names it in its detail"
        )
    why = too_long(act)
    match act:
        case _ if why is not None:
            pass
        case IncidentAssessed():
            why = _assessing_refused(incident, act)
        case IncidentContained() if not act.measures.strip():
            why = f"say what was done to contain {name} (--measures)"
        case IncidentNotified():
            why = _notifying_refused(incident, act)
        case IncidentAssigned() if not act.owner.strip():
            why = f"say who sees to {name} (--owner)"
        case IncidentEntriesAttached() if not 1 <= act.from_seq <= act.to_seq:
            why = "--from lies after --to: give the numbers the other way round"
        case IncidentClosed():
            why = _closing_refused(incident, act)
        case _:
            pass
    return why


def after(incident: Incident, seq: int, act: IncidentAct) -> Incident:
    """Return what an incident is after an act that the log tells of; one that is refused changes nothing.

    Args:
        incident: As it was.
        seq: The number of the act's entry.
        act: What was done.
    """
    counts = refused(incident, act) is None
    steps = (*incident.steps, Step(seq=seq, act=act, counts=counts))
    changed: dict[str, object] = {}
    match act:
        case _ if not counts:
            pass
        case IncidentAssessed():
            changed = {"assessments": (*incident.assessments, act)}
        case IncidentContained():
            changed = {"containments": (*incident.containments, act)}
        case IncidentNotified():
            changed = {"notices": (*incident.notices, act)}
        case IncidentAssigned():
            changed = {"owner": act.owner}
        case IncidentFileAttached():
            changed = {"files": (*incident.files, act)}
        case IncidentEntriesAttached():
            changed = {"entries": (*incident.entries, act)}
        case IncidentReminded():
            changed = {"reminders": (*incident.reminders, act)}
        case IncidentClosed():
            changed = {"closed": act}
        case _:
            pass
    return msgspec.structs.replace(incident, steps=steps, **changed)


def _assessing_refused(incident: Incident, act: IncidentAssessed) -> str | None:
    if act.customer_information is None and act.harm is None and not act.ground.strip():
        return "an assessment says what was found: --customer-information, --harm or --ground"
    if act.harm == "not_likely" and not act.ground.strip():
        return "that harm is not reasonably likely is found by an investigation: say why (--ground)"
    if act.affected is not None and act.affected < 1:
        return (
            "--affected is a number of individuals, 1 or more: where nobody is affected, say why nobody has to be told "
            "(--customer-information no, or --harm not_likely)"
        )
    if not incident.opened.provider and (
        act.provider_aware_ns is not None or act.provider_told_ns is not None
    ):
        return (
            f"incident {incident.number} is of no service provider: open another one that names it "
            "(`ticktrail incident open --provider`)"
        )
    return _times_refused(
        act.at_ns,
        act.occurred_from_ns if act.occurred_from_ns is not None else incident.occurred_from_ns,
        act.occurred_to_ns if act.occurred_to_ns is not None else incident.occurred_to_ns,
        act.provider_aware_ns if act.provider_aware_ns is not None else incident.provider_aware_ns,
        act.provider_told_ns if act.provider_told_ns is not None else incident.provider_told_ns,
    )


def _notifying_refused(incident: Incident, act: IncidentNotified) -> str | None:
    if act.audience == "individuals" and not incident.assessments:
        return (
            f"incident {incident.number} was not assessed: those who are affected are told what happened to which "
            "information; run `ticktrail incident assess` first"
        )
    if act.count < 1:
        return "--count says to how many it was sent: 1 or more"
    if (why := _all_told_refused(incident, act)) is not None:
        return why
    if act.sent_ns > act.at_ns:
        return f"--sent-at {moment(act.sent_ns)} has not come yet: record a notice once it was sent"
    if act.sent_ns < incident.opened.aware_ns:
        return (
            f"--sent-at {moment(act.sent_ns)} lies before {moment(incident.opened.aware_ns)}, when the firm became "
            "aware: give the time at which it was sent"
        )
    return None


def _closing_refused(incident: Incident, act: IncidentClosed) -> str | None:
    name = f"incident {incident.number}"
    if not incident.assessments:
        return f"{name} was not assessed: run `ticktrail incident assess`, also where nothing came of it"
    if not incident.containments:
        return f"{name} was not contained: run `ticktrail incident contain` and say what was done, or why nothing"
    if incident.notice_owed:
        return _owed(incident)
    return None if act.outcome.strip() else f"say what came of {name} (--outcome)"


def _all_told_refused(incident: Incident, act: IncidentNotified) -> str | None:
    if not act.all_told:
        return None
    if act.audience != "individuals" or not act.all_told.strip():
        return "--all-told is of individuals, and says why it is known that all those affected were told"
    affected, batches = incident.affected, incident.standing.batches
    own = batch_in(batches, act)
    others = sum(one.count for name, one in batches.items() if name != own)
    if affected is not None and others + act.count < affected:
        return (
            f"--all-told: {others + act.count:,} of {counted(affected, 'individual')} were told; name the other lists "
            "(--batch), or assess how many are affected (`ticktrail incident assess --affected`)"
        )
    return None


def _owed(incident: Incident) -> str:
    name, told, affected = f"incident {incident.number}", incident.individuals_told, incident.affected
    if affected is None:
        of = f" ({told:,} were told, and nobody said how many are affected)" if told else ""
        end = (
            "; where it is not known how many they are, the notice by which all were told says why that is known "
            "(--all-told GROUND), or `ticktrail incident assess --affected` says how many"
        )
    else:
        of = f" ({told:,} of {counted(affected, 'individual')} were told)" if told else ""
        end = ""
    return (
        f"those whom {name} affects were not told{of}: run `ticktrail incident notify --to individuals`{end}; or "
        "`ticktrail incident assess` where no customer information is involved (--customer-information no), or "
        "where harm is not reasonably likely (--harm not_likely, with its --ground)"
    )


def _times_refused(
    now_ns: int, from_ns: int | None, to_ns: int | None, aware_ns: int | None, told_ns: int | None
) -> str | None:
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        return "--occurred-from lies after --occurred-to: give the times the other way round"
    if aware_ns is not None and told_ns is not None and told_ns < aware_ns:
        return "--provider-told lies before --provider-aware: a provider tells of what it is aware of"
    for option, at_ns in (
        ("--occurred-from", from_ns),
        ("--occurred-to", to_ns),
        ("--provider-aware", aware_ns),
        ("--provider-told", told_ns),
    ):
        if at_ns is not None and at_ns > now_ns:
            return f"{option} {moment(at_ns)} has not come yet: give the time at which it was"
    return None
