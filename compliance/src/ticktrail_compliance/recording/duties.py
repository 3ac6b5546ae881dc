"""Do for the firm's programme what a feed's process does beside recording.

Owns: when each is attended to: at the start of the feed, and every minute while it runs and the log can be written.
Never: does one itself; each has its room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ticktrail.plugin import Record
from ticktrail_compliance.acts import Act
from ticktrail_compliance.incidents.duty import Handling, Ruling
from ticktrail_compliance.oversight.duty import Reminding
from ticktrail_compliance.policy.adopted import ACKNOWLEDGE, adopt
from ticktrail_compliance.policy.loading import load_policy
from ticktrail_compliance.recording.duty import Duty, Recording
from ticktrail_compliance.retention.duty import Applying
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.appender import Appender

__all__ = ["EVERY_S", "Duties", "Duty", "Recording"]

EVERY_S = 60.0
"""How often duties are attended to while a feed runs: deadlines are of hours and days."""


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
        told = f"the policy of {loaded.policy.firm} ({path}) is in force"
        if loaded.policy.people > 1:
            return (told,)
        return (f"{told}; under people = 1 nothing is destroyed before somebody runs {ACKNOWLEDGE}",)


class Duties:
    """All duties of a feed.

    Args:
        settings: The feed's.
        base_dir: The feed file's folder.
        feed: Its name.
    """

    def __init__(self, settings: ComplianceSettings, base_dir: Path, feed: str) -> None:
        self._base_dir = base_dir
        self._handling = Handling(feed)
        policy_file = None if settings.policy is None else base_dir / settings.policy
        self._duties: Sequence[Duty] = (
            Ruling(feed, policy_file),  # first: under such a policy the feed does not start
            *(() if policy_file is None else (Adopting(policy_file),)),
            self._handling,
            Reminding(),
            Applying(),
        )

    def attend(self, appender: Appender, now_ns: int, warn: Callable[[str], None]) -> None:
        """Attend to each in turn.

        Raises:
            ConfigError: At the start alone: something is set so that the feed must not run.
            AuditError: The log cannot be written.
        """
        self._attend(self._duties, appender, now_ns, warn)

    def see(self, records: Iterable[Record | Act], now_ns: int) -> bool:
        """Look at events that were sealed, and tell whether `attend_to_seen` is to be called for them."""
        return self._handling.see(records, now_ns)

    def attend_to_seen(self, appender: Appender, now_ns: int, warn: Callable[[str], None]) -> None:
        """Attend at once to what was seen.

        Raises:
            AuditError: The log cannot be written.
        """
        self._attend((self._handling,), appender, now_ns, warn)

    def _attend(
        self, duties: Iterable[Duty], appender: Appender, now_ns: int, warn: Callable[[str], None]
    ) -> None:
        recording = Recording(appender.log, appender, now_ns, self._base_dir)
        for duty in duties:
            for told in duty.attend(recording):
                warn(told)
