"""Seal records into an entry of the log, and open it again.

Owns: what is encrypted, what is bound to it, and the chain from each entry to the one before.
Never: touches a database or a clock.

An entry's header is everything about it that stands in the open. The header goes into the cipher as additional data,
and header, ciphertext and the digest of the entry before go into the entry's digest: nothing of an entry can be changed
or moved without either failing.

Source: leaf prefix 0x00 as in RFC 9162 section 2.1.1; AES-256-GCM with 96-bit nonces as in NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = [
    "FIRST_DIGEST",
    "MAX_CONTENT_BYTES",
    "Entry",
    "EntryClass",
    "Header",
    "Unsealed",
    "chain",
    "open_entry",
    "seal",
]

EntryClass: TypeAlias = Literal["control", "journal"]

FIRST_DIGEST = bytes(32)
"""Stands for the entry before the first."""

MAX_CONTENT_BYTES = 256 * 2**20
"""No entry holds more: a blob that claims to is refused before it is unpacked."""

LEAF = b"\x00"
_LEVEL = 1


class Header(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What stands in the open.

    Attributes:
        log_id: The log that the entry belongs to.
        seq: Its number, from 1, without a hole.
        kind: ``control``: one event; ``journal``: a segment of ticks.
        written_ns: When it was sealed.
        first_ns: Time of its first record.
        last_ns: Time of its last record.
        ticks: Ticks in it.
        key_id: The data key.
        nonce: Never used twice with that key.
    """

    log_id: str
    seq: int
    kind: EntryClass
    written_ns: int
    first_ns: int
    last_ns: int
    ticks: int
    key_id: int
    nonce: bytes

    def encoded(self) -> bytes:
        """Return the one byte form that is authenticated."""
        return _encode(self)


@dataclass(frozen=True, slots=True)
class Entry:
    """A sealed entry, as it stands in the database."""

    header: Header
    body: bytes
    previous: bytes
    digest: bytes


class Unsealed(Exception):
    """An entry cannot be opened; the message says what is wrong with it."""


_encode = msgspec.msgpack.Encoder(order="deterministic").encode


def seal(header: Header, content: bytes, cipher: AESGCM, previous: bytes) -> Entry:
    """Return the entry for a content."""
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    bound = header.encoded()
    body = cipher.encrypt(header.nonce, packed, bound)
    return Entry(header=header, body=body, previous=previous, digest=_digest(bound, body, previous))


def chain(header: Header, body: bytes, previous: bytes) -> bytes:
    """Return the digest that an entry must have."""
    return _digest(header.encoded(), body, previous)


def open_entry(header: Header, body: bytes, cipher: AESGCM) -> bytes:
    """Return the content.

    Raises:
        Unsealed: Header or body is not what was sealed, or the content is out of bounds.
    """
    try:
        packed = cipher.decrypt(header.nonce, body, header.encoded())
    except (InvalidTag, ValueError) as exc:
        raise Unsealed("header or body is not what was sealed") from exc
    try:
        if zstandard.frame_content_size(packed) > MAX_CONTENT_BYTES:
            raise Unsealed(f"the content claims to be over {MAX_CONTENT_BYTES} bytes")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=MAX_CONTENT_BYTES)
    except zstandard.ZstdError as exc:
        raise Unsealed(f"the content cannot be unpacked ({exc})") from exc


def _digest(header: bytes, body: bytes, previous: bytes) -> bytes:
    return hashlib.sha256(
        LEAF + previous + hashlib.sha256(header).digest() + hashlib.sha256(body).digest()
    ).digest()
