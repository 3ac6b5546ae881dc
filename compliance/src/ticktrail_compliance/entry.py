"""Seal records into an entry of the log, and open it again.

Owns: the bytes of an entry (docs/reference/audit-format.md): what is encrypted, what is bound to it, and the chain from
each entry to the one before.
Never: touches a database or a clock, or knows what a content means.

Header, place and ciphertexts are bound to one another twice: by the cipher for who has the key, and by the leaf hash
for who has not. The leaf commits to the digests of the ciphertexts, so that it stays valid when they are destroyed.

Source: leaf hashes as of RFC 9162 section 2.1.1; a constant block before the plaintext makes AES-GCM commit to its key:
Albertini and others, "How to Abuse and Fix Authenticated Encryption Without Key Commitment", USENIX Security 2022,
section 5; AES-256-GCM with 96-bit nonces from a counter as in NIST SP 800-38D (November 2007), section 8.2.1.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import uuid
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticktrail_compliance.classes import CLASSES, EntryClass
from ticktrail_compliance.proof.merkle import leaf_hash

__all__ = [
    "CLASSES",
    "FIRST_DIGEST",
    "FORM",
    "HEADER_BYTES",
    "LEAF_BYTES",
    "MAX_CONTENT_BYTES",
    "MAX_SEALED_BYTES",
    "Entry",
    "EntryClass",
    "Header",
    "Part",
    "Unsealed",
    "digest_of",
    "leaf_data",
    "open_part",
    "pack",
    "seal",
]

FORM = 1
"""The version of what summaries and bodies hold."""

FIRST_DIGEST = bytes(32)
"""Stands for the entry before the first."""

MAX_CONTENT_BYTES = 256 * 2**20
"""No part holds more: a blob that claims to is refused before it is unpacked."""

MAX_SEALED_BYTES = MAX_CONTENT_BYTES + 2**20
"""No ciphertext is longer: zstd makes nothing larger by more than a few bytes in each of its blocks."""

Part: TypeAlias = Literal[0, 1]
"""0: an entry's summary; 1: its body."""

_LEVEL = 1
_COMMITMENT = bytes(32)
"""Stands before what is encrypted: AES-GCM alone does not commit to its key, and two keys could open one ciphertext to
two contents; not both to one that begins so."""
_HEADER = struct.Struct(">16s16sQBBIQqqqqqIIQ")
_MAGIC = b"ticktrail entry\x02"
_UNMEASURED = -(2**63)

HEADER_BYTES = _HEADER.size

LEAF_BYTES = HEADER_BYTES + 3 * 32
"""Of a leaf's data: header, digest of the entry before, and those of the two ciphertexts."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the open.

    Attributes:
        log_id: The log that the entry belongs to, a UUID.
        seq: Its number, from 1, without a hole.
        entry_class: What it is of: ``control``: an event of the feed; ``journal``: a segment of ticks; ``access``: who
            read or took what; ``clock``: a measurement of the clock; ``incident``; ``retention``: what was destroyed.
        form: The version of summary and body.
        writer: A number for each time that a process opened the log to write.
        counter: The entry's number among its writer's, from 1, without a hole.
        written_ns: When it was sealed.
        clock_offset_ns: The writer's clock less the reference; None where it was not measured.
        clock_bound_ns: By how much that may be wrong; None where it was not measured.
        first_ns: The earliest time of its records.
        last_ns: The latest.
        records: How many there are.
        ticks: Ticks in them.
        key_id: The data key.
    """

    log_id: str
    seq: int
    entry_class: EntryClass
    form: int = FORM
    writer: int
    counter: int
    written_ns: int
    clock_offset_ns: int | None = None
    clock_bound_ns: int | None = None
    first_ns: int
    last_ns: int
    records: int
    ticks: int
    key_id: int

    def encoded(self) -> bytes:
        """Return the one byte form that is authenticated.

        Raises:
            Unsealed: A field lies outside of what the form can hold.
        """
        try:
            return _HEADER.pack(
                _MAGIC,
                _uuid_bytes(self.log_id),
                self.seq,
                CLASSES[self.entry_class],
                self.form,
                self.writer,
                self.counter,
                self.written_ns,
                _UNMEASURED if self.clock_offset_ns is None else self.clock_offset_ns,
                _UNMEASURED if self.clock_bound_ns is None else self.clock_bound_ns,
                self.first_ns,
                self.last_ns,
                self.records,
                self.ticks,
                self.key_id,
            )
        except (struct.error, ValueError, KeyError) as exc:
            raise Unsealed(f"its header holds what no header can ({exc})") from exc

    @classmethod
    def decoded(cls, data: bytes) -> Header:
        """Return the header that bytes are, as `encoded` gives them.

        Raises:
            Unsealed: They are none.
        """
        if len(data) != HEADER_BYTES or not data.startswith(_MAGIC):
            raise Unsealed("it has no header of an entry")
        _, log_id, seq, number, form, writer, counter, written_ns, offset_ns, bound_ns, *rest = (
            _HEADER.unpack(data)
        )
        first_ns, last_ns, records, ticks, key_id = rest
        entry_class = next((name for name, known in CLASSES.items() if known == number), None)
        if entry_class is None:
            raise Unsealed(f"its header is of class {number}, which is none")
        return cls(
            log_id=str(uuid.UUID(bytes=log_id)),
            seq=seq,
            entry_class=entry_class,
            form=form,
            writer=writer,
            counter=counter,
            written_ns=written_ns,
            clock_offset_ns=None if offset_ns == _UNMEASURED else offset_ns,
            clock_bound_ns=None if bound_ns == _UNMEASURED else bound_ns,
            first_ns=first_ns,
            last_ns=last_ns,
            records=records,
            ticks=ticks,
            key_id=key_id,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed entry, as it stands in the database.

    Attributes:
        header: What stands in the open.
        previous: The digest of the entry before.
        digest: Its own: the leaf hash.
        summary_sha256: Of the summary's ciphertext.
        body_sha256: Of the body's.
        summary: The ciphertext; None where it was destroyed, or is not at hand.
        body: The same.
    """

    header: Header
    previous: bytes
    digest: bytes
    summary_sha256: bytes
    body_sha256: bytes
    summary: bytes | None
    body: bytes | None


class Unsealed(Exception):
    """An entry cannot be opened; the message says what is wrong with it."""


@functools.lru_cache(maxsize=16)  # a program reads one log, and this is asked of each entry
def _uuid_bytes(log_id: str) -> bytes:
    return uuid.UUID(log_id).bytes


def pack(plaintext: bytes) -> bytes:
    """Return what is encrypted: a plaintext as one zstd frame."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(plaintext)


def seal(header: Header, previous: bytes, summary: bytes, body: bytes, cipher: AESGCM) -> Entry:
    """Return the entry for a summary and a body, each as `pack` gives it."""
    bound = header.encoded()
    sealed_summary = cipher.encrypt(_nonce(header, 0), _COMMITMENT + summary, _additional(bound, previous, 0))
    sealed_body = cipher.encrypt(_nonce(header, 1), _COMMITMENT + body, _additional(bound, previous, 1))
    of_summary = hashlib.sha256(sealed_summary).digest()
    of_body = hashlib.sha256(sealed_body).digest()
    return Entry(
        header=header,
        previous=previous,
        digest=leaf_hash(b"".join((bound, previous, of_summary, of_body))),
        summary_sha256=of_summary,
        body_sha256=of_body,
        summary=sealed_summary,
        body=sealed_body,
    )


def leaf_data(entry: Entry) -> bytes:
    """Return what an entry's digest must be the leaf hash of: 206 bytes, of which none gives content away.

    Raises:
        Unsealed: A field lies outside of what a header can hold.
    """
    return entry.header.encoded() + entry.previous + entry.summary_sha256 + entry.body_sha256


def digest_of(entry: Entry) -> bytes:
    """Return the digest that an entry must have.

    Raises:
        Unsealed: A field lies outside of what a header can hold.
    """
    return leaf_hash(leaf_data(entry))


def open_part(entry: Entry, part: Part, cipher: AESGCM) -> bytes:
    """Return the plaintext of an entry's summary or body.

    Raises:
        Unsealed: Header, place or ciphertext is not what was sealed, the ciphertext was destroyed, or the content is
            out of bounds.
    """
    name = ("summary", "body")[part]
    sealed = entry.summary if part == 0 else entry.body
    if sealed is None:
        raise Unsealed(f"its {name} was destroyed")
    try:
        opened = cipher.decrypt(
            _nonce(entry.header, part), sealed, _additional(entry.header.encoded(), entry.previous, part)
        )
    except (InvalidTag, ValueError, OverflowError) as exc:
        raise Unsealed(f"its header, its place or its {name} is not what was sealed") from exc
    if not opened.startswith(_COMMITMENT):
        raise Unsealed(f"its {name} was not sealed under this key alone")
    packed = opened[len(_COMMITMENT) :]
    try:
        if zstandard.frame_content_size(packed) > MAX_CONTENT_BYTES:
            raise Unsealed(f"its {name} claims to hold over {MAX_CONTENT_BYTES} bytes")
        return zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=MAX_CONTENT_BYTES, allow_extra_data=False
        )
    except zstandard.ZstdError as exc:
        raise Unsealed(f"its {name} cannot be unpacked ({exc})") from exc


def _nonce(header: Header, part: Part) -> bytes:
    """Return the nonce: a data key is one writer's alone, and its counter goes up, so none comes twice."""
    return header.writer.to_bytes(4, "big") + (2 * header.counter + part).to_bytes(8, "big")


def _additional(bound: bytes, previous: bytes, part: Part) -> bytes:
    return b"".join((bound, previous, part.to_bytes(1, "big")))
