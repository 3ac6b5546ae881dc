"""Tell what was done about an incident after its time, so that it stays told once the incident is closed.

Owns: how much later it was done, and the words of that. Pure: acts in, words out.
Never: keeps anything; it is computed from the acts each time.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail_compliance.acts.incidents import Deadline, IncidentClosed, IncidentNotified
from ticktrail_compliance.incidents.deadlines import left
from ticktrail_compliance.incidents.kept import Kept, kept_of
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident

__all__ = ["Late", "late_of"]


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done after its time.

    Attributes:
        deadline: What had to be done.
        due_ns: By when; UTC nanoseconds.
        done_ns: When it was done, or was found not to be owed.
        late_ns: How much later; nanoseconds, more than 0.
        seq: The entry that tells so.
        what: The same in words.
    """

    deadline: Deadline
    due_ns: int
    done_ns: int
    late_ns: int
    seq: int
    what: str


def late_of(incident: Incident, now_ns: int, settings: IncidentSettings) -> Sequence[Late]:
    """Return what was done late about an incident; what is still to be done is not among it, but `due`.

    Args:
        incident: With all its steps.
        now_ns: The present.
        settings: The firm's.
    """
    return [
        Late(
            deadline=one.deadline,
            due_ns=one.due_ns,
            done_ns=one.done_ns,
            late_ns=one.done_ns - one.due_ns,
            seq=one.seq,
            what=f"{_done(incident, one)} {left(one.done_ns - one.due_ns)} after the limit",
        )
        for one in kept_of(incident, now_ns, settings)
        if one.done_ns is not None and one.done_ns > one.due_ns
    ]


def _done(incident: Incident, one: Kept) -> str:
    act = next(step.act for step in incident.steps if step.seq == one.seq)
    if one.deadline == "individuals":
        told = isinstance(act, IncidentNotified)
        return "those affected were told" if told else "that nobody has to be told was found"
    if isinstance(act, IncidentClosed):
        return "it was closed without the service provider's notice,"
    return "the service provider told the firm"
