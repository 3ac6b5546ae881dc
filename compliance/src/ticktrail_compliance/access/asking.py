"""Ask the policy in force whether this process may do something, and say what the log is to tell of the answer.

Owns: the step from a table of roles to an act of the log.
Never: opens or writes a log.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticktrail_compliance.access.asked import sayable
from ticktrail_compliance.access.deciding import Refused, decide
from ticktrail_compliance.access.identity import identity_at
from ticktrail_compliance.access.refusal import NotAllowedError, refusal
from ticktrail_compliance.access.rights import Action
from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.acts import Accessed, AccessRefused
from ticktrail_compliance.store.database import Database

__all__ = ["Answer", "ask"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be recorded of the answer, and what is raised after that; None: they may."""

    act: Accessed | AccessRefused
    refusal: NotAllowedError | None = None


def ask(
    access: AccessSettings, database: Database, action: Action, *, what: str, purpose: str | None, at_ns: int
) -> Answer:
    """Return whether whoever runs this process may do something.

    Args:
        access: Who holds which role, by the policy in force.
        database: The log's, which may know them as well.
        action: What they want to do.
        what: Which command, with range and filters; no content.
        purpose: What for, in their words.
        at_ns: The present.

    Raises:
        AuditError: The database failed.
    """
    who = identity_at(database)
    decision = decide(access, who, action, purpose)
    said = sayable((purpose or "").strip())
    if isinstance(decision, Refused):
        act = AccessRefused(
            at_ns=at_ns,
            actor=who.actor,
            roles=decision.roles,
            action=action,
            needed=decision.needed,
            why=decision.why,
            purpose=said,
            what=what,
        )
        return Answer(act, refusal(access, who, action, decision))
    return Answer(
        Accessed(at_ns=at_ns, actor=who.actor, role=decision.role, action=action, purpose=said, what=what)
    )
