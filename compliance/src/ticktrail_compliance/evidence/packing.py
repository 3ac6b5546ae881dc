"""Make an evidence pack: draw it, export the records, sign all of it, tell of it in the log, and only then name it.

Owns: which files a pack has, and the order in which it becomes whole.
Never: lets a pack out of which the log does not tell, or puts the present into what is signed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.acting import acting
from ticktrail_compliance.acts import EvidencePacked, actor_here
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.evidence.ending import Ending, ending_of, refuse_unfinished
from ticktrail_compliance.evidence.manifest import PackManifest, signed_pack
from ticktrail_compliance.evidence.model import Criterion, Period, Summary
from ticktrail_compliance.evidence.page import page_of
from ticktrail_compliance.evidence.policies import InForce, policies_of
from ticktrail_compliance.evidence.proofs import write_proofs
from ticktrail_compliance.evidence.sections.incidents import incidents_of, record_path
from ticktrail_compliance.evidence.source import source_of
from ticktrail_compliance.evidence.summing import summary_of
from ticktrail_compliance.export.folder import Folder, parent_of, translated
from ticktrail_compliance.export.gathering import STATE, gather
from ticktrail_compliance.export.manifest import FileHash
from ticktrail_compliance.export.readme import verifier
from ticktrail_compliance.export.sealing import MANIFEST, NOTE, VERIFIER, seal
from ticktrail_compliance.export.state import Request, State
from ticktrail_compliance.incidents.record import record_lines
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import Incident
from ticktrail_compliance.incidents.view import view_of
from ticktrail_compliance.naming import Named
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.verify.whole import Progress
from ticktrail_compliance.words import moment

__all__ = ["MADE", "PAGE", "RECORDS", "SUMMARY", "Packed", "pack"]

PAGE = "index.html"
SUMMARY = "summary.json"
RECORDS = "records"
MADE = "made.txt"
"""Tells when the pack was made and by whom: the one file that is not signed."""

PARTIAL = ".partial"
CONTENT = "pack"
"""The folder in the unfinished one that becomes the pack."""

CLASSES: Sequence[EntryClass] = ("access", "clock", "control", "incident", "retention")
"""Of the entries whose contents are in the records; of ticks the summary tells."""


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        out: The folder.
        log_id: Of which log.
        from_ns: The period's first moment.
        to_ns: Its last.
        first_seq: The first entry that tells of it.
        last_seq: The last one.
        checkpoint_size: The entries under the checkpoint that all is proven against.
        manifest_sha256: Of the pack's manifest.
        recorded_seq: The entry that tells of the pack.
        files: How many it has.
        criteria: What was aimed at, and what was reached.
    """

    out: str
    log_id: str
    from_ns: int
    to_ns: int
    first_seq: int
    last_seq: int
    checkpoint_size: int
    manifest_sha256: str
    recorded_seq: int
    files: int
    criteria: Sequence[Criterion]


def pack(named: Named, period: Period, out: Path, purpose: str, *, progress: Progress) -> Packed:
    """Make an evidence pack of a period that is past.

    Args:
        named: Which log.
        period: Which.
        out: The folder to be.
        purpose: What for.
        progress: Is told how far it got.

    Raises:
        NotAllowedError: The policy in force does not let whoever runs this do so.
        ConfigError: It cannot be made so; the message says what would be right.
        AuditError: The log failed, or is not as it was sealed.
    """
    refuse_unfinished(period, time.time_ns())
    with ExitStack() as stack, translated(f"--out {out}"):
        parent, name = parent_of(out, "--out")
        stack.enter_context(parent)
        if parent.has(name):
            raise ConfigError(f"--out {out} is there already: name a new folder")
        found = stack.enter_context(acting(named, "evidence", f"evidence pack {name}: {purpose}"))
        ending = ending_of(found.log, period)
        work = _begun(stack, parent, name)
        content = stack.enter_context(work.folder(CONTENT))
        summary, files = _made(found.log, period, ending, work, content, progress)
        act = EvidencePacked(
            at_ns=time.time_ns(),
            actor=actor_here(),
            purpose=purpose,
            from_ns=period.from_ns,
            to_ns=period.to_ns,
            checkpoint_size=ending.checkpoint.size,
            manifest_sha256=hashlib.sha256(content.read(MANIFEST)).hexdigest(),
        )
        seq = found.record("access", act)
        content.write(MADE, _made_text(act, seq, found.log.log_id))
        work.move(CONTENT, parent, name)
        work.remove(STATE)
        parent.remove_folder(name + PARTIAL)
    return Packed(
        out=str(out),
        log_id=summary.log_id,
        from_ns=period.from_ns,
        to_ns=period.to_ns,
        first_seq=ending.first_seq,
        last_seq=ending.last_seq,
        checkpoint_size=ending.checkpoint.size,
        manifest_sha256=act.manifest_sha256,
        recorded_seq=seq,
        files=files,
        criteria=summary.criteria,
    )


def _begun(stack: ExitStack, parent: Folder, name: str) -> Folder:
    """Return the folder in which the pack is made; what an attempt left that was interrupted is taken away."""
    work = stack.enter_context(parent.folder(name + PARTIAL))
    if not work.lock():
        raise ConfigError(f"another process is at the pack {work.path}: let it end")
    if odd := set(work.names()) - {CONTENT, STATE, f"{STATE}.new"}:
        raise ConfigError(
            f"{work.path} holds what is not of a pack ({', '.join(sorted(odd))}): take it out, or name another --out"
        )
    if work.has(CONTENT):
        shutil.rmtree(work.path / CONTENT)
    return work


def _made(
    log: AuditLog, period: Period, ending: Ending, work: Folder, content: Folder, progress: Progress
) -> tuple[Summary, int]:
    """Write everything that is signed; return the summary, and how many files there are."""
    progress.begin("summary", ending.last_seq)
    source = source_of(log, period, ending.last_seq, progress.done)
    policies = policies_of(source.acts, period)
    incidents = incidents_of(source.acts, period)
    summary = summary_of(source, ending.checkpoint, policies, incidents)
    content.write(SUMMARY, msgspec.json.format(msgspec.json.encode(summary), indent=1) + b"\n")
    content.write(PAGE, page_of(summary))
    content.write(VERIFIER, verifier())
    write_proofs(log, summary, ending, content)
    _write_policies(content, policies)
    _write_incidents(content, incidents, policies, period, log.log_id)
    with content.folder(RECORDS) as records:
        state = _state(log.log_id, period, ending)
        progress.begin("records", state.entries)
        gather(log, state, work, records, progress.done)
        seal(log, state, ending.checkpoint, work, records, actor="see made.txt", progress=progress.done)
    files = _hashes(content.path)
    manifest = PackManifest(
        log_id=log.log_id,
        verifier_key=str(log.signer().verifier),
        from_ns=period.from_ns,
        to_ns=period.to_ns,
        checkpoint_size=ending.checkpoint.size,
        files=files,
    ).text()
    content.write(MANIFEST, manifest)
    content.write(NOTE, str(signed_pack(manifest, log.log_id, log.signer())).encode())
    return summary, len(files) + 3


def _write_policies(content: Folder, policies: Sequence[InForce]) -> None:
    if policies:
        with content.folder("policy") as folder:
            for one in policies:
                folder.write(one.path.partition("/")[2], one.act.text.encode())


def _write_incidents(
    content: Folder, incidents: Sequence[Incident], policies: Sequence[InForce], period: Period, log_id: str
) -> None:
    if not incidents:
        return
    policy = policies[-1].policy if policies else None
    settings = IncidentSettings() if policy is None else policy.incidents
    firm = policies[-1].act.firm if policies else ""
    with content.folder("incidents") as folder:
        for one in incidents:
            view = view_of(one, period.to_ns, settings)
            text = "".join(f"{line}\n" for line in record_lines(view, settings.place, log_id, firm))
            folder.write(record_path(one, "txt").partition("/")[2], text.encode())
            told = {"log_id": log_id, "firm": firm, "as_of_ns": period.to_ns, "incident": view}
            encoded = msgspec.json.format(msgspec.json.encode(told), indent=1)
            folder.write(record_path(one, "json").partition("/")[2], encoded + b"\n")


def _state(log_id: str, period: Period, ending: Ending) -> State:
    """Return the beginning of the export of the period's records, which tells no time and nobody's name."""
    request = Request(
        log_id=log_id,
        from_ns=period.from_ns,
        to_ns=period.to_ns,
        classes=CLASSES,
        instruments=(),
        providers=(),
        outcomes=(),
        rows_format="csv",
        purpose="evidence pack",
        with_keys=False,
    )
    return State(
        request=request,
        created_ns=None,
        checkpoint=str(ending.note),
        size=ending.checkpoint.size,
        first_seq=ending.first_seq,
        last_seq=ending.last_seq,
        next_seq=ending.first_seq,
        lengths={},
    )


def _hashes(root: Path) -> dict[str, FileHash]:
    """Return size and hash of every file, by its path with slashes."""
    found: dict[str, FileHash] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                found[path.relative_to(root).as_posix()] = FileHash(os.fstat(file.fileno()).st_size, digest)
    return found


def _made_text(act: EvidencePacked, seq: int, log_id: str) -> bytes:
    lines = (
        f"This evidence pack of the log {log_id}",
        f"over {moment(act.from_ns)} to {moment(act.to_ns)}",
        f"was made at {moment(act.at_ns)} by {act.actor.user}@{act.actor.host}",
        f"for: {' '.join(act.purpose.split())}",
        f"Entry {seq} of the log tells so. This file is not signed: another pack of the period has another one, and",
        f"all else is the same in both: manifest.json has the SHA-256 {act.manifest_sha256}.",
    )
    return "".join(f"{line}\n" for line in lines).encode()
