"""Judge a log by the checkpoints that its anchors keep.

Owns: what an anchor contradicts, and the words for it.
Never: reads the log; verification hands each entry over as it walks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ticktrail.errors import ConfigError
from ticktrail_compliance.proof.anchor import read_anchor
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of
from ticktrail_compliance.proof.merkle import EMPTY_ROOT, Frontier
from ticktrail_compliance.proof.note import BadNote, Verifier
from ticktrail_compliance.reading import EVENTS

__all__ = ["AnchorFile", "Judge"]

UNTOLD = 1
"""Checkpoints of the log that an anchor may lack: it is told right after the log, and a crash may come between."""

FEED_CLASSES: frozenset[object] = EVENTS | {"journal"}
"""What a feed alone adds; commands may be given without its anchors, and sign what they add all the same."""


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """An anchor to judge by.

    Attributes:
        path: Where it is.
        own: The feed writes to it; one that somebody brought may be old.
    """

    path: Path
    own: bool = False


@dataclass(slots=True)
class _Held:
    """What is known of one anchor."""

    file: AnchorFile
    top: int = 0  # the largest size
    top_line: int = 0
    lacks: int = 0  # checkpoints of the log that the feed must have told it of
    bad: list[tuple[int, str]] = field(default_factory=list)  # what is no checkpoint of this log, by line


class Judge:
    """What the anchors say of a log while it is walked.

    Args:
        files: The anchors, all read now.
        verifier: The log's key; its name is the log's origin.

    Raises:
        ConfigError: An anchor that somebody brought cannot be read.
    """

    def __init__(self, files: Sequence[AnchorFile], verifier: Verifier) -> None:
        self._verifier = verifier
        self._findings: list[str] = []
        self._tree = Frontier()
        self._wanted: dict[int, dict[bytes, str]] = {}  # roots by size, with where each stands
        self._counts: dict[tuple[int, bytes], int] = {}
        self.agreed_size = 0
        """How many entries the largest of them covers, before the first that it does not agree with."""
        self._forked: tuple[int, str] | None = None
        self._feeds = False  # whether a feed added anything since the log's last checkpoint
        self._signed = False  # whether the log has a checkpoint
        self._whole = True
        self.agreed = 0
        """Checkpoints that the log agrees with."""
        self.torn = 0
        """Notes that a crash cut short."""
        self._held = [self._read(file) for file in files]
        self._compare(0, EMPTY_ROOT)

    def take(self, seq: int, digest: bytes, entry_class: object) -> None:
        """Take an entry by its leaf hash; the first that is out of its place ends what can be compared."""
        self._feeds = self._feeds or entry_class in FEED_CLASSES
        if seq != self._tree.size + 1:
            self._whole = False
        if self._whole:
            self._tree.append(digest)
            if seq in self._wanted:
                self._compare(seq, self._tree.root())

    def take_checkpoint(self, size: int) -> None:
        """Take a checkpoint that stood in the log before the anchors were read, once its last entry was taken."""
        self._signed = True
        if self._feeds:
            for held in self._held:
                held.lacks += size > held.top
        self._feeds = False

    def findings(self, size: int) -> Iterator[tuple[int | None, str]]:
        """Yield what the anchors contradict in a log of this many entries, with the entry where there is one."""
        for held in self._held:
            yield from self._of(held)
        if self._forked is not None:
            forked, where = self._forked
            after = f" and after entry {self.agreed_size}" if self.agreed_size else ""
            what = (
                f"the log was forked, or put back and written anew, before entry {forked + 1}{after}: {where} has "
                f"another root of its first {forked} entries"
            )
            yield self.agreed_size + 1, what
        top = max(self._held, key=lambda held: held.top, default=None)
        if top is not None and top.top > size:
            entries = "1 entry is" if top.top == size + 1 else f"{top.top - size} entries are"
            what = (
                f"the tail was cut off: {entries} missing (the log ends at entry {size}, and anchor {top.file.path}, "
                f"line {top.top_line}, knows entry {top.top}); entries were deleted, or an older copy was put back"
            )
            yield size + 1, what
        for held in self._held:
            yield from self._late(held, size)

    def _read(self, file: AnchorFile) -> _Held:
        held = _Held(file)
        if file.own and not file.path.is_file():
            return held
        for found in read_anchor(file.path):
            if found.note is None:
                if found.torn:
                    self.torn += 1
                else:
                    held.bad.append((found.line, f"no note stands there ({found.why})"))
                continue
            try:
                checkpoint = checkpoint_of(found.note, [self._verifier], self._verifier.name)
            except BadNote as exc:
                held.bad.append((found.line, f"the note there is no checkpoint of this log: {exc}"))
                continue
            self._want(checkpoint, f"anchor {file.path}, line {found.line},")
            if checkpoint.size >= held.top:
                held.top, held.top_line = checkpoint.size, found.line
        if not file.own and not held.top_line and not held.bad:
            raise ConfigError(f"anchor {file.path} holds no checkpoint: name the file that the feed wrote")
        return held

    def _want(self, checkpoint: Checkpoint, where: str) -> None:
        self._wanted.setdefault(checkpoint.size, {}).setdefault(checkpoint.root, where)
        known = (checkpoint.size, checkpoint.root)
        self._counts[known] = self._counts.get(known, 0) + 1

    def _compare(self, size: int, root: bytes) -> None:
        for wanted, where in self._wanted.pop(size, {}).items():
            if wanted == root:
                self.agreed += self._counts[size, wanted]
                if self._forked is None:
                    self.agreed_size = size
            elif self._forked is None:
                self._forked = (size, where)

    def _of(self, held: _Held) -> Iterator[tuple[int | None, str]]:
        if held.bad:
            line, what = held.bad[0]
            more = f" (and {len(held.bad) - 1} more of its notes)" if len(held.bad) > 1 else ""
            yield None, f"anchor {held.file.path}, line {line}: {what}{more}"

    def _late(self, held: _Held, size: int) -> Iterator[tuple[int | None, str]]:
        """Yield that an anchor lacks checkpoints which the feed must have written."""
        path = held.file.path
        if not held.file.own or size <= held.top:
            return
        if not held.top:
            if path.is_file() and not self._signed:
                return  # nothing was signed yet that it could hold
            state = "holds no checkpoint of this log" if path.is_file() else "is missing"
            what = (
                f"anchor {path} {state}, and the log has {size} entries: it was emptied or removed, unless it is new "
                f"in the feed file and the feed did not run since"
            )
            yield None, what
        elif held.lacks > UNTOLD:
            what = (
                f"anchor {path} ends at entry {held.top}, and the log has {held.lacks} later checkpoints of the feed: "
                "they were cut off its end, unless the feed said that it could not write there"
            )
            yield held.top + 1, what
