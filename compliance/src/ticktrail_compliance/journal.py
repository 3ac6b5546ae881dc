"""Gather records into entries.

Owns: which records are kept, when a segment of ticks is full, and the order: entries follow the order of decisions.
Never: seals or stores; it hands over what is ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ticktrail.plugin import Record, Routed
from ticktrail_compliance.entry import EntryClass

__all__ = ["Gathered", "Journal"]


@dataclass(frozen=True, slots=True)
class Gathered:
    """The records of one entry to be."""

    kind: EntryClass
    records: Sequence[Record]
    ticks: int
    first_ns: int
    last_ns: int


class Journal:
    """The segment that is open, and what became ready.

    Args:
        keep: Which ticks are kept.
        segment_ticks: Ticks that make a segment full.
    """

    def __init__(self, *, keep: Literal["all", "rejected", "none"], segment_ticks: int) -> None:
        self._keep = keep
        self._segment_ticks = segment_ticks
        self._open: list[Routed] = []
        self._ticks = 0
        self._ready: list[Gathered] = []
        self.opened_ns: int | None = None
        """On the monotonic clock, when the oldest tick that is not ready came; None if there is none."""

    def take(self, records: Sequence[Record], mono_ns: int) -> None:
        """Take records, in their order."""
        for record in records:
            if type(record) is Routed:
                kept = self._kept(record)
                ticks = (
                    len(kept.delivered)
                    + len(kept.rejected)
                    + sum(len(held.ticks) for held in kept.suppressed)
                )
                if ticks or kept.flagged:
                    if self.opened_ns is None:
                        self.opened_ns = mono_ns
                    self._open.append(kept)
                    self._ticks += ticks
                    if self._ticks >= self._segment_ticks:
                        self.close_segment()
            elif not isinstance(record, Routed):
                self.close_segment()
                self._ready.append(Gathered("control", (record,), 0, record.at_ns, record.at_ns))

    def close_segment(self) -> None:
        """Make the open segment ready, if there is anything in it."""
        if self._open:
            first, last = self._open[0].recv_ns, self._open[-1].recv_ns
            self._ready.append(Gathered("journal", self._open, self._ticks, first, last))
            self._open, self._ticks, self.opened_ns = [], 0, None

    def ready(self) -> Sequence[Gathered]:
        """Return what is ready, once."""
        ready, self._ready = self._ready, []
        return ready

    def _kept(self, record: Routed) -> Routed:
        if self._keep == "all":
            return record
        if self._keep == "none":
            return Routed(provider=record.provider, recv_ns=record.recv_ns)
        return Routed(
            provider=record.provider,
            recv_ns=record.recv_ns,
            rejected=record.rejected,
            flagged=record.flagged,
        )
