"""Make a whole export of the files that were gathered: what the reader needs beside them, the proofs, the manifest.

Owns: which files an export has, and the order in which it becomes whole: the manifest is last, and names all others.
Never: gives the export its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.export.folder import Folder
from ticktrail_compliance.export.gathering import BODIES, ENTRIES, SPOOL, STATE
from ticktrail_compliance.export.manifest import FileHash, Manifest, hashed, signed
from ticktrail_compliance.export.readme import readme, verifier
from ticktrail_compliance.export.state import State
from ticktrail_compliance.export.tables import FILES, write_parquet
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.proof.merkle import NoProof, inclusion_proof, verify_inclusion
from ticktrail_compliance.proof.note import encode
from ticktrail_compliance.store.log import AuditLog

__all__ = ["CHECKPOINT", "MANIFEST", "NOTE", "README", "VERIFIER", "seal"]

CHECKPOINT = "checkpoint"
MANIFEST = "manifest.json"
NOTE = "manifest.note"
README = "README.txt"
VERIFIER = "verify.py"


def seal(
    log: AuditLog,
    state: State,
    against: Checkpoint,
    work: Folder,
    content: Folder,
    *,
    actor: str,
    progress: Callable[[int], None],
) -> None:
    """Make the export whole.

    Args:
        log: Open to read.
        state: Of which everything is gathered; the manifest's hash is noted there at the end.
        against: The checkpoint that everything is proven against.
        work: Where the state is kept.
        content: What becomes the export.
        actor: Who makes it.
        progress: Is told how many rows are in a table that had to wait.

    Raises:
        AuditError: An entry cannot be proven.
        ConfigError: Something is in the folder that is not of the export.
    """
    request = state.request
    if request.rows_format == "parquet":
        with work.open(SPOOL) as lines, content.open(FILES["parquet"]) as file:
            file.truncate(0)
            write_parquet(lines, file, progress)
        with content.open(FILES["parquet"]) as file:
            os.fsync(file.fileno())
    content.write(CHECKPOINT, state.checkpoint.encode())
    manifest = Manifest(
        log_id=log.log_id,
        verifier_key=str(log.signer().verifier),
        created_ns=state.created_ns,
        actor=actor,
        purpose=request.purpose,
        from_ns=request.from_ns,
        to_ns=request.to_ns,
        classes=request.classes,
        instruments=request.instruments,
        providers=request.providers,
        outcomes=request.outcomes,
        first_seq=state.first_seq,
        last_seq=state.last_seq,
        entries=state.entries,
        bodies=state.bodies,
        rows=state.rows,
        rows_format=request.rows_format,
        first_proof=_proof(log, against, state.first_seq, state.first_digest),
        last_proof=_proof(log, against, state.last_seq, state.previous),
        files={},
    )
    content.write(README, readme(manifest, state.destroyed))
    content.write(VERIFIER, verifier())
    names = [CHECKPOINT, ENTRIES, BODIES, FILES[request.rows_format], README, VERIFIER]
    for name in (MANIFEST, NOTE, *(f"{name}.new" for name in (*names, MANIFEST, NOTE))):
        content.remove(name)  # of an attempt that was interrupted here
    odd = set(content.names()) - set(names)
    if odd:
        raise ConfigError(
            f"{content.path} holds what is not of the export ({', '.join(sorted(odd))}): take it out, and give the "
            f"same command again"
        )
    text = _with_files(manifest, {name: _hashed(content, name) for name in sorted(names)})
    content.write(MANIFEST, text)
    content.write(NOTE, str(signed(text, log.log_id, log.signer())).encode())
    state.manifest_sha256 = hashlib.sha256(text).hexdigest()
    work.write(STATE, state.encoded())


def _with_files(manifest: Manifest, files: dict[str, FileHash]) -> bytes:
    fields = {name: getattr(manifest, name) for name in manifest.__struct_fields__}
    return Manifest(**{**fields, "files": files}).text()


def _hashed(content: Folder, name: str) -> FileHash:
    with content.open(name) as file:
        return hashed(file)


def _proof(log: AuditLog, against: Checkpoint, seq: int, digest: str) -> list[str]:
    """Return the path from an entry to the checkpoint's root; none where there is no entry."""
    if not seq:
        return []
    try:
        path = inclusion_proof(log.roots(against.size), seq - 1, against.size)
        verify_inclusion(bytes.fromhex(digest), seq - 1, against.size, path, against.root)
    except (NoProof, ValueError) as exc:
        raise AuditError(
            f"entry {seq} of the audit log cannot be proven ({exc}); run `ticktrail audit verify`"
        ) from exc
    return [encode(one) for one in path]
