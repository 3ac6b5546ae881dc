"""Hold a firm's policy file: its keys, defaults and bounds.

Owns: the tables under ``[compliance]`` of a policy file, each in the room of what it governs.
Never: reads a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, field

from ticktrail.plugin import Settings
from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.checks.settings import CheckSettings
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.oversight.settings import ServiceProvider
from ticktrail_compliance.policy.regulations import RegulationId
from ticktrail_compliance.retention.settings import RetentionSchedule

__all__ = ["DEFAULT_KEEP_DAYS", "Policy", "RetentionRule"]

DEFAULT_KEEP_DAYS = 2_555
"""How long is kept what the policy says nothing of: seven years of 365 days. A policy, which no rule asks for."""


class RetentionRule(Settings, frozen=True):
    """How long the entries of a class are kept, and what then.

    Attributes:
        keep_days: Whole days after the end of the month in which they were sealed.
        then: ``shred``: the keys of the month are destroyed; ``archive``: the same once an export of the month was
            recorded; ``keep``: nothing is destroyed.
    """

    keep_days: Annotated[int, Meta(ge=1, le=36_525)] = DEFAULT_KEEP_DAYS
    then: Literal["shred", "archive", "keep"] = "shred"


class Policy(Settings, frozen=True):
    """The policy of a firm.

    Attributes:
        firm: Whose it is.
        applicable: The rules that the firm declares applicable: nothing is kept for less than they ask.
        retention: By class of entries; a class that is missing is kept for `DEFAULT_KEEP_DAYS`, then shredded. Entries
            of class ``retention`` tell what was destroyed and are never destroyed themselves.
        providers: Who serves the firm, by name.
        checks: How old evidence may be, and where it is.
        people: How many people it takes to destroy: 1, or 2: another one than who planned it has to approve.
        incidents: How incidents are handled, and by when.
        retention_schedule: When a feed's process destroys by itself what is due.
    """

    firm: Annotated[str, Meta(min_length=1, max_length=200)]
    applicable: tuple[RegulationId, ...] = ()
    retention: Mapping[EntryClass, RetentionRule] = field(default_factory=dict)
    people: Literal[1, 2] = 1
    access: AccessSettings | None = None
    providers: Mapping[str, ServiceProvider] = field(default_factory=dict)
    checks: CheckSettings = CheckSettings()
    incidents: IncidentSettings = field(default_factory=IncidentSettings)
    retention_schedule: RetentionSchedule = RetentionSchedule()
