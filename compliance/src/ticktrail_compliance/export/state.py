"""Keep how far an export got, so that the same command goes on from there.

Owns: what is in the file beside a half-made export, and what two commands must have in common to be the same.
Never: holds content or keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.classes import EntryClass, Outcome
from ticktrail_compliance.export.selection import Selection
from ticktrail_compliance.export.tables import RowsFormat

__all__ = ["Request", "State", "decode_state"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for; two commands with the same are the same.

    Attributes:
        log_id: Of which log.
        from_ns: The first moment.
        to_ns: The last one.
        classes: Of entries, sorted, as all below.
        instruments: Which.
        providers: Which.
        outcomes: Which.
        rows_format: The form of the rows.
        purpose: What for.
        with_keys: Whether the data keys are given as well.
    """

    log_id: str
    from_ns: int | None
    to_ns: int | None
    classes: Sequence[EntryClass]
    instruments: Sequence[str]
    providers: Sequence[str]
    outcomes: Sequence[Outcome]
    rows_format: RowsFormat
    purpose: str
    with_keys: bool

    @property
    def selection(self) -> Selection:
        """Which rows."""
        return Selection(
            self.from_ns,
            self.to_ns,
            frozenset(self.classes),
            frozenset(self.instruments),
            frozenset(self.providers),
            frozenset(self.outcomes),
        )


class State(msgspec.Struct, kw_only=True):
    """How far an export got.

    Attributes:
        request: What was asked for.
        created_ns: When it began; None: in an evidence pack, which tells that beside what is signed.
        checkpoint: The signed note that all is proven against.
        size: The entries that it covers.
        first_seq: The first entry; 0: none lies in the times.
        last_seq: The last one.
        next_seq: The one that is next.
        first_digest: The digest of the first, in hexadecimal; empty before it was looked at.
        previous: The digest of the one before the next, in the same way.
        lengths: How many bytes of each file are good.
        bodies: How many were written.
        rows: How many were written.
        destroyed: Entries that were in reach, and whose content was destroyed.
        met: What was asked for and is in an entry, by kind.
        key_ids: The data keys of the bodies.
        manifest_sha256: Of the manifest, once all files are whole.
        recorded_seq: The entry that tells of the export, once there is one.
    """

    request: Request
    created_ns: int | None
    checkpoint: str
    size: int
    first_seq: int
    last_seq: int
    next_seq: int
    first_digest: str = ""
    previous: str = ""
    lengths: dict[str, int]
    bodies: int = 0
    rows: int = 0
    destroyed: int = 0
    met: dict[str, list[str]] = {}
    key_ids: list[int] = []
    manifest_sha256: str = ""
    recorded_seq: int = 0

    @property
    def entries(self) -> int:
        """How many there are from the first to the last."""
        return self.last_seq - self.first_seq + 1 if self.first_seq else 0

    def encoded(self) -> bytes:
        """Return it as it is kept."""
        return msgspec.json.encode(self)


_decoder = msgspec.json.Decoder(State)


def decode_state(content: bytes, where: object) -> State:
    """Return the state that a file holds.

    Raises:
        ConfigError: It holds none.
    """
    try:
        return _decoder.decode(content)
    except msgspec.MsgspecError as exc:
        raise ConfigError(
            f"{where} does not say how far the export got ({exc}): remove that folder, and begin anew"
        ) from exc
