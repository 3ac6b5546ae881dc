"""Read rows of a log back into entries and records.

Owns: the checks that a row has the shape of an entry, and decryption for a reader.
Never: judges the chain; verification does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ticktrail.errors import AuditError
from ticktrail_compliance.entry import CLASSES, FORM, Entry, EntryClass, Header, Unsealed, open_part
from ticktrail_compliance.proof.merkle import HASH_BYTES
from ticktrail_compliance.records import StoredRecord, StoredRouted, decode_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.keystore import DataKey
from ticktrail_compliance.store.log import AuditLog, Condition, Row
from ticktrail_compliance.summary import Summary, decode_summary

__all__ = [
    "EVENTS",
    "Keys",
    "MissingKeyError",
    "NoCiphertext",
    "Range",
    "conditions",
    "entry_of",
    "headers",
    "open_body",
    "open_records",
    "open_summary",
    "read_records",
    "rows_of",
    "unreadable",
]

Keys: TypeAlias = Callable[[int], DataKey | None]
"""Gives a data key by its number; None where it is not at hand."""

EVENTS: frozenset[EntryClass] = frozenset({"control", "clock"})
"""The classes that hold what the feed told, ticks left out."""

_NUMBERS = (
    "seq", "form", "writer", "counter", "written_ns", "first_ns", "last_ns", "records", "ticks", "key_id",
)  # fmt: skip
_MEASURED = ("clock_offset_ns", "clock_bound_ns")
_HASHES = ("previous", "digest", "summary_sha256", "body_sha256")
_PARTS = ("summary", "body")


class MissingKeyError(AuditError):
    """An entry cannot be opened, since its data key is not in the key store; one that was changed is another error.

    Attributes:
        seq: The entry.
        entry_class: Its class.
        key_id: The data key.
    """

    def __init__(self, header: Header) -> None:
        super().__init__(str(unreadable(header.seq, _keyless(header.key_id))))
        self.seq, self.entry_class, self.key_id = header.seq, header.entry_class, header.key_id


class NoCiphertext(Unsealed):
    """What stands in the open is whole, and in place of summary or body stands something else."""


@dataclass(frozen=True, slots=True)
class Range:
    """Which records: by number of their entry, by their own time (nanoseconds, both ends within); None: no bound.

    `classes` and `writers` keep to entries of some: others are neither read nor decrypted.
    """

    from_seq: int = 1
    to_seq: int | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    classes: frozenset[EntryClass] | None = None
    writers: frozenset[int] | None = None

    def may_hold(self, header: Header) -> bool:
        """Tell whether an entry is of these classes and writers, and can hold a record of these times."""
        return (
            (self.classes is None or header.entry_class in self.classes)
            and (self.writers is None or header.writer in self.writers)
            and (self.since_ns is None or header.last_ns >= self.since_ns)
            and (self.until_ns is None or header.first_ns <= self.until_ns)
        )

    def holds(self, at_ns: int) -> bool:
        """Tell whether a record's time lies within."""
        return (self.since_ns is None or at_ns >= self.since_ns) and (
            self.until_ns is None or at_ns <= self.until_ns
        )


def conditions(wanted: Range) -> Sequence[Condition]:
    """Return what a row must meet to hold a record of these times, classes and writers."""
    table = schema.entries.c
    found: list[Condition] = []
    if wanted.classes is not None:
        found.append(table.entry_class.in_(sorted(wanted.classes)))
    if wanted.writers is not None:
        found.append(table.writer.in_(sorted(wanted.writers)))
    if wanted.since_ns is not None:
        found.append(table.last_ns >= wanted.since_ns)
    if wanted.until_ns is not None:
        found.append(table.first_ns <= wanted.until_ns)
    return found


def entry_of(log_id: str, row: Row) -> Entry:
    """Return the entry that a row holds; parts that the row has no column for are None.

    Raises:
        Unsealed: A column has no value of its type.
        NoCiphertext: The same of summary or body, where all else is whole.
    """
    columns: dict[str, Any] = dict(zip(row._fields, row, strict=True))  # half the time of the row's own
    for name in _NUMBERS:
        if type(columns[name]) is not int:
            raise Unsealed(f"its column {name} holds no whole number")
    for name in _MEASURED:
        if columns[name] is not None and type(columns[name]) is not int:
            raise Unsealed(f"its column {name} holds no whole number")
    for name in _HASHES:
        value = columns[name]
        if not isinstance(value, bytes) or len(value) != HASH_BYTES:
            raise Unsealed(f"its column {name} holds no hash")
    if columns["entry_class"] not in CLASSES:
        raise Unsealed("its column entry_class holds no class of entries")
    for name in _PARTS:
        value = columns.get(name)
        if value is not None and not isinstance(value, bytes):
            raise NoCiphertext(f"its column {name} holds no bytes")
    header = Header(
        log_id=log_id,
        entry_class=columns["entry_class"],
        **{name: columns[name] for name in (*_NUMBERS, *_MEASURED)},
    )
    return Entry(
        header=header,
        previous=columns["previous"],
        digest=columns["digest"],
        summary_sha256=columns["summary_sha256"],
        body_sha256=columns["body_sha256"],
        summary=columns.get("summary"),
        body=columns.get("body"),
    )


def read_records(
    log: AuditLog, wanted: Range, passes_over: Callable[[Header], bool] = lambda _: False
) -> Iterator[tuple[Header, StoredRecord]]:
    """Yield the records of a range, in order, each with the header of its entry.

    Args:
        log: Open to read.
        wanted: Which.
        passes_over: Is asked of each entry whose data key is not at hand whether to go on without it; by itself such
            an entry is an error.

    Raises:
        MissingKeyError: The data key of an entry is missing, and it is not passed over.
        AuditError: An entry cannot be opened; `ticktrail audit verify` tells more.
    """
    for row in rows_of(log, wanted):
        try:
            entry = entry_of(log.log_id, row)
            if log.keys.find(entry.header.key_id) is None:
                if passes_over(entry.header):
                    continue
                if log.keys.is_missing(entry.header.key_id):
                    raise MissingKeyError(entry.header)
            records = open_records(entry, log.keys.find)
        except (Unsealed, ValueError) as exc:
            raise unreadable(row.seq, exc) from exc
        for record in records:
            if wanted.holds(record.recv_ns if isinstance(record, StoredRouted) else record.at_ns):
                yield entry.header, record


def rows_of(log: AuditLog, wanted: Range, *where: Condition) -> Iterator[Row]:
    """Yield the rows of a range that meet all of `where`, of which the data keys are looked up a page at a time.

    Raises:
        AuditError: The database failed.
    """
    for page in log.pages(wanted.from_seq, wanted.to_seq, [*where, *conditions(wanted)]):
        log.keys.look_up({row.key_id for row in page if type(row.key_id) is int})
        yield from page


def headers(log: AuditLog, wanted: Range) -> Iterator[Header]:
    """Yield what stands in the open of the entries of a range; nothing is decrypted.

    Raises:
        AuditError: A row is no entry; `ticktrail audit verify` tells more.
    """
    for row in log.plain_rows(wanted.from_seq, wanted.to_seq, conditions(wanted)):
        try:
            yield entry_of(log.log_id, row).header
        except Unsealed as exc:
            raise unreadable(row.seq, exc) from exc


def open_records(entry: Entry, keys: Keys) -> Sequence[StoredRecord]:
    """Return what an entry holds.

    Raises:
        Unsealed: Its key is not at hand or is none for it, or the entry is not what was sealed.
        ValueError: The content cannot be read.
    """
    return decode_records(open_body(entry, keys))


def open_body(entry: Entry, keys: Keys) -> bytes:
    """Return the bytes of what an entry holds.

    Raises:
        Unsealed: Its key is not at hand or is none for it, or the entry is not what was sealed.
    """
    return open_part(entry, 1, _key(entry, keys).cipher)


def open_summary(entry: Entry, keys: Keys) -> Summary:
    """Return what an entry says that it holds.

    Raises:
        Unsealed: Its key is not at hand or is none for it, or the entry is not what was sealed.
        ValueError: The summary cannot be read.
    """
    return decode_summary(open_part(entry, 0, _key(entry, keys).cipher))


def _key(entry: Entry, keys: Keys) -> DataKey:
    header = entry.header
    if header.form != FORM:
        raise Unsealed(
            f"it is of form {header.form}, and this program reads form {FORM}; upgrade ticktrail-compliance"
        )
    key = keys(header.key_id)
    if key is None:
        raise _keyless(header.key_id)
    if (key.entry_class, key.writer) != (header.entry_class, header.writer):
        raise Unsealed(
            f"it is a {header.entry_class} entry of writer {header.writer} under a key for {key.entry_class} entries "
            f"of writer {key.writer}"
        )
    return key


def _keyless(key_id: int) -> Unsealed:
    return Unsealed(f"its data key {key_id} was destroyed, changed or removed")


def unreadable(seq: object, exc: Exception) -> AuditError:
    """Return what is told of an entry that cannot be opened."""
    return AuditError(f"entry {seq} of the audit log cannot be read: {exc}; run `ticktrail audit verify`")
