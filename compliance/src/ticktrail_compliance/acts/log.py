"""Say what was done with the log itself: who wrote to it, what was exchanged, destroyed or taken out of it.

Owns: one frozen Struct a kind of act.
Never: carries a secret.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.acts.base import ActBase, Actor
from ticktrail_compliance.recording.used import RecordingUsed

__all__ = [
    "KeysDestroyed",
    "KeysRewrapped",
    "LogExported",
    "PredecessorNamed",
    "SpoolCaughtUp",
    "TailSealed",
    "WriterOpened",
]


class WriterOpened(ActBase, frozen=True, tag="writer_opened"):
    """A process opened the log to write; its entries bear this number. A feed tells by which settings it records."""

    writer: int
    actor: Actor
    program: str
    purpose: str
    recording: RecordingUsed | None = None


class TailSealed(ActBase, frozen=True, tag="tail_sealed"):
    """Entries that no checkpoint covered were found, as a crash leaves them, or a writer that is still at work.

    A checkpoint covers them from now on.
    """

    first_seq: int
    last_seq: int


class SpoolCaughtUp(ActBase, frozen=True, tag="spool_caught_up"):
    """What was kept in a spool while the database could not be written stands in the entries after this one."""

    spool_id: str
    first_frame: int
    last_frame: int
    from_ns: int
    to_ns: int
    cause: str


class KeysRewrapped(ActBase, frozen=True, tag="keys_rewrapped"):
    """Every key of the log was wrapped by another one; what was sealed stays as it is."""

    actor: Actor
    from_kek: str
    to_kek: str
    keys: int


class KeysDestroyed(ActBase, frozen=True, tag="keys_destroyed"):
    """Data keys are destroyed: what they sealed can be proven, and be read by nobody any more.

    The entry comes before the deed; what was not done after it, a `DestructionWithheld` tells. `plan` is the
    retention plan that it follows; empty: it was done by hand.
    """

    actor: Actor
    purpose: str
    entry_class: str
    month: str
    key_ids: Sequence[int]
    entries: int
    plan: str = ""


class LogExported(ActBase, frozen=True, tag="log_exported"):
    """Part of the log was exported; `manifest_sha256` is of the export's manifest, which tells one from another."""

    actor: Actor
    purpose: str
    first_seq: int
    last_seq: int
    from_ns: int | None
    to_ns: int | None
    classes: Sequence[str]
    instruments: Sequence[str]
    providers: Sequence[str]
    outcomes: Sequence[str]
    rows_format: str
    with_keys: bool
    manifest_sha256: str = ""


class PredecessorNamed(ActBase, frozen=True, tag="predecessor_named"):
    """This log was begun in place of another one, which was lost or is not gone on with.

    `size` and `root` (hexadecimal) are those of the last checkpoint of that log which was at hand, `note` is that
    checkpoint as it was signed, and `verifier_key` the public key by which it was verified before this was recorded.
    """

    actor: Actor
    reason: str
    origin: str
    size: int
    root: str
    note: str
    verifier_key: str
