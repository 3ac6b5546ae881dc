"""Say which policy is in force.

Owns: the act of adopting one.
Never: judges it; `ticktrail_compliance.policy` does.
"""

from __future__ import annotations

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["PolicyAdopted"]


class PolicyAdopted(ActBase, frozen=True, tag="policy_adopted"):
    """From this entry on the firm's policy is what `text` says: the file as it was, of which `sha256` is the hash."""

    actor: Actor
    firm: str
    sha256: str
    text: str
