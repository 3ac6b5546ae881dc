"""Tell of each deadline of an incident whether it was kept.

Owns: when what had to be done was done. Pure: acts in, outcomes out.
Never: says by when it had to be done; `ticktrail_compliance.incidents.deadlines` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail_compliance.acts.incidents import (
    Deadline,
    IncidentAct,
    IncidentAssessed,
    IncidentNotified,
    IncidentOpened,
)
from ticktrail_compliance.incidents.deadlines import deadline_of, running
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident, after, begun

__all__ = ["Kept", "Outcome", "kept_of"]

Outcome: TypeAlias = Literal["kept", "missed", "running"]
"""Done by its time, or shown by then to be not owed; done later or not at all; its time has not come."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A deadline of an incident, and what became of it.

    Attributes:
        incident: Its number.
        deadline: What had to be done.
        due_ns: By when; UTC nanoseconds.
        done_ns: When it was done, or was found not to be owed; None: it still is owed.
        outcome: Whether that was in time.
        seq: The entry that tells so; where nothing does, the one that opened the incident.
    """

    incident: int
    deadline: Deadline
    due_ns: int
    done_ns: int | None
    outcome: Outcome
    seq: int


def kept_of(incident: Incident, now_ns: int, settings: IncidentSettings) -> Sequence[Kept]:
    """Return every deadline that an incident ever had, each as it stands at a moment.

    A deadline that began anew, since somebody found more that is affected, counts as the last one of its kind.

    Args:
        incident: With all its steps.
        now_ns: The moment.
        settings: The firm's.
    """
    found: dict[Deadline, Kept] = {}
    state = begun(incident.number, incident.opened)
    for step in incident.steps:
        if step.seq != incident.number:
            state = after(state, step.seq, step.act)
        runs = {deadline: due_ns for deadline, _, due_ns in running(state, settings)}
        for deadline, due_ns in runs.items():
            found[deadline] = Kept(
                incident=incident.number,
                deadline=deadline,
                due_ns=due_ns,
                done_ns=None,
                outcome="missed" if due_ns <= now_ns else "running",
                seq=incident.number,
            )
        for deadline, one in found.items():
            if one.done_ns is None and deadline not in runs:
                found[deadline] = _done(one, state, step.seq, step.act)
        if step.counts and _tells_of_provider(step.act) and (told := _told(state, step.seq, settings)):
            found["provider_notice"] = told
    return list(found.values())


def _tells_of_provider(act: IncidentAct) -> bool:
    return isinstance(act, IncidentOpened | IncidentAssessed) and not (
        act.provider_aware_ns is None and act.provider_told_ns is None
    )


def _told(state: Incident, seq: int, settings: IncidentSettings) -> Kept | None:
    """Return what became of a provider's notice that has come, which may have been before the incident was opened."""
    aware_ns, told_ns = state.provider_aware_ns, state.provider_told_ns
    if aware_ns is None or told_ns is None:
        return None
    due_ns = deadline_of(aware_ns, hours=settings.provider_notice_hours, place=settings.place)
    return Kept(
        incident=state.number,
        deadline="provider_notice",
        due_ns=due_ns,
        done_ns=told_ns,
        outcome="kept" if told_ns <= due_ns else "missed",
        seq=seq,
    )


def _done(one: Kept, state: Incident, seq: int, act: IncidentAct) -> Kept:
    done_ns = act.at_ns
    if one.deadline == "individuals" and isinstance(act, IncidentNotified):
        done_ns = state.standing.sent_ns or act.sent_ns
    return msgspec.structs.replace(
        one, done_ns=done_ns, outcome="kept" if done_ns <= one.due_ns else "missed", seq=seq
    )
