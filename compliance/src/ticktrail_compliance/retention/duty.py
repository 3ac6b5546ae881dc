"""Apply retention in a feed's process, at the policy's time of day.

Owns: when it is time, that a day without a feed is made up for, and how long a feed is kept from recording for it.
Never: stops a feed because something could not be destroyed: that is told, and tried again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.acts import Act, PolicyAdopted, RetentionApplied
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.told import Told
from ticktrail_compliance.retention.applying import Applied, apply
from ticktrail_compliance.retention.due import DAY_NS
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted

if TYPE_CHECKING:
    from ticktrail_compliance.recording.duty import Recording

__all__ = ["Applying"]

FAILED = "retention_failed"
"""The name of what is told."""
SLICE_S = 1.0
"""How long a feed is kept from recording in one go; what is left waits for the next turn."""


class Applying:
    """The duty; see `ticktrail_compliance.recording.duties.Duty`."""

    def __init__(self) -> None:
        self._seen = 0
        self._policy: Policy | None = None
        self._done_ns: int | None = None
        self._rests_until_ns = 0
        self._has_failed = False
        self._steps: Iterator[Applied] | None = None
        self._last: Applied | None = None
        self._writing: _Writing | None = None

    def attend(self, recording: Recording) -> Iterable[Told]:
        """Do what is due, some of it in each turn; say once what was done, or why it was not.

        Raises:
            AuditError: The log cannot be written.
        """
        writing = self._writing = self._writing or _Writing(recording)
        writing.recording, writing.failed = recording, False
        if recording.now_ns < self._rests_until_ns:
            return ()
        try:
            steps = self._steps = self._steps or self._begun(writing)
            done = None if steps is None else self._some(steps)
        except (AuditError, ConfigError) as exc:
            self._steps = None
            if writing.failed:
                raise
            self._rests_until_ns = recording.now_ns + DAY_NS
            self._has_failed = True
            return (Told(FAILED, f"retention was not applied, and is tried again in a day: {exc}"),)
        if done is None:
            return ()
        told: list[Told] = []
        if self._has_failed:
            self._has_failed = False
            told.append(Told(FAILED, "retention was applied again", severity="information", is_over=True))
        if done.seq:
            keys = counted(done.destroyed.keys, "key")
            text = f"retention: {keys} destroyed, {counted(done.content_bytes, 'byte')} of ciphertext removed"
            told.append(Told("retention_applied", text, severity="information"))
        return told

    def _begun(self, writing: _Writing) -> Iterator[Applied] | None:
        """Return the steps to go where it is time; None: it is not."""
        self._look(writing.log)
        schedule = None if self._policy is None else self._policy.retention_schedule
        time_ns = None if schedule is None else schedule.last_ns(writing.now_ns())
        if time_ns is None or (self._done_ns is not None and self._done_ns >= time_ns):
            return None
        self._done_ns = time_ns
        return apply(writing, writing.now_ns, whole=False, open_entries=False)

    def _some(self, steps: Iterator[Applied]) -> Applied | None:
        """Go on for a moment; return what was done once all is."""
        begun = time.monotonic()
        for done in steps:
            self._last = done
            if time.monotonic() - begun >= SLICE_S:
                return None
        self._steps, last, self._last = None, self._last, None
        return last

    def _look(self, log: AuditLog) -> None:
        """Take note of what was added to the log: the policy in force, and when retention was last applied."""
        head = log.head()
        last = self._seen if head is None else head.seq
        wanted = Range(from_seq=self._seen + 1, to_seq=last, classes=frozenset({"retention"}))
        for _, record in read_records(log, wanted):
            if isinstance(record, PolicyAdopted):
                self._policy = parse_policy(record.text)
            elif isinstance(record, RetentionApplied):
                self._done_ns = max(self._done_ns or record.at_ns, record.at_ns)
        self._seen = last


class _Writing:
    """The feed's log, as retention writes to it; whether that failed is remembered: the feed must know."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.failed = False

    @property
    def log(self) -> AuditLog:
        """The log."""
        return self.recording.log

    def now_ns(self) -> int:
        """Return the time of this turn."""
        return self.recording.now_ns

    def record(self, entry_class: EntryClass, *acts: Act) -> int:
        """Add an entry for each act."""
        try:
            return self.recording.record(entry_class, *acts)
        except AuditError:
            self.failed = True
            raise
