"""Put the proof of one entry into a file that stands for itself.

Owns: the text of a proof: index, path and checkpoint, and what beside them an entry's leaf is made of.
Never: trusts the beside: it is told by the entry's hash whether it belongs there.

Source: C2SP tlog-proof, https://c2sp.org/tlog-proof (v1, read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of, decimal
from ticktrail_compliance.proof.merkle import HASH_BYTES, NoProof, leaf_hash, verify_inclusion
from ticktrail_compliance.proof.note import BadNote, Note, Verifier, decode, encode

__all__ = ["Proof"]

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 64
EXTRA = "extra "
INDEX = "index "


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry stands in a log.

    Attributes:
        index: Its leaf's place, from 0: of an audit log, the entry's number less one.
        path: The hashes from the leaf's sibling up to below the root.
        note: The signed checkpoint that the path leads to.
        extra: The leaf's data, from which its hash follows; of an audit log 96 bytes: the digest of the entry before,
            and the SHA-256 of its header and of its body. None where it is not told.
    """

    index: int
    path: Sequence[bytes]
    note: Note
    extra: bytes | None = None

    def __str__(self) -> str:
        """Return the proof as it is written."""
        lines = [FIRST_LINE]
        if self.extra is not None:
            lines.append(EXTRA + encode(self.extra))
        lines.append(f"{INDEX}{self.index}")
        lines.extend(encode(one) for one in self.path)
        return "\n".join(lines) + f"\n\n{self.note}"

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Return the proof that bytes hold.

        Raises:
            BadNote: They hold none.
        """
        head, blank, note = data.partition(b"\n\n")
        if not blank:
            raise BadNote("a proof has an empty line between its path and its checkpoint")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as exc:
            raise BadNote("a proof is ASCII up to its checkpoint") from exc
        if lines.pop(0) != FIRST_LINE:
            raise BadNote(f"a proof begins with {FIRST_LINE}")
        extra = decode(lines.pop(0).removeprefix(EXTRA)) if lines and lines[0].startswith(EXTRA) else None
        if not lines or not lines[0].startswith(INDEX):
            raise BadNote("a proof says the index of its entry")
        index = decimal(lines.pop(0).removeprefix(INDEX))
        if len(lines) > MAX_HASHES:
            raise BadNote(f"a path has {MAX_HASHES} hashes at most")
        path = tuple(decode(line) for line in lines)
        if any(len(one) != HASH_BYTES for one in path):
            raise BadNote(f"every hash of a path has {HASH_BYTES} bytes")
        return cls(index, path, Note.parse(note), extra)

    def verify(self, leaf: bytes, verifiers: Collection[Verifier], origin: str) -> Checkpoint:
        """Return the checkpoint, once the entry of this leaf hash is proven to be in it.

        Raises:
            BadNote: The checkpoint is none of this log, or is not rightly signed.
            NoProof: The entry is not proven.
        """
        found = checkpoint_of(self.note, verifiers, origin)
        if self.extra is not None and leaf_hash(self.extra) != leaf:
            raise NoProof("the leaf's data beside the proof is another entry's")
        verify_inclusion(leaf, self.index, found.size, self.path, found.root)
        return found
