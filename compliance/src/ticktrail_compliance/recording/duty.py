"""Say what a duty is, and how it sees the log of a feed that runs.

Owns: what each duty is given.
Never: attends to one; `ticktrail_compliance.recording.duties` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ticktrail_compliance.acts import Act
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.told import Told
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Duty", "Recording"]


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

    def attend(self, recording: Recording) -> Iterable[Told]:
        """Do what is due, and return what is to be told.

        Raises:
            ConfigError: At the start alone: something is set so that the feed must not run.
            AuditError: The log cannot be written.
        """
