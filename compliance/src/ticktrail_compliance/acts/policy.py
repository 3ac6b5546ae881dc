"""Say which policy is in force.

Owns: the act of adopting one.
Never: judges it; `ticktrail_compliance.policy` does.
"""

from __future__ import annotations

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["PolicyAdopted"]


class PolicyAdopted(ActBase, frozen=True, tag="policy_adopted"):
    """From this entry on the firm's policy is what `text` says: the file as it was, of which `sha256` is the hash.

    Attributes:
        actor: Who adopted it; who started a feed under it, where a feed did.
        firm: Whose it is.
        sha256: Of the file's bytes, in hexadecimal digits.
        text: The file, in UTF-8, with its ends of lines as they were.
        one_person_may_destroy: Whoever adopted it acknowledged that under it one person destroys alone (``people =
            1``). Where nobody did, nothing is destroyed under such a policy.
    """

    actor: Actor
    firm: str
    sha256: str
    text: str
    one_person_may_destroy: bool = False
