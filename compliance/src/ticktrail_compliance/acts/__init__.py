"""Say what was done with the log and for the firm's programme: records beside those of the feed."""

from __future__ import annotations

from typing import TypeAlias

from ticktrail_compliance.acts.access import Accessed, AccessRefused
from ticktrail_compliance.acts.base import ActBase, Actor, actor_here
from ticktrail_compliance.acts.checks import ChecksRun, ControlResult, LogVerified
from ticktrail_compliance.acts.evidence import EvidencePacked
from ticktrail_compliance.acts.incidents import (
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
)
from ticktrail_compliance.acts.log import (
    KeysDestroyed,
    KeysRewrapped,
    LogExported,
    PredecessorNamed,
    SpoolCaughtUp,
    TailSealed,
    WriterOpened,
)
from ticktrail_compliance.acts.oversight import ProviderReviewed
from ticktrail_compliance.acts.policy import PolicyAdopted
from ticktrail_compliance.acts.retention import (
    DestructionWithheld,
    HoldLifted,
    HoldPlaced,
    PlannedKeys,
    RetentionApplied,
    RetentionApproved,
    RetentionPlanned,
)

__all__ = [
    "AccessRefused",
    "Accessed",
    "Act",
    "ActBase",
    "Actor",
    "ChecksRun",
    "ControlResult",
    "DestructionWithheld",
    "EvidencePacked",
    "HoldLifted",
    "HoldPlaced",
    "IncidentAct",
    "IncidentAssessed",
    "IncidentAssigned",
    "IncidentClosed",
    "IncidentContained",
    "IncidentEntriesAttached",
    "IncidentFileAttached",
    "IncidentNotified",
    "IncidentOpened",
    "IncidentReminded",
    "KeysDestroyed",
    "KeysRewrapped",
    "LogExported",
    "LogVerified",
    "PlannedKeys",
    "PolicyAdopted",
    "PredecessorNamed",
    "ProviderReviewed",
    "RetentionApplied",
    "RetentionApproved",
    "RetentionPlanned",
    "SpoolCaughtUp",
    "TailSealed",
    "WriterOpened",
    "actor_here",
]

Act: TypeAlias = (
    WriterOpened
    | TailSealed
    | SpoolCaughtUp
    | KeysRewrapped
    | KeysDestroyed
    | LogExported
    | PredecessorNamed
    | PolicyAdopted
    | Accessed
    | AccessRefused
    | ProviderReviewed
    | LogVerified
    | ChecksRun
    | EvidencePacked
    | IncidentAct
    | HoldPlaced
    | HoldLifted
    | RetentionPlanned
    | RetentionApproved
    | DestructionWithheld
    | RetentionApplied
)
