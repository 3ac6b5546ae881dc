"""Walk a log from its first entry to its last, and say what is not as it was sealed.

Owns: every check, and the words for what fails one.
Never: writes, or stops at the first finding: the rest of the log is worth knowing.

What it cannot see alone: a whole database put back to an older copy is sound in itself. That takes a copy of the head
kept elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import sqlalchemy

from ticktrail_compliance.entry import FIRST_DIGEST, Entry, Unsealed, chain
from ticktrail_compliance.log import AuditLog, DataKey
from ticktrail_compliance.reading import entry_of, open_records
from ticktrail_compliance.records import StoredRouted

__all__ = ["Finding", "Verified", "verify"]

MOST_FINDINGS = 100


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was sealed; `seq` is the entry, None for what is none's alone."""

    seq: int | None
    what: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome.

    Attributes:
        sound: Nothing was found.
        entries: Rows that were looked at.
        events: Control events in entries that are sound.
        segments: Segments of ticks that are sound.
        ticks: Ticks in those.
        findings: In order, the first 100.
        head: Digest of the last entry in hexadecimal: kept elsewhere, it proves later that nothing was put back.
    """

    sound: bool
    entries: int
    events: int
    segments: int
    ticks: int
    findings: Sequence[Finding]
    head: str | None


def verify(log: AuditLog, *, progress: Callable[[int], None] = lambda _: None) -> Verified:
    """Return the outcome of a walk over the whole log.

    Args:
        log: Open to read.
        progress: Called after each entry, with how many there were.
    """
    return _Walk(log, progress).outcome()


class _Walk:
    def __init__(self, log: AuditLog, progress: Callable[[int], None]) -> None:
        self._log = log
        self._progress = progress
        self._findings: list[Finding] = []
        self._entries = self._events = self._segments = self._ticks = 0
        self._seq = 0
        self._digest = FIRST_DIGEST
        self._keys: dict[int, DataKey | None] = {}

    def outcome(self) -> Verified:
        self._read_keys()
        for row in self._log.rows(from_seq=-(2**62)):
            self._look_at(row)
            self._entries += 1
            self._progress(self._entries)
        self._look_at_head()
        return Verified(
            sound=not self._findings,
            entries=self._entries,
            events=self._events,
            segments=self._segments,
            ticks=self._ticks,
            findings=tuple(self._findings[:MOST_FINDINGS]),
            head=self._digest.hex() if self._entries else None,
        )

    def _find(self, seq: int | None, what: str) -> None:
        self._findings.append(Finding(seq=seq, what=what))

    def _read_keys(self) -> None:
        for key_id, kind, month, key in self._log.all_data_keys():
            self._keys[key_id] = key
            if key is None:
                self._find(
                    None, f"data key {key_id} ({kind} {month}) was changed: what it sealed cannot be read"
                )

    def _look_at(self, row: sqlalchemy.Row[tuple[object, ...]]) -> None:
        seq = row.seq
        if type(seq) is not int:
            self._find(None, f"a row's column seq holds no whole number but {str(seq)[:40]!r}")
            return
        if seq != self._seq + 1:
            missing = str(self._seq + 1) if seq == self._seq + 2 else f"{self._seq + 1} to {seq - 1}"
            what = (
                f"entry {missing} is missing" if seq > self._seq else f"entry {seq} stands before the first"
            )
            self._find(self._seq + 1 if seq > self._seq else seq, what)
        self._seq = seq
        try:
            entry = entry_of(self._log.log_id, row)
            records = self._opened(entry)
        except (Unsealed, ValueError) as exc:
            self._find(seq, f"entry {seq}: {exc}")
            if isinstance(row.digest, bytes):
                self._digest = row.digest
            return
        links = self._links(entry)
        if links is not None:
            self._find(seq, links)
        else:
            self._count(entry, records)
        self._digest = chain(entry.header, entry.body, entry.previous)

    def _opened(self, entry: Entry) -> int:
        """Return how many records the entry holds, once header, body and content agree."""
        records = open_records(entry, self._keys)
        ticks = sum(
            len(record.delivered) + len(record.rejected) + sum(len(held.ticks) for held in record.suppressed)
            for record in records
            if isinstance(record, StoredRouted)
        )
        if ticks != entry.header.ticks:
            raise Unsealed(f"it holds {ticks} ticks, and its header says {entry.header.ticks}")
        return len(records)

    def _links(self, entry: Entry) -> str | None:
        """Return what is wrong with the entry's place in the chain."""
        seq = entry.header.seq
        digest = chain(entry.header, entry.body, self._digest)
        if entry.previous != self._digest:
            if digest == entry.digest:
                return f"entry {seq}: its column previous was changed"
            return (
                f"entry {seq} does not follow entry {seq - 1}: one of the two was changed, moved or replaced"
            )
        if digest != entry.digest:
            return f"entry {seq}: its column digest was changed"
        return None

    def _count(self, entry: Entry, records: int) -> None:
        if entry.header.kind == "control":
            self._events += records
        else:
            self._segments += 1
            self._ticks += entry.header.ticks

    def _look_at_head(self) -> None:
        head = self._log.head()
        if head is None:
            self._find(None, "the head is missing: whether entries were cut off at the end cannot be told")
        elif not head.genuine:
            self._find(None, "the head, or the log's own row, was changed")
        elif head.seq > self._seq:
            first, last = self._seq + 1, head.seq
            gone = f"entry {last} is" if first == last else f"entries {first} to {last} are"
            self._find(first, f"{gone} missing at the end")
        elif head.seq < self._seq:
            self._find(head.seq + 1, f"entries after {head.seq} were not added by a feed")
        elif head.digest != self._digest and not self._findings:
            self._find(head.seq, f"entry {head.seq} is not the one that was sealed last")
