"""State how far a log goes, and what is in it, in a few lines that are signed.

Owns: the text of a checkpoint, and what an audit log calls itself in one.
Never: computes a root.

Source: C2SP tlog-checkpoint, https://c2sp.org/tlog-checkpoint (read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ticktrail_compliance.proof.merkle import HASH_BYTES
from ticktrail_compliance.proof.note import BadNote, Note, Signer, Verifier, decode, encode

__all__ = ["MAX_SIZE", "Checkpoint", "checkpoint_of", "decimal", "origin_of"]

MAX_SIZE = 2**63 - 1
"""The largest tree: what a database's number can hold."""


def origin_of(log_id: str) -> str:
    """Return what the log of an id calls itself: its origin line, and the name of its signing key."""
    return f"ticktrail/{log_id}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a tree.

    Attributes:
        origin: Which log it is.
        size: Leaves in the tree; of an audit log, the number of its last entry.
        root: The tree's root.
        extensions: Further lines, which are carried and mean nothing here; an audit log writes none.
    """

    origin: str
    size: int
    root: bytes
    extensions: Sequence[str] = ()

    def text(self) -> str:
        """Return the text that is signed."""
        lines = (self.origin, str(self.size), encode(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def signed(self, signer: Signer) -> Note:
        """Return the checkpoint as a signed note.

        Raises:
            BadNote: It cannot be written in this form.
        """
        note = signer.sign(self.text())
        if Checkpoint.parse(note.text) != self:
            raise BadNote("it is no checkpoint")
        return note

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Return the checkpoint that a note's text holds.

        Raises:
            BadNote: It holds none.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):
            raise BadNote("a checkpoint is three lines that are not empty: origin, size and root")
        origin, size, root, *extensions = lines
        value = decode(root)
        if len(value) != HASH_BYTES:
            raise BadNote(f"a root has {HASH_BYTES} bytes, not {len(value)}")
        return cls(origin, decimal(size), value, tuple(extensions))


def checkpoint_of(note: Note, verifiers: Collection[Verifier], origin: str) -> Checkpoint:
    """Return the checkpoint in a note, once a key says that it is this log's.

    Raises:
        BadNote: It is none, is another log's, or is not rightly signed.
    """
    found = Checkpoint.parse(note.text)
    if found.origin != origin:
        raise BadNote(f"it is of another log, {found.origin}, and not of {origin}")
    note.verify(verifiers)
    return found


def decimal(text: str) -> int:
    """Return the number that ASCII digits write in their one proper form.

    Raises:
        BadNote: They write none, or one that is too large.
    """
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0"):
        raise BadNote("a size or index is written in digits, without leading zeroes")
    if len(text) > len(str(MAX_SIZE)) or int(text) > MAX_SIZE:
        raise BadNote(f"a size or index is {MAX_SIZE} at most")
    return int(text)
