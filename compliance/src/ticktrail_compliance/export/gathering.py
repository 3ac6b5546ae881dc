"""Copy entries, sealed contents and rows of a log into the files of an export, and be able to go on at any time.

Owns: which entry is opened, and that every one that is copied follows the one before.
Never: opens an entry that cannot hold a wanted row. Memory does not grow with the export: one page of entries, one body
and some rows at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.destroyed import DestroyedKeys
from ticktrail_compliance.entry import Entry, Unsealed, digest_of
from ticktrail_compliance.export.folder import Folder
from ticktrail_compliance.export.manifest import entry_line, without_content
from ticktrail_compliance.export.rows import Row as ExportRow
from ticktrail_compliance.export.rows import rows_of
from ticktrail_compliance.export.state import State
from ticktrail_compliance.export.tables import FILES, as_lines
from ticktrail_compliance.reading import entry_of, open_body, open_summary, unreadable
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog, Row

__all__ = ["BODIES", "ENTRIES", "SPOOL", "STATE", "gather"]

ENTRIES = "entries.jsonl"
BODIES = "bodies.bin"
STATE = "state.json"
SPOOL = "rows.spool"
"""The rows of a Parquet export before they are a table; it never stands in the export."""

ROWS_AT_ONCE = 2_000
AT_ONCE = 500
"""Entries that one statement names: databases bound how many values one may."""
KEEP_ENTRIES = 500
KEEP_BYTES = 16 * 2**20
"""After so much it is noted how far the export got: what an interruption costs at most."""


def gather(
    log: AuditLog, state: State, work: Folder, content: Folder, progress: Callable[[int], None]
) -> None:
    """Copy what is still missing.

    Args:
        log: Open to read.
        state: How far it got; moved on.
        work: Where that is kept.
        content: What becomes the export.
        progress: Is told how many entries are done.

    Raises:
        AuditError: An entry is missing, or is not as it was sealed.
        ConfigError: A file of the half-made export was changed.
    """
    form = state.request.rows_format
    rows = (work, SPOOL) if form == "parquet" else (content, FILES[form])
    with ExitStack() as stack:
        files = [
            stack.enter_context(_continued(folder, name, state.lengths.get(name, 0)))
            for folder, name in ((content, ENTRIES), (content, BODIES), rows)
        ]
        copying = _Copying(log, state, work, dict(zip((ENTRIES, BODIES, rows[1]), files, strict=True)))
        for page in log.summary_pages(state.next_seq, state.last_seq) if state.first_seq else ():
            for _ in copying.copy(page):
                progress(state.next_seq - state.first_seq)
        if state.first_seq and state.next_seq <= state.last_seq:
            raise _missing(state.next_seq)
        copying.keep()


@dataclass(frozen=True, slots=True)
class _Looked:
    """An entry that is as it was sealed, but for its body; whether that is wanted, or was wanted and is destroyed."""

    entry: Entry
    wanted: bool
    destroyed: bool = False


class _Copying:
    """The files of an export while they grow: entries, bodies, rows."""

    def __init__(self, log: AuditLog, state: State, work: Folder, files: Mapping[str, BinaryIO]) -> None:
        self._log = log
        self._state = state
        self._work = work
        self._files = files
        self._selection = state.request.selection
        self._entries, self._bodies, self._rows = files.values()
        begin, self._lines = as_lines(state.request.rows_format)
        if not self._rows.tell():
            self._rows.write(begin)
        self._key_ids = set(state.key_ids)
        self._met = {kind: set(names) for kind, names in state.met.items()}
        self._destroyed = DestroyedKeys(log)
        self._kept_seq, self._kept_bytes = state.next_seq, self._bodies.tell()

    def copy(self, page: Sequence[Row]) -> Iterator[None]:
        """Copy a page of entries, of those that can hold a wanted row with their bodies and rows; yield after each.

        All bodies of a page are read by one statement, or by some where they are large.
        """
        state = self._state
        looked, failure = self._looked_at(page)
        bodies = self._bodies_of([one.entry.header.seq for one in looked if one.wanted])
        for one in looked:
            entry, seq = one.entry, one.entry.header.seq
            try:
                body = self._body(entry, next(bodies, None)) if one.wanted else None
            except (Unsealed, ValueError) as exc:
                raise unreadable(seq, exc) from exc
            state.destroyed += one.destroyed
            self._entries.write(entry_line(entry, body))
            state.first_digest = state.first_digest or entry.digest.hex()
            state.previous = entry.digest.hex()
            state.next_seq += 1
            if (
                state.next_seq - self._kept_seq >= KEEP_ENTRIES
                or self._bodies.tell() - self._kept_bytes >= KEEP_BYTES
            ):
                self.keep()
            yield
        if failure is not None:
            raise failure

    def _looked_at(self, page: Sequence[Row]) -> tuple[Sequence[_Looked], AuditError | None]:
        """Return the entries of a page up to the first that is not as it was sealed, and what is told of that one."""
        found: list[_Looked] = []
        seq, previous = self._state.next_seq, self._state.previous
        self._log.keys.look_up({row.key_id for row in page if type(row.key_id) is int})
        for row in page:
            if row.seq != seq:
                return found, _missing(seq)
            try:
                entry = entry_of(self._log.log_id, row)
                _check(entry, previous)
                if self._destroyed.by_rule(entry.header.key_id):
                    found.append(_Looked(without_content(entry), wanted=False, destroyed=self._fits(entry)))
                else:
                    found.append(_Looked(entry, wanted=self._wanted(entry)))
            except (Unsealed, ValueError) as exc:
                failure = unreadable(row.seq, exc)
                failure.__cause__ = exc
                return found, failure
            seq, previous = seq + 1, entry.digest.hex()
        return found, None

    def _bodies_of(self, seqs: Sequence[int]) -> Iterator[Row]:
        """Yield the whole rows of some entries of a page, in order."""
        for start in range(0, len(seqs), AT_ONCE):
            some = seqs[start : start + AT_ONCE]
            yield from self._log.rows(some[0], some[-1], [schema.entries.c.seq.in_(some)])

    def keep(self) -> None:
        """Have everything on the disk, and then note how far it goes."""
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self._state.lengths = {name: file.tell() for name, file in self._files.items()}
        self._state.key_ids = sorted(self._key_ids)
        self._state.met = {kind: sorted(names) for kind, names in self._met.items()}
        self._work.write(STATE, self._state.encoded())
        self._kept_seq, self._kept_bytes = self._state.next_seq, self._bodies.tell()

    def _wanted(self, entry: Entry) -> bool:
        """Tell whether an entry can hold a wanted row."""
        if entry.summary is None:
            raise Unsealed("its summary is gone, and no entry of the log tells that it was destroyed")
        if not self._fits(entry):
            return False
        if not self._selection.by_content:
            return True
        summary = open_summary(entry, self._log.keys.find)
        for kind, names in self._selection.met(summary).items():
            self._met.setdefault(kind, set()).update(names)
        return self._selection.may_hold(summary)

    def _fits(self, entry: Entry) -> bool:
        """Tell whether an entry is of the times and classes that are asked for."""
        if not self._selection.fits(entry.header):
            return False
        self._met.setdefault("class", set()).add(entry.header.entry_class)
        return True

    def _body(self, entry: Entry, row: Row | None) -> tuple[int, int]:
        """Copy a body and its rows; return where it begins, and its bytes."""
        if row is None or row.seq != entry.header.seq:
            raise Unsealed("it was deleted meanwhile")
        whole = entry_of(self._log.log_id, row)
        if whole.digest != entry.digest or whole.body is None:
            raise Unsealed("its body is gone, or it was changed meanwhile")
        if hashlib.sha256(whole.body).digest() != entry.body_sha256:
            raise Unsealed("its body is not what was sealed")
        rows = self._chosen(entry.header.seq, open_body(whole, self._log.keys.find))
        while some := list(islice(rows, ROWS_AT_ONCE)):
            self._rows.write(self._lines(some))
            self._state.rows += len(some)
        offset = self._bodies.tell()
        self._bodies.write(whole.body)
        self._state.bodies += 1
        self._key_ids.add(entry.header.key_id)
        return offset, len(whole.body)

    def _chosen(self, seq: int, content: bytes) -> Iterator[tuple[int, ExportRow]]:
        return (
            (time_ns, row) for time_ns, row in rows_of(seq, content) if self._selection.holds(time_ns, row)
        )


def _check(entry: Entry, previous: str) -> None:
    """See that an entry is as it was sealed, as far as that is seen without its body."""
    if digest_of(entry) != entry.digest:
        raise Unsealed("its header, or one of its hashes, is not what was sealed")
    if previous and entry.previous.hex() != previous:
        raise Unsealed("it does not follow the one before it")
    if entry.summary is not None and hashlib.sha256(entry.summary).digest() != entry.summary_sha256:
        raise Unsealed("its summary is not what was sealed")


def _continued(folder: Folder, name: str, length: int) -> BinaryIO:
    """Return a file, open where what is good of it ends; what stands after that is cut off."""
    file = folder.open(name)
    if file.seek(0, os.SEEK_END) < length:
        file.close()
        raise ConfigError(f"{folder.path / name} was changed since: remove {folder.path}, and begin anew")
    file.seek(length)
    file.truncate()
    return file


def _missing(seq: int) -> AuditError:
    return AuditError(f"entry {seq} of the audit log is missing; run `ticktrail audit verify`")
