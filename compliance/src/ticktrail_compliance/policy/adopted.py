"""Find the policy that is in force, in the log itself, and put another one into force.

Owns: which policy counts: the last one that the log tells of; and whether it was acknowledged that one person may
destroy alone.
Never: goes by a file that the log does not know: whoever could change it would change the rules.
"""

from __future__ import annotations

from collections.abc import Callable

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.asking import ask
from ticktrail_compliance.access.identity import actor_at, person
from ticktrail_compliance.access.refusal import NotAllowedError
from ticktrail_compliance.acts import Act, PolicyAdopted
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.policy.checking import faults
from ticktrail_compliance.policy.loading import LoadedPolicy, parse_policy
from ticktrail_compliance.policy.settings import Policy
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store.log import AuditLog

__all__ = [
    "ACKNOWLEDGE",
    "POLICY_CLASS",
    "adopt",
    "adopted",
    "lets_one_destroy",
    "people_told",
    "policy_in_force",
]

POLICY_CLASS: EntryClass = "retention"
"""Of the entries that tell of a policy: they are never destroyed."""

ACKNOWLEDGE = "`ticktrail compliance policy adopt FEED.toml --one-person-may-destroy`"
"""How somebody says that one person may destroy alone."""


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


def lets_one_destroy(act: PolicyAdopted, policy: Policy) -> bool:
    """Tell whether under a policy one person may destroy alone: it says so, and whoever adopted it acknowledged it."""
    return policy.people == 1 and act.one_person_may_destroy


def people_told(act: PolicyAdopted, policy: Policy | None) -> str:
    """Return in words how many people it takes to destroy under a policy that was adopted.

    Args:
        act: By which it was.
        policy: It; None: this program cannot read it.
    """
    if policy is None:
        return "how many people it takes to destroy is not known"
    if policy.people > 1:
        return "it takes two people to destroy"
    if lets_one_destroy(act, policy):
        return f"one person may destroy alone, which {person(act.actor)} acknowledged"
    return f"people = 1 is not acknowledged, and nothing is destroyed before somebody runs {ACKNOWLEDGE}"


def adopt(
    log: AuditLog,
    loaded: LoadedPolicy,
    at_ns: int,
    record: Callable[[EntryClass, Act], object],
    *,
    one_person_may_destroy: bool = False,
) -> bool:
    """Put a policy into force, unless it is already; returns whether anything was recorded.

    Where the policy that is replaced names roles, it decides who may: otherwise whoever starts a feed under a file of
    their own could give themselves any right.

    Args:
        log: Open to be written.
        loaded: The policy, and its file.
        at_ns: The present.
        record: Adds an entry of a class to the log.
        one_person_may_destroy: Whoever adopts it acknowledges that ``people = 1`` lets one person destroy alone. A
            policy that is in force without that is adopted once more. It says nothing under ``people = 2``.

    Raises:
        ConfigError: It keeps something for less than a rule asks that it declares applicable, or its roles break the
            separation of duties.
        NotAllowedError: The policy in force does not let whoever runs this adopt another one; the log tells that they
            tried.
        AuditError: The log failed, or holds a policy that this program cannot read.
    """
    found = faults(loaded.policy)
    if found:
        raise ConfigError("the policy is not adopted: " + "; ".join(found))
    before = adopted(log)
    acknowledged = one_person_may_destroy and loaded.policy.people == 1
    if (
        before is not None
        and before.sha256 == loaded.sha256
        and before.one_person_may_destroy >= acknowledged
    ):
        return False
    if before is not None:
        _see_allowed(log, parse_policy(before.text), loaded, at_ns, record)
    act = PolicyAdopted(
        at_ns=at_ns,
        actor=actor_at(log.database),
        firm=loaded.policy.firm,
        sha256=loaded.sha256,
        text=loaded.text,
        one_person_may_destroy=acknowledged,
    )
    record(POLICY_CLASS, act)
    return True


def _see_allowed(
    log: AuditLog,
    policy: Policy,
    loaded: LoadedPolicy,
    at_ns: int,
    record: Callable[[EntryClass, Act], object],
) -> None:
    if policy.access is None:
        return
    what = f"policy of sha256 {loaded.sha256}"
    purpose = "adopt a policy"
    answer = ask(policy.access, log.database, "policy_adopt", what=what, purpose=purpose, at_ns=at_ns)
    if answer.refusal is not None:
        record("access", answer.act)
        raise NotAllowedError(
            f"this is another policy than the one in force, and is not adopted: {answer.refusal}. A feed starts under "
            "the policy in force: put that file back, or leave [compliance] policy out"
        )
