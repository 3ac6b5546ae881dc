"""Prove the entries that a summary names and that the records of its period do not hold.

Owns: which those are: what was done before the period and still counted in it, such as the adoption of a policy.
Never: opens an entry; a proof tells that it is there, not what it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ticktrail_compliance.evidence.ending import Ending
from ticktrail_compliance.evidence.model import Entries, Summary
from ticktrail_compliance.export.folder import Folder
from ticktrail_compliance.proving import proof_against
from ticktrail_compliance.store.log import AuditLog

__all__ = ["write_proofs"]

PROOFS = "proofs"


def write_proofs(log: AuditLog, summary: Summary, ending: Ending, content: Folder) -> None:
    """Write a proof of each such entry, against the pack's checkpoint, as `ticktrail audit prove` does.

    Raises:
        AuditError: An entry is not as it was sealed.
    """
    seqs = outside(summary, ending)
    if not seqs:
        return
    with content.folder(PROOFS) as folder:
        for seq in seqs:
            proof = proof_against(log, seq, ending.checkpoint, ending.note)
            folder.write(f"entry-{seq}.tlog-proof", str(proof).encode())


def outside(summary: Summary, ending: Ending) -> Sequence[int]:
    """Return the entries that a summary names and that are under the checkpoint, but not among the records."""
    return sorted(
        {
            seq
            for seq in _named(summary)
            if 1 <= seq <= ending.checkpoint.size and not ending.first_seq <= seq <= ending.last_seq
        }
    )


def _named(summary: Summary) -> Iterator[int]:
    for one in summary.criteria:
        yield from _all(one.entries)
    for section in summary.sections:
        for figure in section.figures:
            yield from _all(figure.entries)
        for table in section.tables:
            places = [place for place, column in enumerate(table.columns) if column.kind == "entry"]
            for row in table.rows:
                yield from (cell for place in places if isinstance(cell := row[place], int))


def _all(found: Entries) -> Iterator[int]:
    yield from found.named
    if found.last is not None:
        yield found.last
