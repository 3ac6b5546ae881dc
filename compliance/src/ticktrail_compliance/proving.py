"""Prove to somebody else that an entry stands in a log.

Owns: the proof of one entry, made from what the database has and checked before it is given away.
Never: decrypts: a proof tells that an entry is there, not what it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from ticktrail.errors import AuditError
from ticktrail_compliance.anchoring import signed_checkpoint
from ticktrail_compliance.entry import Unsealed, leaf_data
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.merkle import NoProof, inclusion_proof, leaf_hash
from ticktrail_compliance.proof.note import Note
from ticktrail_compliance.reading import entry_of
from ticktrail_compliance.store.log import AuditLog

__all__ = ["proof_against", "prove"]


def prove(log: AuditLog, seq: int, paths: Iterable[Path]) -> Proof:
    """Return the proof of an entry in the log as it is.

    Args:
        log: Open to read.
        seq: The entry's number.
        paths: Anchors that must not contradict the log.

    Raises:
        click.UsageError: There is no such entry.
        ConfigError: The log's end is not what was sealed, or an anchor contradicts the log.
        AuditError: The entry is not as it was sealed, or another one is missing.
    """
    checkpoint, note = signed_checkpoint(log, paths)
    if not 1 <= seq <= checkpoint.size:
        raise click.UsageError(f"there is no entry {seq}: the log's entries are 1 to {checkpoint.size}")
    return proof_against(log, seq, checkpoint, note)


def proof_against(log: AuditLog, seq: int, checkpoint: Checkpoint, note: Note) -> Proof:
    """Return the proof of an entry under a checkpoint that covers it.

    Args:
        log: Open to read.
        seq: The entry's number.
        checkpoint: It.
        note: The same, signed.

    Raises:
        AuditError: The entry is not as it was sealed, or another one is missing.
    """
    try:
        path = inclusion_proof(log.roots(checkpoint.size), seq - 1, checkpoint.size)
        entry = entry_of(log.log_id, next(log.plain_rows(seq, seq)))
        extra = leaf_data(entry)
        found = Proof(index=seq - 1, path=path, note=note, extra=extra)
        found.verify(leaf_hash(extra), [log.signer().verifier], checkpoint.origin)
    except (Unsealed, NoProof, ValueError) as exc:
        raise AuditError(
            f"entry {seq} of the audit log is not as it was sealed ({exc}); run `ticktrail audit verify`"
        ) from exc
    return found
