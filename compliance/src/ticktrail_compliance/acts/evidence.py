"""Say that evidence was handed over.

Owns: the act of making an evidence pack.
Never: carries what is in it.
"""

from __future__ import annotations

from ticktrail_compliance.acts.base import ActBase, Actor

__all__ = ["EvidencePacked"]


class EvidencePacked(ActBase, frozen=True, tag="evidence_packed"):
    """An evidence pack was made over a period that is past; `manifest_sha256` tells one from another.

    Attributes:
        actor: Who.
        purpose: What for, in their words.
        from_ns: The period's first moment, UTC nanoseconds.
        to_ns: Its last.
        checkpoint_size: The entries under the checkpoint that all is proven against.
        manifest_sha256: Of the pack's manifest.
    """

    actor: Actor
    purpose: str
    from_ns: int
    to_ns: int
    checkpoint_size: int
    manifest_sha256: str
