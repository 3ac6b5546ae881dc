"""Sum up the incidents that were open in a period, with what was due of each.

Owns: the section on incidents, and which of them belong to a period.
Never: decides what is due; `ticktrail_compliance.incidents` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from ticktrail_compliance.acts.incidents import IncidentAct
from ticktrail_compliance.evidence.model import Column, Figure, Period, Section, entries_of, table
from ticktrail_compliance.evidence.source import Told
from ticktrail_compliance.incidents.kept import kept_of
from ticktrail_compliance.incidents.register import Register
from ticktrail_compliance.incidents.reminding import WHAT
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident

__all__ = ["incidents_of", "incidents_section", "record_path"]

_ACTS = get_args(IncidentAct)


def incidents_of(acts: Iterable[Told], period: Period) -> Sequence[Incident]:
    """Return the incidents that were open in a period, each as it stood at its end.

    Args:
        acts: From the log's beginning to the period's end.
        period: Which.
    """
    register = Register()
    for one in acts:
        if isinstance(one.record, _ACTS):
            register.take(one.seq, one.record)
    return [
        one for one in register.incidents.values() if one.closed is None or one.closed.at_ns >= period.from_ns
    ]


def record_path(incident: Incident, ending: str) -> str:
    """Return where the record of an incident stands in a pack."""
    return f"incidents/incident-{incident.number}.{ending}"


def incidents_section(incidents: Sequence[Incident], period: Period, settings: IncidentSettings) -> Section:
    """Return the section on incidents.

    Args:
        incidents: Those of the period.
        period: Which.
        settings: The firm's, by the policy in force at its end.
    """
    deadlines = [kept for one in incidents for kept in kept_of(one, period.to_ns, settings)]

    def deadline_figure(outcome: str, title: str, how: str) -> Figure:
        found = [one for one in deadlines if one.outcome == outcome]
        return Figure(
            id=f"deadlines_{outcome}",
            title=title,
            kind="count",
            value=len(found),
            how=how,
            entries=entries_of(one.seq for one in found),
        )

    opened = [one for one in incidents if period.holds(one.opened.at_ns)]
    still = [one for one in incidents if one.closed is None]
    return Section(
        id="incidents",
        title="Incidents",
        figures=[
            Figure(
                id="incidents",
                title="Incidents",
                kind="count",
                value=len(incidents),
                how="those that were open at any time of the period",
                entries=entries_of(one.number for one in incidents),
            ),
            Figure(
                id="opened",
                title="Opened in the period",
                kind="count",
                value=len(opened),
                how="the entries incident_opened of the period",
                entries=entries_of(one.number for one in opened),
            ),
            Figure(
                id="open",
                title="Open at the period's end",
                kind="count",
                value=len(still),
                how="those that no entry up to then closed",
                entries=entries_of(one.number for one in still),
            ),
            deadline_figure("kept", "Deadlines kept", "done by their time, or found by then not to be owed"),
            deadline_figure(
                "missed", "Deadlines missed", "done after their time, or not by the period's end"
            ),
            deadline_figure(
                "running", "Deadlines still running", "of which the time had not come at the period's end"
            ),
        ],
        tables=[
            table(
                "incidents",
                "Incidents, each with its record in a file",
                (
                    Column("file", "File", "file"),
                    Column("entry", "Entry", "entry"),
                    Column("kind", "Kind"),
                    Column("severity", "Severity"),
                    Column("title", "Title"),
                    Column("stage", "Stage"),
                    Column("owner", "Owner"),
                    Column("aware_ns", "Aware since", "time"),
                    Column("closed_ns", "Closed", "time"),
                ),
                [
                    (
                        record_path(one, "txt"),
                        one.number,
                        one.opened.kind.replace("_", " "),
                        one.severity,
                        one.opened.title,
                        one.stage,
                        one.owner or "nobody",
                        one.opened.aware_ns,
                        None if one.closed is None else one.closed.at_ns,
                    )
                    for one in incidents
                ],
            ),
            table(
                "deadlines",
                "Deadlines",
                (
                    Column("incident", "Incident", "entry"),
                    Column("what", "What"),
                    Column("due_ns", "Due", "time"),
                    Column("done_ns", "Done", "time"),
                    Column("outcome", "Outcome"),
                    Column("entry", "Shown by entry", "entry"),
                ),
                [
                    (one.incident, WHAT[one.deadline], one.due_ns, one.done_ns, one.outcome, one.seq)
                    for one in deadlines
                ],
            ),
        ],
    )
