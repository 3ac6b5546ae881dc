"""Say what a pack consists of, and sign that.

Owns: the text of the pack's manifest and of its note (docs/reference/evidence-pack.md).
Never: holds the present: two packs of one period are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from ticktrail_compliance.export.manifest import FileHash
from ticktrail_compliance.proof.note import Note, Signer

__all__ = ["PackManifest", "signed_pack"]

_json = msgspec.json.Encoder(order="deterministic")


class PackManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack is of, and the size and SHA-256 of each of its files by its path."""

    format: Literal["ticktrail evidence 1"] = "ticktrail evidence 1"
    log_id: str
    verifier_key: str
    from_ns: int
    to_ns: int
    checkpoint_size: int
    files: Mapping[str, FileHash]

    def text(self) -> bytes:
        """Return it as it is written."""
        return _json.encode(self) + b"\n"


def signed_pack(manifest: bytes, log_id: str, signer: Signer) -> Note:
    """Return the note that says that a pack's manifest is of this log."""
    return signer.sign(f"ticktrail-evidence/{log_id}\n{hashlib.sha256(manifest).hexdigest()}\n")
