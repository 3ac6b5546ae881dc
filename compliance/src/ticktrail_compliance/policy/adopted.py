"""Find the policy that is in force, in the log itself, and put another one into force.

Owns: which policy counts: the last one that the log tells of.
Never: goes by a file that the log does not know: whoever could change it would change the rules.
"""

from __future__ import annotations

from collections.abc import Callable

from ticktrail.errors import ConfigError
from ticktrail_compliance.acts import Act, PolicyAdopted, actor_here
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import LoadedPolicy, parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store.log import AuditLog

__all__ = ["POLICY_CLASS", "adopt", "adopted", "policy_in_force"]

POLICY_CLASS: EntryClass = "retention"
"""Of the entries that tell of a policy: they are never destroyed."""


def adopted(log: AuditLog) -> PolicyAdopted | None:
    """Return the act by which the policy in force was adopted; None where there is none.

    Raises:
        AuditError: The log cannot be read.
    """
    found: PolicyAdopted | None = None
    for _, record in read_records(log, Range(classes=frozenset({POLICY_CLASS}))):
        if isinstance(record, PolicyAdopted):
            found = record
    return found


def policy_in_force(log: AuditLog) -> Policy | None:
    """Return the policy in force; None where none was ever adopted.

    Raises:
        AuditError: The log cannot be read, or holds a policy that this program cannot read.
    """
    act = adopted(log)
    return None if act is None else parse_policy(act.text)


def adopt(
    log: AuditLog, loaded: LoadedPolicy, at_ns: int, record: Callable[[EntryClass, Act], object]
) -> bool:
    """Put a policy into force, unless it is already; returns whether it was another one before.

    Args:
        log: Open to be written.
        loaded: The policy, and its file.
        at_ns: The present.
        record: Adds an entry of a class to the log.

    Raises:
        ConfigError: It keeps something for less than a rule asks that it declares applicable.
        AuditError: The log failed.
    """
    found = faults(loaded.policy)
    if found:
        raise ConfigError("the policy is not adopted: " + "; ".join(found))
    before = adopted(log)
    if before is not None and before.sha256 == loaded.sha256:
        return False
    act = PolicyAdopted(
        at_ns=at_ns,
        actor=actor_here(),
        firm=loaded.policy.firm,
        sha256=loaded.sha256,
        text=loaded.text,
    )
    record(POLICY_CLASS, act)
    return True
