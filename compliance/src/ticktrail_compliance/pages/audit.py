"""Show the audit log of a feed that runs: how far it goes, what covers it, and whether it was verified.

Owns: the figures of the page ``audit``.
Never: verifies; `ticktrail audit verify` does.
"""

from __future__ import annotations

from ticktrail.plugin import Figure, Panel
from ticktrail_compliance.acts import LogVerified
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.incidents.deadlines import left
from ticktrail_compliance.reading import Range, conditions, entry_of, open_records
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted

__all__ = ["AuditView"]

_NS_PER_S = 1_000_000_000
_STALE_NS = 3_600 * _NS_PER_S
"""Without a checkpoint for so long, entries could be cut off the log unseen."""


class AuditView:
    """The view of one log; remembers what it saw, so that the next look reads what is new alone."""

    def __init__(self) -> None:
        self._seq = 0
        self._verified: tuple[int, LogVerified] | None = None
        self._before: tuple[int, int] | None = None

    def __call__(self, log: AuditLog, now_ns: int) -> Panel:
        """Return what there is to see at a moment.

        Raises:
            AuditError: The database failed.
        """
        head = log.head()
        if head is None:
            return Panel(
                trouble="the log's end is not what was sealed: run `ticktrail audit verify`",
                figures=[Figure(label="Log", value="broken", mood="bad")],
            )
        self._catch_up(log)
        rate = self._rate(head.seq, now_ns)
        return Panel(
            figures=[
                Figure(label="Entries", value=f"{head.seq:,}", note=rate),
                self._checkpoint(log, head.seq, head.checkpoint_size, now_ns),
                self._verification(now_ns),
                Figure(label="Writers so far", value=f"{head.writers:,}"),
            ]
        )

    def _rate(self, seq: int, now_ns: int) -> str:
        before, self._before = self._before, (seq, now_ns)
        if before is None or now_ns <= before[1]:
            return ""
        return f"{(seq - before[0]) * _NS_PER_S / (now_ns - before[1]):,.1f} entries/s"

    def _checkpoint(self, log: AuditLog, seq: int, covered: int, now_ns: int) -> Figure:
        open_entries = seq - covered
        if not open_entries:
            return Figure(label="Last checkpoint", value=f"covers all {covered:,}", mood="good")
        row = log.row(covered + 1)
        since_ns = now_ns if row is None or not isinstance(row.last_ns, int) else row.last_ns
        return Figure(
            label="Last checkpoint",
            value=f"covers {covered:,}",
            note=f"{counted(open_entries, 'entry', 'entries')} since, the first {left(max(now_ns - since_ns, 0))} ago",
            mood="warning" if now_ns - since_ns > _STALE_NS else "plain",
        )

    def _verification(self, now_ns: int) -> Figure:
        if self._verified is None:
            return Figure(
                label="Last verification",
                value="none told",
                note="ticktrail audit verify records that it ran where a policy is in force",
                mood="warning",
            )
        seq, act = self._verified
        ago = left(max(now_ns - act.at_ns, 0))
        if not act.sound:
            return Figure(
                label="Last verification",
                value=f"{act.findings:,} findings",
                note=f"{ago} ago, entry {seq}",
                mood="bad",
            )
        return Figure(
            label="Last verification",
            value="sound",
            note=f"{act.mode}, up to entry {act.size:,}, {ago} ago",
            mood="good",
        )

    def _catch_up(self, log: AuditLog) -> None:
        """Look for verifications among what is new; an entry that cannot be read tells of none."""
        wanted = conditions(Range(classes=frozenset({"access"})))
        for row in log.rows(self._seq + 1, None, wanted):
            self._seq = row.seq
            try:
                records = open_records(entry_of(log.log_id, row), log.keys.find)
            except (Unsealed, ValueError):
                continue
            for record in records:
                if isinstance(record, LogVerified):
                    self._verified = (row.seq, record)
