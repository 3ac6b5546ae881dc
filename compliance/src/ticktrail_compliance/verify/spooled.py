"""Hold what a database remembers of spools against what the entries of its log tell of them.

Owns: what is wrong with such a row: changed, missing, or added. Without it a spool could be added a second time.
Never: looks at a spool's file.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.verify.chain import Walked
from ticktrail_compliance.verify.outcome import MOST_FINDINGS, Caught, Findings

__all__ = ["check_spools"]


def check_spools(
    log: AuditLog, told: Sequence[Caught], walked: Walked, destroyed: Collection[int], findings: Findings
) -> None:
    """Look at every row of spools.

    Args:
        log: Open to read.
        told: What entries tell.
        walked: How far the log was walked; a feed may have gone on since.
        destroyed: Data keys that were destroyed by rule: what they sealed tells nothing any more.
        findings: Gets what is found.
    """
    wanted = {(one.spool_id, one.last_frame, one.seq) for one in told}
    strange: list[tuple[object, object]] = []
    for row in log.spool_rows():
        found = (row.spool_id, row.last_frame, row.seq)
        if found in wanted:
            wanted.discard(found)
        elif len(strange) < MOST_FINDINGS:
            strange.append((row.spool_id, row.seq))
    for spool_id, seq in strange:
        if not _is_out_of_reach(log, seq, walked, destroyed):
            findings.add(
                None,
                f"the row of spool {str(spool_id)[:36]} was changed or added: no entry tells that it was caught up "
                "with so",
            )
    for spool_id, last_frame, seq in sorted(wanted):
        findings.add(
            seq,
            f"entry {seq} tells that spool {spool_id} was caught up with to frame {last_frame}, and its row is "
            "missing or was changed",
        )


def _is_out_of_reach(log: AuditLog, seq: object, walked: Walked, destroyed: Collection[int]) -> bool:
    """Tell whether an entry was added since, or can be read by nobody any more."""
    if type(seq) is not int or seq < 1:
        return False
    row = log.row(seq)
    return row is not None and (seq > walked.last_seq or row.key_id in destroyed)
