"""Check a proof by the verifier key alone, and tell what it proves.

Owns: what a proof has to say of itself to be one of an audit log's entry. Pure.
Never: opens a log, or needs a secret.
"""

from __future__ import annotations

import msgspec

from ticktrail_compliance.entry import HEADER_BYTES, LEAF_BYTES, Header, Unsealed
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.checkpoint import origin_of
from ticktrail_compliance.proof.merkle import NoProof, leaf_hash
from ticktrail_compliance.proof.note import BadNote, Verifier

__all__ = ["MAX_PROOF_BYTES", "Checked", "NoLeaf", "check"]

MAX_PROOF_BYTES = 128 * 2**10
"""No proof is longer: a path of 64 hashes, and a checkpoint of 64 KiB at most."""

OURS = origin_of("")
"""How the name of every audit log begins."""


class NoLeaf(Exception):
    """A proof does not tell what its leaf is made of, and no digest was given to look for."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a proof came to.

    Attributes:
        proven: Whether the entry stands in the log.
        reason: Why it is not proven; None where it is, and so with all that follows the other way round.
        origin: What the log calls itself.
        seq: The entry's number.
        size: How many entries the log had when the checkpoint was signed.
        root: The root of its tree then, in hexadecimal.
        digest: The entry's leaf hash, in hexadecimal.
        header: What stands in the open of the entry; None where the proof does not tell it.
    """

    proven: bool
    reason: str | None = None
    origin: str | None = None
    seq: int | None = None
    size: int | None = None
    root: str | None = None
    digest: str | None = None
    header: Header | None = None


def check(data: bytes, verifier: Verifier, digest: bytes | None = None) -> Checked:
    """Return what a proof comes to.

    Args:
        data: The proof, as it is written.
        verifier: The key of the log, which bears the log's name.
        digest: The leaf hash of the entry that it must be of; None: whichever it is of.

    Raises:
        NoLeaf: The proof does not tell what it is of, and there is no digest.
    """
    if len(data) > MAX_PROOF_BYTES:
        return Checked(proven=False, reason=f"a proof has {MAX_PROOF_BYTES} bytes at most")
    try:
        proof = Proof.parse(data)
        leaf = digest if digest is not None or proof.extra is None else leaf_hash(proof.extra)
        if leaf is None:
            raise NoLeaf("the proof does not tell what its leaf is made of")
        found = proof.verify(leaf, [verifier], verifier.name)
        header = _header(proof, verifier.name)
    except (BadNote, NoProof, Unsealed) as exc:
        return Checked(proven=False, reason=str(exc))
    return Checked(
        proven=True,
        origin=found.origin,
        seq=proof.index + 1,
        size=found.size,
        root=found.root.hex(),
        digest=leaf.hex(),
        header=header,
    )


def _header(proof: Proof, origin: str) -> Header | None:
    """Return the header in a leaf that is proven; None for a log of another program's.

    Raises:
        Unsealed: The leaf is no entry.
        NoProof: It is the entry of another place, or of another log, and was put into this one.
    """
    if proof.extra is None or not origin.startswith(OURS):
        return None
    if len(proof.extra) != LEAF_BYTES:
        raise Unsealed(
            f"what stands there is no entry of an audit log: its leaf has {len(proof.extra)} bytes"
        )
    header = Header.decoded(proof.extra[:HEADER_BYTES])
    if header.seq != proof.index + 1 or origin_of(header.log_id) != origin:
        raise NoProof(
            f"what stands at entry {proof.index + 1} of {origin} says of itself that it is entry {header.seq} of "
            f"{origin_of(header.log_id)}"
        )
    return header
