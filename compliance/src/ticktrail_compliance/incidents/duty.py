"""Attend to incidents while a feed runs: open those that its records are, and remind of what is due.

Owns: when a feed looks for incidents, and that nobody is reminded twice.
Never: stands on the path of a tick; it runs in the log's own thread, after what it looks at was sealed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ticktrail.errors import ConfigError
from ticktrail.plugin import Record
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acts import Act, actor_here
from ticktrail_compliance.acts.incidents import IncidentOpened
from ticktrail_compliance.incidents.deadlines import due
from ticktrail_compliance.incidents.register import INCIDENT_CLASS, Register, register_of
from ticktrail_compliance.incidents.reminding import reminders, told
from ticktrail_compliance.incidents.texts import clipped
from ticktrail_compliance.incidents.watch import BY, Watch
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import load_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.recording.duty import Recording
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Handling", "Ruling"]


class Handling:
    """The duty of a feed about incidents.

    Args:
        feed: The feed's name.
    """

    def __init__(self, feed: str) -> None:
        self._register = Register()
        self._watch = Watch(feed, actor_here())
        self._waiting: list[IncidentOpened] = []
        self._at_start = True

    def see(self, records: Iterable[Record | Act], now_ns: int) -> bool:
        """Look at what was sealed, and tell whether `attend` has to see to something at once."""
        tolerated = self._register.settings.clock_breaches
        found = list(self._watch.see(records, now_ns, tolerated))
        self._waiting.extend(found)
        return bool(found)

    def attend(self, recording: Recording) -> Iterator[str]:
        """Open what is to be opened, remind of what is due, and yield what whoever runs the feed is to be told.

        At the start of a feed that is all that is overdue, whoever was reminded of it before.

        Raises:
            AuditError: The log cannot be written.
        """
        register, now_ns = self._register, recording.now_ns
        register.catch_up(recording.log)
        yield from _open(self._waiting, register, recording)
        self._waiting.clear()
        found = list(reminders(register.open, now_ns, register.settings))
        if found:
            recording.record(INCIDENT_CLASS, *(act for act, _ in found))
            register.catch_up(recording.log)
        shown = [one for _, one in found]
        if self._at_start:
            overdue = [one for one in due(register.open, now_ns, register.settings) if one.is_overdue]
            shown = [*overdue, *(one for one in shown if one not in overdue)]
            self._at_start = False
        for one in shown:
            yield told(one, register.settings)


class Ruling:
    """The duty, once, to see that a feed does not run under a policy that keeps less than its rules ask.

    Args:
        feed: The feed's name.
        policy_file: The policy that it is to run under; None: whichever the log says.
    """

    def __init__(self, feed: str, policy_file: Path | None) -> None:
        self._feed = feed
        self._policy_file = policy_file
        self._at_start = True

    def attend(self, recording: Recording) -> Iterator[str]:
        """Open an incident where it would, and yield what whoever runs the feed is to be told.

        Raises:
            AuditError: The log cannot be written.
        """
        if not self._at_start:
            return
        self._at_start = False
        policy = self._policy(recording.log)
        found = () if policy is None else faults(policy)
        if policy is None or not found:
            return
        act = IncidentOpened(
            at_ns=recording.now_ns,
            actor=actor_here(),
            by=BY,
            kind="policy_breach",
            severity="high",
            subject="policy",
            title=clipped(f"The policy of {policy.firm} is below a minimum that it declares", "title"),
            detail=clipped(f"Feed {self._feed}: {'; '.join(found)}", "detail"),
            aware_ns=recording.now_ns,
            customer_information="no",
        )
        yield from _open([act], register_of(recording.log), recording)

    def _policy(self, log: AuditLog) -> Policy | None:
        """Return the policy that the feed is to run under."""
        if self._policy_file is None:
            return register_of(log).policy
        try:
            return load_policy(self._policy_file).policy
        except (ConfigError, OSError):  # whoever adopts it tells what is wrong
            return None


def _open(acts: Iterable[IncidentOpened], register: Register, recording: Recording) -> Iterator[str]:
    """Open incidents, one of a kind and subject at a time."""
    for act in acts:
        if register.open_of(act.kind, act.subject) is None:
            opened = msgspec.structs.replace(act, actor=actor_at(recording.log.database))
            number = recording.record(INCIDENT_CLASS, opened)
            register.catch_up(recording.log)
            yield f"incident {number} was opened: {act.title}; `ticktrail incident show` tells more"
