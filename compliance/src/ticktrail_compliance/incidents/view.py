"""Say what an incident is now, in one flat record, and in lines.

Owns: the form of `ticktrail incident show` and `report`, for people and programs.
Never: decides anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import msgspec

from ticktrail_compliance.acts import Actor
from ticktrail_compliance.acts.incidents import CustomerInformation, Harm, IncidentAct, IncidentKind, Severity
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.deadlines import Due, due, in_zone, left
from ticktrail_compliance.incidents.late import Late, late_of
from ticktrail_compliance.incidents.reminding import WHAT
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident, Stage, Step
from ticktrail_compliance.words import counted, value

__all__ = ["Batch", "View", "facts", "step_line", "tag_of", "view_of"]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A list of individuals to whom a notice was sent, by its name, with how many they are and when; nanoseconds."""

    batch: str
    count: int
    sent_ns: int


class View(msgspec.Struct, frozen=True, kw_only=True):
    """An incident as it is now: the last word of everything; times are UTC nanoseconds."""

    number: int
    stage: Stage
    kind: IncidentKind
    severity: Severity
    subject: str
    title: str
    detail: str
    by: str
    owner: str
    aware_ns: int
    opened_ns: int
    closed_ns: int | None
    occurred_from_ns: int | None
    occurred_to_ns: int | None
    customer_information: CustomerInformation
    information: str
    harm: Harm
    ground: str
    affected: int | None
    told: int
    batches: Sequence[Batch]
    all_told: str
    notice_owed: bool
    classes: Sequence[EntryClass]
    systems: Sequence[str]
    provider: str
    provider_aware_ns: int | None
    provider_told_ns: int | None
    measures: Sequence[str]
    outcome: str
    due: Sequence[Due]
    late: Sequence[Late]
    steps: Sequence[Step]


def view_of(incident: Incident, now_ns: int, settings: IncidentSettings) -> View:
    """Return an incident as it is now.

    Args:
        incident: Which.
        now_ns: The present, for what is due.
        settings: The firm's.
    """
    opened, standing = incident.opened, incident.standing
    return View(
        number=incident.number,
        stage=incident.stage,
        kind=opened.kind,
        severity=incident.severity,
        subject=opened.subject,
        title=opened.title,
        detail=opened.detail,
        by=opened.by,
        owner=incident.owner,
        aware_ns=opened.aware_ns,
        opened_ns=opened.at_ns,
        closed_ns=None if incident.closed is None else incident.closed.at_ns,
        occurred_from_ns=incident.occurred_from_ns,
        occurred_to_ns=incident.occurred_to_ns,
        customer_information=standing.customer_information,
        information=incident.information,
        harm=standing.harm,
        ground=incident.ground,
        affected=standing.affected,
        told=standing.told,
        batches=[
            Batch(batch=name, count=one.count, sent_ns=one.sent_ns) for name, one in standing.batches.items()
        ],
        all_told=standing.all_told,
        notice_owed=standing.notice_owed,
        classes=incident.classes,
        systems=incident.systems,
        provider=opened.provider,
        provider_aware_ns=incident.provider_aware_ns,
        provider_told_ns=incident.provider_told_ns,
        measures=[one.measures for one in incident.containments],
        outcome="" if incident.closed is None else incident.closed.outcome,
        due=due([incident], now_ns, settings),
        late=late_of(incident, now_ns, settings),
        steps=incident.steps,
    )


def facts(view: View, place: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Yield what is known of an incident, a name and a value each; what is not known is left out."""

    def at(at_ns: int | None) -> str:
        return "" if at_ns is None else in_zone(at_ns, place)

    affected = "not known how many" if view.affected is None else counted(view.affected, "individual")
    yield "stage", view.stage
    yield "kind", view.kind
    yield "severity", view.severity
    yield "owner", view.owner or "nobody"
    yield "opened by", view.by
    yield "aware since", at(view.aware_ns)
    for one in view.due:
        span = f"overdue by {left(one.left_ns)}" if one.is_overdue else f"{left(one.left_ns)} left"
        yield "due", f"{at(one.due_ns)} {WHAT[one.deadline]}: {span}"
    for late in view.late:
        yield "late", f"{late.what} ({at(late.due_ns)})"
    yield "customer information", view.customer_information
    yield "information", view.information
    yield "harm", view.harm
    yield "ground", view.ground
    yield "affected", f"{affected}; {view.told:,} told" if view.customer_information != "no" else ""
    for batch in view.batches:
        yield "told", f"{batch.batch}: {counted(batch.count, 'individual')}, {at(batch.sent_ns)}"
    yield "all told", view.all_told
    yield "began", at(view.occurred_from_ns)
    yield "ended", at(view.occurred_to_ns)
    yield "classes", ", ".join(view.classes)
    yield "systems", ", ".join(view.systems)
    yield "service provider", view.provider
    yield "provider aware", at(view.provider_aware_ns)
    yield "provider told us", at(view.provider_told_ns) + _took(view)
    yield "detail", view.detail
    for measure in view.measures:
        yield "contained", measure
    yield "outcome", view.outcome
    yield "closed", at(view.closed_ns)


def _took(view: View) -> str:
    """Return how long the service provider took to tell the firm; nothing where that is not known."""
    if view.provider_aware_ns is None or view.provider_told_ns is None:
        return ""
    return f", {left(view.provider_told_ns - view.provider_aware_ns)} after it became aware"


def tag_of(act: IncidentAct) -> str:
    """Return what an act is called in the log."""
    return str(act.__struct_config__.tag)


def step_line(step: Step, place: ZoneInfo) -> str:
    """Return what an act tells, but for its time and its incident: times in both zones, and who acted in a word."""
    told = ", ".join(
        f"{name.removesuffix('_ns')} {_said(name, found, place)}"
        for name in step.act.__struct_fields__
        if name not in {"at_ns", "incident"} and (found := getattr(step.act, name)) not in (None, "", (), [])
    )
    return told if step.counts else f"{told} (had no effect: another step came first)"


def _said(name: str, found: object, place: ZoneInfo) -> str:
    if isinstance(found, Actor):
        here = f"{found.user} on {found.host}"
        return here if found.database_user is None else f"{found.database_user} (database) as {here}"
    if name == "before_ns" and isinstance(found, int):
        return left(found) if found else "none, it is over"
    if name.endswith("_ns") and isinstance(found, int):
        return in_zone(found, place)
    if isinstance(found, list | tuple):
        return "; ".join(map(str, found))
    return value(found)
