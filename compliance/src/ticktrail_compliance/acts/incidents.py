"""Say what was done about an incident: one frozen Struct a step.

Owns: what each step tells. An incident is named by the number of the entry that opened it.
Never: decides whether a step may be taken; `ticktrail_compliance.incidents.state` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from ticktrail_compliance.acts.base import ActBase, Actor
from ticktrail_compliance.classes import EntryClass

__all__ = [
    "Audience",
    "CustomerInformation",
    "Deadline",
    "Harm",
    "IncidentAct",
    "IncidentAssessed",
    "IncidentAssigned",
    "IncidentClosed",
    "IncidentContained",
    "IncidentEntriesAttached",
    "IncidentFileAttached",
    "IncidentKind",
    "IncidentNotified",
    "IncidentOpened",
    "IncidentReminded",
    "Severity",
]

IncidentKind: TypeAlias = Literal[
    "unauthorized_access",
    "service_provider",
    "log_integrity",
    "key_misuse",
    "venue_authentication",
    "policy_breach",
    "clock",
    "availability",
    "other",
]
"""What happened, in one word."""

Severity: TypeAlias = Literal["low", "medium", "high", "critical"]

CustomerInformation: TypeAlias = Literal["yes", "no", "unknown"]
"""Whether customer information is involved; what nobody has looked at is ``unknown``."""

Harm: TypeAlias = Literal["likely", "not_likely", "unknown"]
"""Whether substantial harm or inconvenience to somebody is reasonably likely."""

Audience: TypeAlias = Literal["individuals", "provider", "regulator"]
"""Who is told: those affected, a service provider, a regulator."""

Deadline: TypeAlias = Literal["individuals", "provider_notice"]
"""What must be done by a time: tell those affected; be told by a service provider."""


class IncidentOpened(ActBase, frozen=True, tag="incident_opened"):
    """Somebody became aware of an incident.

    Attributes:
        actor: In whose process it was opened.
        by: Who opened it: a person, or ``ticktrail`` by itself.
        kind: What happened.
        severity: How bad it looks.
        subject: What it is about, in a word: of one kind and subject ticktrail opens one incident at a time.
        title: It in a sentence.
        detail: It in more.
        owner: Who sees to it.
        aware_ns: When the firm became aware of it; the clocks run from here.
        occurred_from_ns: When it began, as far as known.
        occurred_to_ns: When it ended, as far as known.
        classes: The classes of entries that it touches.
        systems: The systems that it touches.
        customer_information: Whether customer information is involved.
        provider: The service provider at which it happened.
        provider_aware_ns: When that provider became aware of it.
        provider_told_ns: When that provider told the firm.
    """

    actor: Actor
    by: str
    kind: IncidentKind
    severity: Severity
    subject: str
    title: str
    aware_ns: int
    detail: str = ""
    owner: str = ""
    occurred_from_ns: int | None = None
    occurred_to_ns: int | None = None
    classes: Sequence[EntryClass] = ()
    systems: Sequence[str] = ()
    customer_information: CustomerInformation = "unknown"
    provider: str = ""
    provider_aware_ns: int | None = None
    provider_told_ns: int | None = None


class IncidentAssessed(ActBase, frozen=True, tag="incident_assessed"):
    """Somebody looked into nature and scope; the last word counts, and what an assessment leaves out stays as it was.

    Attributes:
        incident: Which.
        actor: Who.
        customer_information: Whether customer information is involved; None: as it was.
        harm: Whether harm is reasonably likely; None: as it was.
        ground: Why, with what was investigated.
        affected: How many individuals are affected; None: as it was.
        information: What information of theirs, in general terms.
        severity: How bad it is.
        occurred_from_ns: When it began.
        occurred_to_ns: When it ended.
        classes: The classes of entries that it touches.
        systems: The systems that it touches.
        provider_aware_ns: When the service provider became aware of it.
        provider_told_ns: When it told the firm.
    """

    incident: int
    actor: Actor
    customer_information: CustomerInformation | None = None
    harm: Harm | None = None
    ground: str = ""
    affected: int | None = None
    information: str = ""
    severity: Severity | None = None
    occurred_from_ns: int | None = None
    occurred_to_ns: int | None = None
    classes: Sequence[EntryClass] = ()
    systems: Sequence[str] = ()
    provider_aware_ns: int | None = None
    provider_told_ns: int | None = None


class IncidentContained(ActBase, frozen=True, tag="incident_contained"):
    """What was done so that it goes no further, and does not happen again."""

    incident: int
    actor: Actor
    measures: str


class IncidentNotified(ActBase, frozen=True, tag="incident_notified"):
    """A person says that a notice was sent.

    Attributes:
        incident: Which.
        actor: Who says so.
        audience: Who was told.
        sent_ns: When.
        count: To how many.
        text_sha256: The hash of its text, in hexadecimal digits.
        recipients: To whom, in words.
        batch: The list of individuals, by the name that the firm has for it: the same one counts once, with the count
            that was said last.
        all_told: Why it is known that all those affected were told, where nobody knows how many they are; empty: that
            is not said.
    """

    incident: int
    actor: Actor
    audience: Audience
    sent_ns: int
    count: int
    text_sha256: str
    recipients: str = ""
    batch: str = ""
    all_told: str = ""


class IncidentAssigned(ActBase, frozen=True, tag="incident_assigned"):
    """Somebody else sees to it from now on."""

    incident: int
    actor: Actor
    owner: str


class IncidentFileAttached(ActBase, frozen=True, tag="incident_file_attached"):
    """A file is evidence: its name, bytes and hash. The file itself is kept elsewhere."""

    incident: int
    actor: Actor
    name: str
    size: int
    sha256: str
    note: str = ""


class IncidentEntriesAttached(ActBase, frozen=True, tag="incident_entries_attached"):
    """Entries of this log are evidence, by their numbers, both ends within."""

    incident: int
    actor: Actor
    from_seq: int
    to_seq: int
    note: str = ""


class IncidentReminded(ActBase, frozen=True, tag="incident_reminded"):
    """Whoever runs the feed was reminded of a deadline: `before_ns` ahead of it, 0: it is over."""

    incident: int
    deadline: Deadline
    due_ns: int
    before_ns: int


class IncidentClosed(ActBase, frozen=True, tag="incident_closed"):
    """It is over; `outcome` says what came of it and what was learnt."""

    incident: int
    actor: Actor
    outcome: str


IncidentAct: TypeAlias = (
    IncidentOpened
    | IncidentAssessed
    | IncidentContained
    | IncidentNotified
    | IncidentAssigned
    | IncidentFileAttached
    | IncidentEntriesAttached
    | IncidentReminded
    | IncidentClosed
)
"""Every act of an incident."""
