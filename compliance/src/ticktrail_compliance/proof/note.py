"""Sign a text, and verify who signed one.

Owns: signed notes: their form, the keys' names and numbers, Ed25519 under them.
Never: takes a text from a note before one of the keys that it was given says so.

Source: C2SP signed-note, https://c2sp.org/signed-note (read 2026-11-25); the text form of a verifier key,
``name+hash+base64``, as of https://pkg.go.dev/golang.org/x/exp/sumdb/internal/note (read 2026-11-25).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["BadNote", "Note", "Signature", "Signer", "UnknownSigner", "Verifier", "decode", "encode"]

ED25519 = 0x01
ID_BYTES = 4
SIGNATURE_BYTES = 64
MAX_NOTE_BYTES = 64 * 2**10
MAX_SIGNATURES = 64
MARK = "\N{EM DASH} "


class BadNote(Exception):
    """A text is no signed note, or a signature in it is wrong; the message says what."""


class UnknownSigner(BadNote):
    """None of the keys that were asked for signed it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name and number, and what it signed."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"{MARK}{self.name} {encode(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public_key) != 32:
            raise BadNote(f"an Ed25519 key has 32 bytes, not {len(self.public_key)}")

    @property
    def key_id(self) -> bytes:
        """The key's number: it tells keys apart, and proves nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([ED25519]) + self.public_key).digest()[
            :ID_BYTES
        ]

    def __str__(self) -> str:
        """Return the text form, as other programs take it."""
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([ED25519]) + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Return the key that a text names.

        Raises:
            BadNote: It is no verifier key, or its number is not the key's own.
        """
        name, _, rest = text.partition("+")
        key_id, _, key = rest.partition("+")  # base64 may hold a plus, a name never
        value = decode(key)
        if value[:1] != bytes([ED25519]):
            raise BadNote("a verifier key is name+hash+base64 of an Ed25519 key")
        found = cls(name, value[1:])
        if key_id != found.key_id.hex():
            raise BadNote(f"the verifier key of {name} was miscopied: its hash is {found.key_id.hex()}")
        return found

    def verifies(self, signature: Signature, text: str) -> bool:
        """Tell whether this key made the signature over the text."""
        if len(signature.value) != SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature.value, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key under a name; its repr shows the public half alone."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        """Return the verifier key."""
        return f"Signer({self.verifier})"

    def sign(self, text: str) -> Note:
        """Return the text, signed.

        Raises:
            BadNote: The text cannot stand in a note.
        """
        _check_text(text)
        value = self._key.sign(text.encode())
        return Note(text, (Signature(self.verifier.name, self.verifier.key_id, value),))


@dataclass(frozen=True, slots=True)
class Note:
    """A text with signatures, of which nothing is known until `verify`."""

    text: str
    signatures: Sequence[Signature]

    def __str__(self) -> str:
        """Return the note as it is written."""
        return f"{self.text}\n{''.join(signature.line() for signature in self.signatures)}"

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Return the note that bytes hold.

        Raises:
            BadNote: They hold none, or more than one.
        """
        if len(data) > MAX_NOTE_BYTES:
            raise BadNote(f"a note has {MAX_NOTE_BYTES} bytes at most")
        try:
            whole = data.decode()
        except UnicodeDecodeError as exc:
            raise BadNote("it is not UTF-8") from exc
        head, blank, tail = whole.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise BadNote("it has no signature after an empty line, or ends in the middle of a line")
        text = head + "\n"
        _check_text(text)
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise BadNote(f"it has over {MAX_SIGNATURES} signatures")
        return cls(text, tuple(_signature(line) for line in lines))

    def verify(self, verifiers: Collection[Verifier]) -> Sequence[Verifier]:
        """Return which of these keys signed it; signatures of other keys are nobody's and count for nothing.

        Raises:
            UnknownSigner: None of them did.
            BadNote: One of them is said to have signed it, and did not.
        """
        known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
        signed: list[Verifier] = []
        for signature in self.signatures:
            verifier = known.get((signature.name, signature.key_id))
            if verifier is None:
                continue
            if not verifier.verifies(signature, self.text):
                raise BadNote(f"the signature of {signature.name} ({signature.key_id.hex()}) is wrong")
            if verifier not in signed:
                signed.append(verifier)
        if not signed:
            names = ", ".join(f"{one.name} ({one.key_id.hex()})" for one in self.signatures)
            raise UnknownSigner(f"it is signed by {names} alone")
        return signed


def encode(data: bytes) -> str:
    """Return base64 as notes have it."""
    return base64.b64encode(data).decode()


def decode(text: str) -> bytes:
    """Return what base64 holds, where it is written in its one proper form.

    Raises:
        BadNote: It is not: padding, spare bits and other characters included.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadNote("what should be base64 is none") from exc
    if encode(data) != text:
        raise BadNote("what should be base64 is not in its proper form")
    return data


def _signature(line: str) -> Signature:
    if not line.startswith(MARK):
        raise BadNote("after the last empty line stands something other than a signature")
    name, space, value = line.removeprefix(MARK).partition(" ")
    if not space:
        raise BadNote("a signature line has a name and a value")
    _check_name(name)
    raw = decode(value)
    if len(raw) <= ID_BYTES:
        raise BadNote(f"the signature of {name} is empty")
    return Signature(name, raw[:ID_BYTES], raw[ID_BYTES:])


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise BadNote("a note's text ends in a newline")
    _check_characters(text)


def _check_characters(text: str) -> None:
    if any(character < " " and character != "\n" for character in text):
        raise BadNote("it holds a control character")


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise BadNote("a key's name is not empty and holds neither space nor plus")
