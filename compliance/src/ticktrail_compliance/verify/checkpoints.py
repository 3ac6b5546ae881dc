"""Hold the checkpoints that stand in a log's database against the log.

Owns: what a checkpoint can be: missing, changed, signed by another key, or of another log than this.
Never: walks the log; who does asks where a root is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of
from ticktrail_compliance.proof.note import BadNote, Note
from ticktrail_compliance.store.log import Row, StoredLog
from ticktrail_compliance.verify.outcome import Findings

__all__ = ["OwnCheckpoints"]


class OwnCheckpoints:
    """The checkpoints of one log, met in the order of their sizes as the log is walked.

    Args:
        log: Open to read.
        last: The number of the last one, as of the moment that is looked at: a feed may add others meanwhile.
        findings: Gets what is found.
    """

    def __init__(self, log: StoredLog, last: int, findings: Findings) -> None:
        self.agreed = 0
        """Checkpoints that the log agrees with."""
        self.agreed_size = 0
        """How many entries the largest of them covers."""
        self._verifier = log.verifier
        self._findings = findings
        self._number = 0
        self._last_size = 0
        self._rows = self._genuine(log.checkpoint_notes(), last)
        self._next = next(self._rows, None)

    def due(self, size: int) -> int | None:
        """Return the number of the checkpoint that covers so many entries; None where there is none."""
        while self._next is not None and self._next[1].size < size:  # of a size at which no root is known
            self._next = next(self._rows, None)
        return self._next[0] if self._next is not None and self._next[1].size == size else None

    def compare(self, size: int, root: bytes) -> None:
        """Hold the checkpoint of a size against the root that the log has there."""
        if self._next is None:
            return
        number, found = self._next
        if found.root == root:
            self.agreed += 1
            self.agreed_size = size
        else:
            self._findings.add(
                size,
                f"checkpoint {number} has another root of the first {size} entries: the log was forked, or put back "
                "and written anew",
            )
        self._next = next(self._rows, None)

    def finish(self, checkpoints: int, size: int, entries: int) -> None:
        """Hold what was met against what the head says, and against how far the log goes.

        Args:
            checkpoints: How many there are, as the head says.
            size: How far the last one goes, as it says.
            entries: The number of the last entry.
        """
        while self._next is not None:
            number, found = self._next
            if found.size > entries:
                self._findings.add(
                    entries + 1,
                    f"checkpoint {number} knows entry {found.size}, and the log ends at entry {entries}: entries were "
                    "deleted at the end",
                )
            self._next = next(self._rows, None)
        if self._number < checkpoints:
            gone = checkpoints - self._number
            what = "1 checkpoint is" if gone == 1 else f"{gone} checkpoints are"
            self._findings.add(None, f"{what} missing at the end of {checkpoints}")
        elif self._number > checkpoints:
            self._findings.add(None, f"checkpoints after {checkpoints} were not added by a feed")
        elif self._last_size != size:
            self._findings.add(
                None, f"the last checkpoint covers {self._last_size} entries, and the head says {size}"
            )

    def _genuine(self, rows: Iterator[Row], last: int) -> Iterator[tuple[int, Checkpoint]]:
        """Yield the checkpoints that are this log's, in order; what is wrong with others is a finding."""
        for row in rows:
            number = row.number
            if type(number) is not int:
                self._findings.add(None, "a checkpoint has no number")
                continue
            if number > last:
                return
            if number != self._number + 1:
                self._findings.add(None, f"checkpoint {self._number + 1} is missing")
            self._number = number
            try:
                found = checkpoint_of(
                    Note.parse(str(row.note).encode()), [self._verifier], self._verifier.name
                )
            except BadNote as exc:
                self._findings.add(None, f"checkpoint {number} is none of this log: {exc}")
                continue
            if found.size != row.size or found.size <= self._last_size:
                self._findings.add(None, f"checkpoint {number}: its column size or its place was changed")
            self._last_size = max(self._last_size, found.size)
            yield number, found
