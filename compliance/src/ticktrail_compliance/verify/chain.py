"""Walk a log from its first entry to its last without opening one, and say what is not as it was sealed.

Owns: the chain, the tree with its tiles and checkpoints, the head, and what anchors know: everything that shows
without a key to the contents.
Never: reads a ciphertext, writes, or stops at the first finding: the rest of the log is worth knowing.

What it cannot see alone: a whole database put back to an older copy is sound in itself. That takes anchors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ticktrail_compliance.entry import FIRST_DIGEST, Entry, Unsealed, digest_of
from ticktrail_compliance.proof.merkle import HASH_BYTES, Frontier
from ticktrail_compliance.reading import entry_of
from ticktrail_compliance.store.log import Row, StoredLog
from ticktrail_compliance.store.tiles import Tile, TileBuilder
from ticktrail_compliance.verify.anchored import AnchorFile, Judge
from ticktrail_compliance.verify.checkpoints import OwnCheckpoints
from ticktrail_compliance.verify.outcome import Findings

__all__ = ["CHUNK_ENTRIES", "Walk", "Walked"]

CHUNK_ENTRIES = 200
"""Entries whose contents are looked at in one go: some seconds, so that progress is seen and little is done twice."""

_BEFORE_ALL = -(2**63)


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk saw.

    Attributes:
        entries: Rows.
        last_seq: The number of the last.
        bounds: The number of every so manieth row, and of the last: numbers alone can have any hole between them.
        digest: That the last entry must have.
        own_checkpoints: Checkpoints in the database that agree.
        anchored: Checkpoints of anchors that agree.
        torn: Checkpoints of anchors that say nothing.
        proven: How many entries, from the first one, the largest checkpoint covers that agrees.
    """

    entries: int
    last_seq: int
    bounds: Sequence[int]
    digest: bytes
    own_checkpoints: int
    anchored: int
    torn: int
    proven: int


class Walk:
    """One walk.

    Args:
        log: Open to read.
        anchors: Files of checkpoints that it must agree with.
        findings: Gets what is found.
        progress: Called now and then with how many entries were looked at.

    Raises:
        ConfigError: An anchor that somebody brought cannot be read.
    """

    def __init__(
        self,
        log: StoredLog,
        anchors: Sequence[AnchorFile],
        findings: Findings,
        progress: Callable[[int], None],
    ) -> None:
        self._log = log
        self._told = log.seen().last_checkpoint  # of which anchors that are read after it must have heard
        self._judge = Judge(anchors, log.verifier)  # before the walk: a feed that runs writes to both
        self._findings = findings
        self._progress = progress
        self._seen = log.seen()
        self._own = OwnCheckpoints(log, self._seen.last_checkpoint, findings)
        self._tree = Frontier()
        self._tiles = TileBuilder(0, lambda _level, _first, _stop: ())
        self._tile_count = 0
        self._whole = True  # every entry so far is there, so that the tree can be held against others
        self._entries = 0
        self._seq = 0
        self._digest = FIRST_DIGEST  # that the last entry must have
        self._stored: object = (
            FIRST_DIGEST  # that stands there: where it was changed alone, the next entry tells
        )
        self._counters: dict[int, int] = {}

    def run(self) -> Walked:
        """Walk, and return what was seen."""
        head, last = self._seen.head, self._seen.last_seq
        bounds: list[int] = []
        for row in self._log.plain_rows(from_seq=_BEFORE_ALL, to_seq=last):
            self._look_at(row)
            self._entries += 1
            if self._entries % CHUNK_ENTRIES == 0 or self._seq == last:
                bounds.append(self._seq)
            if self._entries % 1_000 == 0:
                self._progress(self._entries)
        self._progress(self._entries)
        if head is None:
            self._findings.add(
                None,
                "the head is missing or was changed, or the log's own row was: whether entries were cut off at the end "
                "cannot be told",
            )
        else:
            self._look_at_end(head.seq, head.digest, head.tree().root())
            self._own.finish(head.checkpoints, head.checkpoint_size, self._seq)
        self._look_at_tiles()
        for seq, what in self._judge.findings(self._seq):
            self._findings.add(seq, what)
        return Walked(
            entries=self._entries,
            last_seq=self._seq,
            bounds=bounds,
            digest=self._digest,
            own_checkpoints=self._own.agreed,
            anchored=self._judge.agreed,
            torn=self._judge.torn,
            proven=max(self._own.agreed_size, self._judge.agreed_size),
        )

    def _look_at(self, row: Row) -> None:
        seq = row.seq
        if seq != self._seq + 1:
            self._misplaced(seq)
        self._seq = seq
        digest: object = row.digest
        try:
            entry = entry_of(self._log.log_id, row)
            digest = self._linked(entry)
        except Unsealed as exc:
            self._findings.add(seq, f"entry {seq}: {exc}")
        if not isinstance(digest, bytes) or len(digest) != HASH_BYTES:
            digest = self._digest
            self._whole = False
        self._digest = digest
        self._stored = row.digest
        stored = row.digest if isinstance(row.digest, bytes) and len(row.digest) == HASH_BYTES else digest
        self._judge.take(seq, stored, row.entry_class)
        if self._whole:
            self._grow(stored)

    def _misplaced(self, seq: int) -> None:
        self._whole = False
        if seq > self._seq:
            missing = str(self._seq + 1) if seq == self._seq + 2 else f"{self._seq + 1} to {seq - 1}"
            self._findings.add(self._seq + 1, f"entry {missing} is missing")
        else:
            self._findings.add(seq, f"entry {seq} stands before the first")

    def _linked(self, entry: Entry) -> bytes:
        """Return the digest that the entry must have, once its place in the chain was looked at."""
        header = entry.header
        digest = digest_of(entry)
        what = self._wrong_link(entry, digest)
        if what is not None:
            self._findings.add(header.seq, what)
        before = self._counters.get(header.writer, 0)
        if what is None and header.counter != before + 1:
            self._findings.add(
                header.seq,
                f"entry {header.seq} is number {header.counter} of writer {header.writer}, and {before + 1} is missing",
            )
        self._counters[header.writer] = max(before, header.counter)
        return digest

    def _wrong_link(self, entry: Entry, digest: bytes) -> str | None:
        seq = entry.header.seq
        if entry.previous in (self._digest, self._stored):
            if digest == entry.digest:
                return None
            return f"entry {seq}: its header, a digest of its parts, or its column digest was changed"
        meant = Entry(
            header=entry.header,
            previous=self._digest,
            digest=entry.digest,
            summary_sha256=entry.summary_sha256,
            body_sha256=entry.body_sha256,
            summary=None,
            body=None,
        )
        if digest_of(meant) == entry.digest:
            return f"entry {seq}: its column previous was changed"
        return f"entry {seq} does not follow entry {seq - 1}: one of the two was changed, moved or replaced"

    def _grow(self, digest: bytes) -> None:
        self._tree.append(digest)
        for tile in self._tiles.add(digest):
            self._tile_count += 1
            self._compare(tile)
        if (number := self._own.due(self._seq)) is not None:
            if number <= self._told:
                self._judge.take_checkpoint(self._seq)
            self._own.compare(self._seq, self._tree.root())

    def _compare(self, tile: Tile) -> None:
        found = self._log.tile(tile.level, tile.position)
        name = f"tile {tile.position} of level {tile.level}"
        if found is None:
            self._findings.add(None, f"{name} of the tree is missing")
        elif found != (tile.root, b"".join(tile.hashes)):
            self._findings.add(None, f"{name} of the tree was changed")

    def _look_at_end(self, seq: int, digest: bytes, root: bytes) -> None:
        if seq > self._seq:
            first, last = self._seq + 1, seq
            gone = f"entry {last} is" if first == last else f"entries {first} to {last} are"
            self._findings.add(first, f"{gone} missing at the end")
        elif seq < self._seq:
            self._findings.add(seq + 1, f"entries after {seq} were not added by a feed")
        elif not self._findings.count and (digest != self._digest or root != self._tree.root()):
            self._findings.add(seq, f"entry {seq} is not the one that was sealed last")

    def _look_at_tiles(self) -> None:
        if self._whole and (there := self._seen.tiles) > self._tile_count:
            self._findings.add(
                None, f"the tree has {there} tiles, and a log of {self._seq} entries has {self._tile_count}"
            )
