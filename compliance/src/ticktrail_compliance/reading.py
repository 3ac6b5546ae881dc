"""Read rows of a log back into entries and records.

Owns: the checks that a row has the shape of an entry, and decryption for a reader.
Never: judges the chain; verification does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sqlalchemy

from ticktrail.errors import AuditError
from ticktrail_compliance.entry import Entry, Header, Unsealed, open_entry
from ticktrail_compliance.log import AuditLog, DataKey
from ticktrail_compliance.records import StoredRecord, StoredRouted, decode_records

__all__ = ["Range", "entry_of", "open_records", "read_records"]

NUMBERS = ("seq", "written_ns", "first_ns", "last_ns", "ticks", "key_id")
BLOBS = ("nonce", "body", "previous", "digest")


@dataclass(frozen=True, slots=True)
class Range:
    """Which records: by number of their entry, by their own time (nanoseconds, both ends within); None: no bound.

    `kind` keeps to events (``control``) or to ticks (``journal``): entries of the other kind are not decrypted.
    """

    from_seq: int = 1
    to_seq: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    kind: Literal["control", "journal"] | None = None

    def may_hold(self, header: Header) -> bool:
        """Tell whether an entry is of this kind, and can hold a record of these times."""
        return (
            self.kind in {None, header.kind}
            and (self.since_ns is None or header.last_ns >= self.since_ns)
            and (self.until_ns is None or header.first_ns <= self.until_ns)
        )

    def holds(self, at_ns: int) -> bool:
        """Tell whether a record's time lies within."""
        return (self.since_ns is None or at_ns >= self.since_ns) and (
            self.until_ns is None or at_ns <= self.until_ns
        )


def entry_of(log_id: str, row: sqlalchemy.Row[tuple[object, ...]]) -> Entry:
    """Return the entry that a row holds.

    Raises:
        Unsealed: A column has no value of its type.
    """
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    for name in NUMBERS:
        if type(columns[name]) is not int:
            raise Unsealed(f"its column {name} holds no whole number")
    for name in BLOBS:
        if not isinstance(columns[name], bytes):
            raise Unsealed(f"its column {name} holds no bytes")
    if columns["kind"] not in {"control", "journal"}:
        raise Unsealed("its column kind is neither control nor journal")
    header = Header(
        log_id=log_id,
        kind=columns["kind"],
        nonce=columns["nonce"],
        **{name: columns[name] for name in NUMBERS},
    )
    return Entry(header=header, body=columns["body"], previous=columns["previous"], digest=columns["digest"])


def read_records(log: AuditLog, wanted: Range) -> Iterator[tuple[Header, StoredRecord]]:
    """Yield the records of a range, in order, each with the header of its entry.

    Raises:
        AuditError: An entry cannot be opened; `ticktrail audit verify` tells more.
    """
    keys = {key_id: key for key_id, _, _, key in log.all_data_keys()}
    for row in log.rows(wanted.from_seq, wanted.to_seq):
        try:
            entry = entry_of(log.log_id, row)
            records = open_records(entry, keys) if wanted.may_hold(entry.header) else ()
        except (Unsealed, ValueError) as exc:
            raise AuditError(
                f"entry {row.seq} of the audit log cannot be read: {exc}; run `ticktrail audit verify`"
            ) from exc
        for record in records:
            if wanted.holds(record.recv_ns if isinstance(record, StoredRouted) else record.at_ns):
                yield entry.header, record


def open_records(entry: Entry, keys: Mapping[int, DataKey | None]) -> Sequence[StoredRecord]:
    """Return what an entry holds.

    Raises:
        Unsealed: Its key is not at hand or is none for its kind, or header or body is not what was sealed.
        ValueError: The content cannot be read.
    """
    header = entry.header
    key = keys.get(header.key_id)
    if key is None:
        raise Unsealed(f"its data key {header.key_id} is missing or was changed")
    if key.kind != header.kind:
        raise Unsealed(f"it is a {header.kind} entry under a key for {key.kind}")
    return decode_records(open_entry(header, entry.body, key.cipher))
