"""Say in the log that it was verified.

Owns: when that is recorded: under a policy, by whoever may write to the log.
Never: verifies, or lets a verification fail since it cannot be recorded.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.acting import noting, see_that_it_goes_on
from ticktrail_compliance.acts import LogVerified, actor_here
from ticktrail_compliance.naming import Named
from ticktrail_compliance.policy.adopted import adopted
from ticktrail_compliance.verify.outcome import Verified

__all__ = ["record_verified"]


def record_verified(named: Named, found: Verified, anchors: Sequence[Path] = ()) -> str | None:
    """Record the outcome of a verification, where a policy is in force.

    Args:
        named: The log.
        found: The outcome.
        anchors: What it was held against: a log that one of them contradicts is left as it is.

    Returns:
        Why it could not be recorded, though it should be; None where it was, or where no policy asks for it.
    """
    try:
        with named.open() as log:
            if adopted(log) is None:
                return None
    except (AuditError, ConfigError):
        return None  # a log that cannot be read is a finding already
    try:
        see_that_it_goes_on(named, anchors)
        with noting(named) as open_log:
            act = LogVerified(
                at_ns=time.time_ns(),
                actor=actor_here(),
                sound=found.sound,
                mode="quick" if found.quick else "full",
                size=found.entries,
                findings=len(found.findings),
                head=found.head or "",
            )
            open_log.record("access", act)
    except (AuditError, ConfigError) as exc:
        return str(exc)
    return None
