"""Say who used the log, and who was not let.

Owns: the acts of access control.
Never: carries content of the log, or decides who may do what; `ticktrail_compliance.access` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["AccessRefused", "Accessed"]


class Accessed(ActBase, frozen=True, tag="accessed"):
    """Somebody did something with the log, in a role that may: it was let before it was done.

    Attributes:
        actor: Who.
        role: By which of their roles.
        action: What, by its name in the table of rights.
        purpose: What for, in their words.
        what: Which command, with range and filters.
    """

    actor: Actor
    role: str
    action: str
    purpose: str
    what: str = ""


class AccessRefused(ActBase, frozen=True, tag="access_refused"):
    """Somebody was not let.

    Attributes:
        actor: Who.
        roles: All that they hold.
        action: What they wanted to do.
        needed: The roles that may.
        why: ``role``: they hold none of these; ``separation``: they hold another beside it, by which they could do what
            this is kept apart from; ``purpose``: they gave none.
        purpose: What for, in their words.
        what: Which command, with range and filters.
    """

    actor: Actor
    roles: Sequence[str]
    action: str
    needed: Sequence[str]
    why: str
    purpose: str
    what: str = ""
