"""Gather what several controls look at: settings, policy, the feed's last run, and what was done with the log.

Owns: one reading of each, so that all controls speak of the same moment.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.access.unread import unread
from ticktrail_compliance.acts import KeysRewrapped, LogVerified, PolicyAdopted, ProviderReviewed
from ticktrail_compliance.checks.settings import CheckSettings
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.finding.writers import Opening, opening_of
from ticktrail_compliance.naming import Named
from ticktrail_compliance.oversight.feedfile import FeedFacts, load_facts
from ticktrail_compliance.oversight.running import LastRun, last_run
from ticktrail_compliance.policy.adopted import adopted
from ticktrail_compliance.policy.loading import parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import MissingKeyError, Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.log import AuditLog

__all__ = ["Facts", "gather"]

R = TypeVar("R")

TOLERANCE_NS = 60 * 10**9
"""By how much the clocks of machines that write evidence may differ."""


KEPT = (KeysRewrapped, LogVerified, ProviderReviewed)
"""The kinds of acts that a control looks at: who read what may be a million entries, and is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when the controls are looked at.

    Attributes:
        named: The log, by its settings.
        feed: What the feed file says.
        now_ns: The present, UTC nanoseconds.
        log: Open to be read; None where it cannot be.
        unopened: Why it cannot be opened or read.
        act: How the policy in force was adopted; None where none is.
        policy: That policy.
        policy_unread: Why nobody can tell which it is; empty where that can be told.
        run: The feed's last run; None where it never ran.
        acts: What was done with the log, by entry: of the kinds `KEPT`.
    """

    named: Named
    feed: FeedFacts
    now_ns: int
    log: AuditLog | None = None
    unopened: str = ""
    act: PolicyAdopted | None = None
    policy: Policy | None = None
    policy_unread: str = ""
    run: LastRun | None = None
    acts: Sequence[tuple[int, StoredRecord]] = field(default_factory=list)

    @property
    def settings(self) -> ComplianceSettings:
        """The ``[compliance]`` table of the feed file."""
        return self.named.settings

    @property
    def base_dir(self) -> Path:
        """The feed file's folder."""
        return self.named.base_dir

    @property
    def checks(self) -> CheckSettings:
        """What the policy says of checks, or its defaults."""
        return CheckSettings() if self.policy is None else self.policy.checks

    @property
    def opened(self) -> AuditLog:
        """The log, for a control that needs it."""
        if self.log is None:
            raise RuntimeError("a control that needs the log was looked at without one")
        return self.log

    @property
    def is_production(self) -> bool:
        """Whether the feed's last run was one of production."""
        return (
            self.run is not None
            and self.run.started is not None
            and self.run.started[1].profile == "production"
        )

    def told(self, kind: type[R]) -> Iterator[tuple[int, R]]:
        """Yield the events of a kind of the feed's last run, each with its entry."""
        for seq, one in () if self.run is None else self.run.events:
            if isinstance(one, kind):
                yield seq, one

    def done(self, kind: type[R]) -> Iterator[tuple[int, R]]:
        """Yield the acts of a kind, each with its entry."""
        for seq, one in self.acts:
            if isinstance(one, kind):
                yield seq, one

    def is_to_come(self, at_ns: int) -> bool:
        """Tell whether a moment lies ahead, by more than clocks differ: it is no evidence of anything done."""
        return at_ns > self.now_ns + TOLERANCE_NS

    def hours_since(self, at_ns: int) -> float:
        """Return how many hours ago a moment was."""
        return (self.now_ns - at_ns) / 3.6e12


def gather(named: Named, feed_file: Path, now_ns: int, log: AuditLog | None, unopened: str = "") -> Facts:
    """Return the facts of one moment.

    Args:
        named: The log, by its settings.
        feed_file: The feed file.
        now_ns: The present.
        log: Open to be read; None where it cannot be.
        unopened: Why.

    Raises:
        ConfigError: The feed file cannot be read.
    """
    feed = load_facts(feed_file)
    if log is None:
        return Facts(named=named, feed=feed, now_ns=now_ns, unopened=unopened)
    try:
        try:
            act, policy_unread = adopted(log), ""
        except MissingKeyError as exc:  # what needs no policy is looked at all the same
            act, policy_unread = None, unread(exc)
        acts, openings = _acts(log)
        return Facts(
            named=named,
            feed=feed,
            now_ns=now_ns,
            log=log,
            act=act,
            policy_unread=policy_unread,
            policy=None if act is None else parse_policy(act.text),
            run=last_run(log, feed.name, openings),
            acts=acts,
        )
    except (AuditError, ConfigError) as exc:
        return Facts(named=named, feed=feed, now_ns=now_ns, unopened=str(exc))


def _acts(log: AuditLog) -> tuple[Sequence[tuple[int, StoredRecord]], Sequence[Opening]]:
    """Return the acts that are looked at, and how each feed began to write: read once for all controls.

    Raises:
        AuditError: The log cannot be read.
    """
    acts: list[tuple[int, StoredRecord]] = []
    openings: list[Opening] = []
    wanted = Range(classes=frozenset({"access"}))
    for header, one in read_records(log, wanted, LeftOut(log).passes_over):
        if isinstance(one, KEPT):
            acts.append((header.seq, one))
        elif (opening := opening_of(header, one)) is not None:
            openings.append(opening)
    return acts, openings
