"""Verify what can be verified of a log without its keys: when they are lost, or by somebody who must not have them.

Owns: what is looked at, and how far it is proven.
Never: says that nothing is missing after the last checkpoint: only the log's secret tells that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.reading import NoCiphertext, entry_of
from ticktrail_compliance.store.log import StoredLog
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.chain import Walk
from ticktrail_compliance.verify.outcome import Finding, Findings

__all__ = ["VerifiedInTheOpen", "verify_in_the_open"]


class VerifiedInTheOpen(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome.

    Attributes:
        sound: Nothing was found.
        entries: Rows that were looked at.
        proven: How many of them, from the first one, a signed checkpoint covers that agrees.
        sealed: Entries whose ciphertexts are those that were sealed.
        empty: Entries whose ciphertexts are gone; whether by rule, only the log's keys tell.
        own_checkpoints: Checkpoints in the log's database that agree.
        checkpoints: Checkpoints of anchors that agree.
        torn: Checkpoints of anchors that a crash cut short.
        findings: In order, the first 100.
        head: Digest of the last entry in hexadecimal; None for an empty log.
    """

    sound: bool
    entries: int
    proven: int
    sealed: int
    empty: int
    own_checkpoints: int
    checkpoints: int
    torn: int
    findings: Sequence[Finding]
    head: str | None


def verify_in_the_open(
    log: StoredLog, anchors: Sequence[AnchorFile] = (), *, quick: bool = False
) -> VerifiedInTheOpen:
    """Return what headers, hashes, ciphertexts and signed checkpoints prove of a log.

    Args:
        log: Open to read, with its keys or without.
        anchors: Files of checkpoints that it must agree with.
        quick: Hold no ciphertext against its hash.

    Raises:
        ConfigError: An anchor that somebody brought cannot be read.
        AuditError: The database failed.
    """
    findings = Findings()
    walked = Walk(log, anchors, findings, lambda _: None).run()
    sealed, empty = (0, 0) if quick else _ciphertexts(log, walked.last_seq, findings)
    return VerifiedInTheOpen(
        sound=not findings.count,
        entries=walked.entries,
        proven=walked.proven,
        sealed=sealed,
        empty=empty,
        own_checkpoints=walked.own_checkpoints,
        checkpoints=walked.anchored,
        torn=walked.torn,
        findings=tuple(sorted(findings.kept, key=lambda finding: (finding.seq is None, finding.seq or 0))),
        head=walked.digest.hex() if walked.entries else None,
    )


def _ciphertexts(log: StoredLog, last_seq: int, findings: Findings) -> tuple[int, int]:
    """Hold summaries and bodies against the hashes that were sealed; returns how many are whole, and how many gone."""
    sealed = empty = 0
    for row in log.rows(to_seq=last_seq):
        try:
            entry = entry_of(log.log_id, row)
        except NoCiphertext as exc:
            findings.add(None, f"entry {row.seq}: {exc}")
            continue
        except Unsealed:
            continue  # the walk named it
        parts = (("summary", entry.summary, entry.summary_sha256), ("body", entry.body, entry.body_sha256))
        if not any(part for _, part, _ in parts):
            empty += 1
            continue
        changed = [name for name, part, wanted in parts if hashlib.sha256(part or b"").digest() != wanted]
        for name in changed:
            findings.add(entry.header.seq, f"entry {entry.header.seq}: its {name} is not what was sealed")
        sealed += not changed
    return sealed, empty
