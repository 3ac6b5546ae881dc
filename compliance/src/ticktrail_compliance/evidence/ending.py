"""Find where a period ends in a log, and the checkpoint that covers it.

Owns: when a period can be packed: once it is over, and a stored checkpoint covers its last entry.
Never: signs one: the first that was stored is the same for every pack of the period.
"""

from __future__ import annotations

from dataclasses import dataclass

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.evidence.model import Period
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of
from ticktrail_compliance.proof.merkle import EMPTY_ROOT
from ticktrail_compliance.proof.note import BadNote, Note
from ticktrail_compliance.reading import Range, conditions
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import moment

__all__ = ["SETTLE_NS", "Ending", "ending_of", "refuse_unfinished"]

SETTLE_NS = 2 * 60 * 10**9
"""A tick waits to be sealed for a minute at most: after so long what a feed told of a time is in the log."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a period in a log.

    Attributes:
        first_seq: The first entry that tells of it.
        last_seq: The last one.
        checkpoint: The first stored one that covers that.
        note: It, signed.
    """

    first_seq: int
    last_seq: int
    checkpoint: Checkpoint
    note: Note


def refuse_unfinished(period: Period, now_ns: int) -> None:
    """Refuse a period that is not over.

    Raises:
        ConfigError: It is not.
    """
    if period.to_ns + SETTLE_NS > now_ns:
        raise ConfigError(
            f"--to {moment(period.to_ns)} is not past for two minutes yet: what feeds tell of it may not be sealed, "
            "and a second pack would be another one. Name an earlier moment, or wait"
        )


def ending_of(log: AuditLog, period: Period) -> Ending:
    """Return where a period ends.

    Raises:
        ConfigError: No entry tells of it, or no stored checkpoint covers its last one.
        AuditError: A checkpoint, or the log, is not as it was sealed.
    """
    span = log.span(conditions(Range(since_ns=period.from_ns, until_ns=period.to_ns)))
    if span is None:
        raise ConfigError(
            f"{log.name}: no entry tells of the time from {moment(period.from_ns)} to {moment(period.to_ns)}; name "
            "another period (`ticktrail audit show` prints the log)"
        )
    first_seq, last_seq = span
    row = next(
        (row for row in log.checkpoint_notes() if isinstance(row.size, int) and row.size >= last_seq), None
    )
    if row is None:
        raise ConfigError(
            f"{log.name}: no checkpoint covers entry {last_seq}, the last one of the period. A feed that runs signs "
            "one every `checkpoint_s`, one that starts seals what a crash left: wait for it, or start the feed"
        )
    verifier = log.signer().verifier
    try:
        note = Note.parse(str(row.note).encode())
        found = checkpoint_of(note, [verifier], verifier.name)
        root = log.roots(found.size)(0, found.size) if found.size else EMPTY_ROOT
    except (BadNote, ValueError) as exc:
        raise _unsound(row.number, str(exc)) from exc
    if found.size != row.size or found.root != root:
        raise _unsound(row.number, "it is not of the entries that are there")
    return Ending(first_seq, last_seq, found, note)


def _unsound(number: object, why: str) -> AuditError:
    return AuditError(
        f"checkpoint {number} of the audit log is not as it was signed ({why}); run `ticktrail audit verify`"
    )
