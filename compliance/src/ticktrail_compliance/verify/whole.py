"""Verify a log: its chain in one walk, what it holds in many processes.

Owns: what is looked at in which order, how the work is shared out, and where an interrupted verification goes on.
Never: prints.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.destroyed import destroyed_keys
from ticktrail_compliance.given_file import opened_file
from ticktrail_compliance.store.keystore import Answers
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.chain import CHUNK_ENTRIES, Walk, Walked
from ticktrail_compliance.verify.content import check_contents, check_keys
from ticktrail_compliance.verify.outcome import Checked, Finding, Findings, Verified
from ticktrail_compliance.verify.spooled import check_spools

__all__ = ["Opener", "Progress", "verify"]

Opener = Callable[[], AuditLog]
"""Opens the log once more, in another process: it can be pickled."""

ALONE_ENTRIES = 1_000
"""Up to so many it is not worth while to start processes."""

MOST_MARK_BYTES = 2**26
"""Of a mark with all findings that it may tell of."""


class Progress:
    """What is told of a verification as it goes; does nothing by itself."""

    def begin(self, what: str, entries: int) -> None:
        """A part of the work begins, on so many entries."""

    def done(self, entries: int) -> None:
        """So many of them are done."""


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    """How far the contents of a log were verified."""

    log_id: str
    seq: int
    digest: str
    checked: Checked
    mac: str = ""


@dataclass(frozen=True, slots=True)
class _Share:
    first: int
    last: int


def verify(
    log: AuditLog,
    *,
    anchors: Sequence[AnchorFile] = (),
    quick: bool = False,
    reopen: Opener | None = None,
    mark: Path | None = None,
    progress: Progress | None = None,
) -> Verified:
    """Return the outcome of a walk over the whole log.

    Args:
        log: Open to read.
        anchors: Files of checkpoints that it must agree with.
        quick: Look at chain, tree, checkpoints and anchors only, and open no entry.
        reopen: Opens the log in another process; without it all is done in this one.
        mark: A file in which it stands how far contents were verified, and from which an interrupted verification of
            them goes on; removed at the end. Chain and tree are walked whole each time.
        progress: Is told how it goes.

    Raises:
        ConfigError: An anchor that somebody brought cannot be read, or the mark is none of this log's.
        AuditError: The database failed, or a process was ended from outside.
    """
    progress = progress or Progress()
    findings = Findings()
    progress.begin("chain", log.count())
    walked = Walk(log, anchors, findings, progress.done).run()
    checked = Checked()
    if not quick:
        told = destroyed_keys(log)
        check_keys(log, told, findings)
        checked = _contents(log, walked, told, reopen, mark, progress)
        check_spools(log, checked.spools, walked, told, findings)
        for finding in checked.findings:
            findings.add(finding.seq, finding.what)
    return Verified(
        sound=not findings.count,
        quick=quick,
        entries=walked.entries,
        events=checked.events,
        segments=checked.segments,
        ticks=checked.ticks,
        destroyed=checked.destroyed,
        own_checkpoints=walked.own_checkpoints,
        findings=tuple(sorted(findings.kept, key=_by_entry)),
        head=walked.digest.hex() if walked.entries else None,
        checkpoints=walked.anchored,
        torn=walked.torn,
    )


def _by_entry(finding: Finding) -> tuple[bool, int]:
    return finding.seq is None, finding.seq or 0


def _contents(
    log: AuditLog,
    walked: Walked,
    told: Mapping[int, int],
    reopen: Opener | None,
    mark: Path | None,
    progress: Progress,
) -> Checked:
    done, checked = (0, Checked()) if mark is None else _resumed(log, mark)
    progress.begin("contents", len(walked.bounds) * CHUNK_ENTRIES)
    ends = [bound for bound in walked.bounds if bound > done]
    shares = [_Share(first + 1, last) for first, last in pairwise((done, *ends))]
    for count, (share, found) in enumerate(
        zip(shares, _looked_at(log, shares, told, reopen), strict=True), len(walked.bounds) - len(ends) + 1
    ):
        checked = checked.plus(found)
        progress.done(count * CHUNK_ENTRIES)
        if mark is not None:
            _write(log, mark, share.last, checked)
    if mark is not None:
        mark.unlink(missing_ok=True)
    return checked


def _looked_at(
    log: AuditLog, shares: Sequence[_Share], told: Mapping[int, int], reopen: Opener | None
) -> Iterator[Checked]:
    entries = len(shares) * CHUNK_ENTRIES
    processes = min(os.cpu_count() or 1, len(shares))
    if reopen is None or entries <= ALONE_ENTRIES or processes == 1:
        for share in shares:
            yield check_contents(log, share.first, share.last, told)
        return
    spawn = get_context("spawn")  # a fork would share the connection
    try:
        known = log.keys.answers()  # so that no process asks a key service about them once more
        with ProcessPoolExecutor(processes, spawn, _open_here, (reopen, told, known)) as pool:
            try:
                yield from pool.map(_look_at, shares)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BrokenProcessPool as exc:
        raise AuditError(
            "a process that verified a part of the log was ended from outside; verify it again, with --resume from "
            "where it was"
        ) from exc


_here: tuple[AuditLog, Mapping[int, int]] | None = None


def _open_here(reopen: Opener, told: Mapping[int, int], known: Answers) -> None:
    global _here  # noqa: PLW0603 - a process of the pool has one log for its life
    log = reopen()
    log.keys.learn(known)
    _here = (log, told)


def _look_at(share: _Share) -> Checked:
    if _here is None:
        raise RuntimeError("no log is open in this process")
    log, told = _here
    return check_contents(log, share.first, share.last, told)


def _resumed(log: AuditLog, path: Path) -> tuple[int, Checked]:
    """Return how far the contents were verified before, and what was found.

    Raises:
        ConfigError: The mark cannot be read, or is none of this log's as it is.
    """
    try:
        with opened_file(path) as file:
            text = file.read(MOST_MARK_BYTES)
    except FileNotFoundError:
        return 0, Checked()
    except OSError as exc:
        raise ConfigError(f"--resume {path} cannot be read: {exc.strerror}; name another file") from exc
    try:
        mark = msgspec.json.decode(text, type=_Mark)
    except msgspec.MsgspecError as exc:
        raise ConfigError(f"--resume {path} holds no mark of a verification: name another file") from exc
    genuine = mark.mac == _mac(log, mark)  # before anything in it is used
    row = log.row(mark.seq) if genuine else None
    if row is None or row.digest != bytes.fromhex(mark.digest):
        raise ConfigError(
            f"--resume {path} is of another log, or the log is not what it was: remove it, and verify from the "
            "beginning"
        )
    return mark.seq, mark.checked


def _write(log: AuditLog, path: Path, seq: int, checked: Checked) -> None:
    row = log.row(seq)
    if row is None or not isinstance(row.digest, bytes):
        return  # a finding already; it goes on from an earlier mark
    mark = _Mark(log_id=log.log_id, seq=seq, digest=row.digest.hex(), checked=checked)
    mark = msgspec.structs.replace(mark, mac=_mac(log, mark))
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(msgspec.json.encode(mark))
        new.replace(path)
    except OSError as exc:
        raise ConfigError(f"--resume {path} cannot be written: {exc.strerror}; name another file") from exc


def _mac(log: AuditLog, mark: _Mark) -> str:
    """Return what shows that nobody without the log's keys wrote the mark: who could would have parts left out."""
    return log.keys.mac(b"verified|" + msgspec.json.encode(msgspec.structs.replace(mark, mac=""))).hex()
