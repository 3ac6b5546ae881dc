"""Do for the firm's programme what a feed's process does beside recording.

Owns: when each is attended to: at the start of the feed, and every minute while it runs and the log can be written.
Never: does one itself; each has its room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ticktrail_compliance.acts import Act
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.oversight.duty import Reminding
from ticktrail_compliance.policy.adopted import adopt
from ticktrail_compliance.policy.loading import load_policy
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.log import AuditLog

__all__ = ["EVERY_S", "Duties", "Duty", "Recording"]

EVERY_S = 60.0
"""How often duties are attended to while a feed runs: deadlines are of hours and days."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The log of a feed that runs, as a duty sees it.

    Attributes:
        log: To be read.
        appender: To write with; `record` is enough for an act.
        now_ns: The present, UTC nanoseconds, by the feed's clock.
        base_dir: The feed file's folder.
    """

    log: AuditLog
    appender: Appender
    now_ns: int
    base_dir: Path

    def record(self, entry_class: EntryClass, *acts: Act) -> int:
        """Add one entry for each act, all or none, and return the number of the last.

        Raises:
            AuditError: The log cannot be written.
        """
        entries = self.appender.append([gathered_act(entry_class, act).draft() for act in acts])
        return entries[-1].header.seq


class Duty(Protocol):
    """Something that a feed's process does for the programme beside recording; blocking, in the log's own thread."""

    def attend(self, recording: Recording) -> Iterable[str]:
        """Do what is due, and return what the person who runs the feed is to be told.

        Raises:
            ConfigError: At the start alone: something is set so that the feed must not run.
            AuditError: The log cannot be written.
        """


class Adopting:
    """Put the feed's policy into force at its start.

    Args:
        policy_file: The policy.
    """

    def __init__(self, policy_file: Path) -> None:
        self._policy_file: Path | None = policy_file

    def attend(self, recording: Recording) -> Iterable[str]:
        """Adopt it, once."""
        path, self._policy_file = self._policy_file, None
        if path is None:
            return ()
        loaded = load_policy(path)
        if not adopt(recording.log, loaded, recording.now_ns, recording.record):
            return ()
        return (f"the policy of {loaded.policy.firm} ({path}) is in force",)


class Duties:
    """All duties of a feed.

    Args:
        settings: The feed's.
        base_dir: The feed file's folder.
    """

    def __init__(self, settings: ComplianceSettings, base_dir: Path) -> None:
        self._base_dir = base_dir
        self._duties: Sequence[Duty] = (
            *(() if settings.policy is None else (Adopting(base_dir / settings.policy),)),
            Reminding(),
        )

    def attend(self, appender: Appender, now_ns: int, warn: Callable[[str], None]) -> None:
        """Attend to each in turn.

        Raises:
            ConfigError: At the start alone: something is set so that the feed must not run.
            AuditError: The log cannot be written.
        """
        recording = Recording(appender.log, appender, now_ns, self._base_dir)
        for duty in self._duties:
            for told in duty.attend(recording):
                warn(told)
