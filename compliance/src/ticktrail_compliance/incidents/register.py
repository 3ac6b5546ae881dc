"""Compute all incidents of a log from its entries.

Owns: which acts belong to which incident, and how far the log was read.
Never: keeps anything that is not in the log. An entry that cannot be read is passed over and counted: the register is
needed most when a log is damaged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from ticktrail.errors import AuditError
from ticktrail_compliance.acts import PolicyAdopted
from ticktrail_compliance.acts.incidents import IncidentAct, IncidentKind, IncidentOpened
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.destroyed import DestroyedKeys
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident, after, begun
from ticktrail_compliance.policy.adopted import POLICY_CLASS
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import Range, conditions, entry_of, open_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.store.log import AuditLog

__all__ = ["INCIDENT_CLASS", "Register", "register_of"]

INCIDENT_CLASS: EntryClass = "incident"
"""Of the entries that tell of incidents."""

_ACTS = get_args(IncidentAct)
_WANTED = frozenset({INCIDENT_CLASS, POLICY_CLASS})


class Register:
    """The incidents of a log.

    Attributes:
        unreadable: Entries of incidents that cannot be read, though no rule destroyed them.
        destroyed: Entries of incidents whose contents were destroyed by rule.
    """

    def __init__(self) -> None:
        self.unreadable = 0
        self.destroyed = 0
        self._incidents: dict[int, Incident] = {}
        self._policy: Policy | None = None
        self._seq = 0

    @property
    def incidents(self) -> Mapping[int, Incident]:
        """Every incident by its number, in order."""
        return self._incidents

    @property
    def policy(self) -> Policy | None:
        """The policy in force; None where none was adopted, or this program cannot read it."""
        return self._policy

    @property
    def settings(self) -> IncidentSettings:
        """How the firm handles incidents: by its policy, or else by the limits of the rule."""
        return IncidentSettings() if self._policy is None else self._policy.incidents

    @property
    def open(self) -> Sequence[Incident]:
        """The incidents that are not closed, in order."""
        return [one for one in self._incidents.values() if one.closed is None]

    def open_of(self, kind: IncidentKind, subject: str) -> Incident | None:
        """Return the open incident of a kind and subject; None where there is none."""
        return next(
            (one for one in self.open if (one.opened.kind, one.opened.subject) == (kind, subject)), None
        )

    def take(self, seq: int, act: IncidentAct) -> None:
        """Take an act, in the order of the log; one of an incident that is not known says nothing."""
        if isinstance(act, IncidentOpened):
            self._incidents[seq] = begun(seq, act)
        elif (incident := self._incidents.get(act.incident)) is not None:
            self._incidents[act.incident] = after(incident, seq, act)

    def catch_up(self, log: AuditLog) -> None:
        """Take what was added to the log since the last time.

        Raises:
            AuditError: The database failed.
        """
        for seq, record in self._new(log):
            if isinstance(record, _ACTS):
                self.take(seq, record)
            elif isinstance(record, PolicyAdopted):
                try:
                    self._policy = parse_policy(record.text)
                except AuditError:  # of a newer program: the limits of the rule hold
                    self._policy = None

    def _new(self, log: AuditLog) -> Iterator[tuple[int, StoredRecord]]:
        gone = DestroyedKeys(log)
        for row in log.rows(self._seq + 1, None, conditions(Range(classes=_WANTED))):
            self._seq = row.seq
            try:
                records = open_records(entry_of(log.log_id, row), log.keys.find)
            except (Unsealed, ValueError):
                if row.entry_class == INCIDENT_CLASS:
                    if isinstance(row.key_id, int) and gone.at_all(row.key_id):
                        self.destroyed += 1
                    else:
                        self.unreadable += 1
                continue
            for record in records:
                yield row.seq, record


def register_of(log: AuditLog) -> Register:
    """Return the register of a log, as far as it goes now.

    Raises:
        AuditError: The database failed.
    """
    register = Register()
    register.catch_up(log)
    return register
