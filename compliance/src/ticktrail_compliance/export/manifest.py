"""Say what an export is of, and sign that.

Owns: the text of the manifest and of its note, and the lines of entries (docs/reference/audit-format.md).
Never: writes a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Literal

import msgspec

from ticktrail_compliance.classes import EntryClass, Outcome
from ticktrail_compliance.entry import Entry
from ticktrail_compliance.export.tables import RowsFormat
from ticktrail_compliance.proof.note import Note, Signer, encode

__all__ = ["UNMEASURED", "FileHash", "Manifest", "entry_line", "hashed", "signed", "without_content"]

UNMEASURED = -(2**63)
"""Stands in a header where the clock was not measured."""

CHUNK = 2**20

_json = msgspec.json.Encoder()


class FileHash(msgspec.Struct, frozen=True):
    """A file's size and SHA-256."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an export is of."""

    format: Literal["ticktrail export 1"] = "ticktrail export 1"
    log_id: str
    verifier_key: str
    created_ns: int | None
    actor: str
    purpose: str
    from_ns: int | None
    to_ns: int | None
    classes: Sequence[EntryClass]
    instruments: Sequence[str]
    providers: Sequence[str]
    outcomes: Sequence[Outcome]
    first_seq: int
    last_seq: int
    entries: int
    bodies: int
    rows: int
    rows_format: RowsFormat
    first_proof: Sequence[str]
    last_proof: Sequence[str]
    files: Mapping[str, FileHash]

    def text(self) -> bytes:
        """Return it as it is written."""
        return _json.encode(self) + b"\n"


def signed(manifest: bytes, log_id: str, signer: Signer) -> Note:
    """Return the note that says that a manifest is of this log."""
    return signer.sign(f"ticktrail-export/{log_id}\n{hashlib.sha256(manifest).hexdigest()}\n")


def hashed(file: BinaryIO) -> FileHash:
    """Return size and hash of a file from its beginning, read by pieces."""
    file.seek(0)
    found, size = hashlib.sha256(), 0
    while piece := file.read(CHUNK):
        found.update(piece)
        size += len(piece)
    return FileHash(size, found.hexdigest())


def without_content(entry: Entry) -> Entry:
    """Return an entry whose data key was destroyed as an export has it: nobody can open its summary, so it has none."""
    return replace(entry, summary=None, body=None)


def entry_line(entry: Entry, body: tuple[int, int] | None) -> bytes:
    """Return an entry's line of entries.jsonl.

    Args:
        entry: With its summary, where that was not destroyed.
        body: Where its ciphertext begins in bodies.bin, and its bytes; None: it is not exported.
    """
    header = entry.header
    fields: dict[str, object] = {
        name: getattr(header, name) for name in header.__struct_fields__ if name != "log_id"
    }
    for name in ("clock_offset_ns", "clock_bound_ns"):
        if fields[name] is None:
            fields[name] = UNMEASURED
    fields |= {
        "previous": entry.previous.hex(),
        "digest": entry.digest.hex(),
        "summary": None if entry.summary is None else encode(entry.summary),
        "summary_sha256": entry.summary_sha256.hex(),
        "body_sha256": entry.body_sha256.hex(),
        "body": body,
    }
    return _json.encode(fields) + b"\n"
