"""Hold what verification found.

Owns: findings, and the counts of what is sound.
Never: looks for any.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

__all__ = ["MOST_FINDINGS", "Caught", "Checked", "Finding", "Findings", "Verified"]

MOST_FINDINGS = 100


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not as it was sealed; `seq` is the entry, None for what is none's alone."""

    seq: int | None
    what: str


class Findings:
    """Findings as they come: the first are kept, all are counted."""

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.count = 0

    def add(self, seq: int | None, what: str) -> None:
        """Take a finding."""
        self.count += 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(seq=seq, what=what))


class Caught(msgspec.Struct, frozen=True, array_like=True):
    """What an entry tells of a spool: up to which frame it was caught up with."""

    spool_id: str
    last_frame: int
    seq: int


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the contents of some entries are.

    Attributes:
        events: Records that are no batches, in entries that are sound.
        segments: Segments of ticks that are sound.
        ticks: Ticks in those.
        destroyed: Entries whose content was destroyed, as an entry of the log tells.
        findings: What is not as it was sealed, the first 100.
        spools: What is told of spools.
    """

    events: int = 0
    segments: int = 0
    ticks: int = 0
    destroyed: int = 0
    findings: Sequence[Finding] = ()
    spools: Sequence[Caught] = ()

    def plus(self, other: Checked) -> Checked:
        """Return both together."""
        return Checked(
            events=self.events + other.events,
            segments=self.segments + other.segments,
            ticks=self.ticks + other.ticks,
            destroyed=self.destroyed + other.destroyed,
            findings=(*self.findings, *other.findings)[:MOST_FINDINGS],
            spools=(*self.spools, *other.spools),
        )


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome.

    Attributes:
        sound: Nothing was found.
        quick: Contents were not looked at: what follows of them is 0.
        entries: Rows that were looked at.
        events: Events in entries that are sound.
        segments: Segments of ticks that are sound.
        ticks: Ticks in those.
        destroyed: Entries whose content was destroyed, as an entry of the log tells.
        own_checkpoints: Checkpoints in the log's database that agree with it.
        findings: In order, the first 100.
        head: Digest of the last entry in hexadecimal: kept elsewhere, it proves later that nothing was put back.
        checkpoints: Checkpoints of anchors that the log agrees with.
        torn: Checkpoints of anchors that a crash cut short, and that say nothing.
    """

    sound: bool
    quick: bool
    entries: int
    events: int
    segments: int
    ticks: int
    destroyed: int
    own_checkpoints: int
    findings: Sequence[Finding]
    head: str | None
    checkpoints: int = 0
    torn: int = 0
