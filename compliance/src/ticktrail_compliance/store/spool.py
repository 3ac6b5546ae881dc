"""Keep sealed entries to be in a local file while the database cannot be written.

Owns: the file's form, its key, and what of it a crash tore.
Never: decides when it is used; the recorder does.

A spool has a random number of its own, and a key that follows from it and the log's secret, so that the number of a
frame is a nonce that never comes twice.
"""

from __future__ import annotations

import errno
import os
import struct
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticktrail.claim import FileClaim, claim_file
from ticktrail.errors import AuditError
from ticktrail_compliance.proof.anchor import sync_folder
from ticktrail_compliance.store.appender import Draft, Place
from ticktrail_compliance.store.keystore import KeyStore
from ticktrail_compliance.store.wrong import WrongLogError

__all__ = ["Frame", "Spool", "SpoolReader", "spools_left"]

_MAGIC = b"ticktrail spool\x01"
_HEAD = struct.Struct(">16s16s16s")
_FRAME = struct.Struct(">IQ16s")
_LENGTHS = 1 << 95
"""Set in the nonces of frames' lengths, so that they are none of their contents'."""
_MOST_FRAME_BYTES = 2**30
_TAG_BYTES = 16
CLAIMS = 5
"""Files that a new spool tries to be: nobody is quicker so often, and a file system without locks keeps no spool."""
SUFFIX = ".spool"
NEW = ".new"
"""Of a spool that is being made: claimed before anybody looks for it by its other name."""


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What was to be added in one transaction, and when it was kept.

    Attributes:
        at_ns: When.
        drafts: What.
        perhaps: Where the last of them stands in the log, if the transaction was done all the same and only its answer
            was lost; None where there was no such transaction.
    """

    at_ns: int
    drafts: Sequence[Draft]
    perhaps: Place | None = None


class Spool:
    """A spool that is written.

    Args:
        folder: Where spools are; made where it is missing, with mode 0700.
        log_id: Whose.
        keys: Give the key.
        most_bytes: How large it may become.

    Raises:
        AuditError: It cannot be made.
    """

    def __init__(self, folder: Path, log_id: str, keys: KeyStore, *, most_bytes: int) -> None:
        self.frames = 0
        self._most_bytes = most_bytes
        self._broken = False
        self._size = 0
        try:
            _make_folder(folder)
            self.spool_id, new, self._claim = _claimed(folder)
            self.path = new.with_suffix(SUFFIX)
            self._bound = _head(log_id, self.spool_id)
            self._cipher = _cipher(keys, self.spool_id)
            self._handle = os.open(new, os.O_WRONLY | os.O_APPEND, 0o600)
            self._write(self._bound)
            new.rename(self.path)
            sync_folder(folder)  # before anything is kept in it: a power cut takes no name away
        except OSError as exc:
            raise AuditError(f"a spool in {folder} cannot be made: {exc.strerror}") from exc

    def add(self, frame: Frame) -> None:
        """Add a frame, on the disk before this returns.

        Raises:
            AuditError: It cannot be written, or the spool is as large as it may be.
        """
        if self._broken:
            raise AuditError(f"spool {self.path} cannot be written any more: make room on that disk")
        plain = msgspec.msgpack.encode(frame)
        length = len(plain) + _TAG_BYTES
        if self._size + _FRAME.size + length > self._most_bytes or length > _MOST_FRAME_BYTES:
            raise AuditError(
                f"spool {self.path} holds {self._size:,} bytes, and may hold {self._most_bytes:,} (spool_max_bytes): "
                "put the audit database right"
            )
        number = self.frames + 1
        sealed = self._cipher.encrypt(_nonce(number), plain, self._bound)
        data = (
            _FRAME.pack(length, number, _seal_of_length(self._cipher, length, number, self._bound)) + sealed
        )
        try:
            self._write(data)
        except OSError as exc:
            self._broken = True  # its end is torn, and what stood after it could not be read
            raise AuditError(f"spool {self.path} cannot be written: {exc.strerror}") from exc
        self.frames = number

    def close(self, *, remove: bool) -> None:
        """Close it, and take it away once everything in it stands in the log."""
        os.close(self._handle)
        if remove:
            self.path.unlink(missing_ok=True)
        self._claim.release()

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._handle, rest) :]
        os.fsync(self._handle)
        self._size += len(data)


class SpoolReader:
    """What stands in a spool.

    Args:
        path: Where it is.
        log_id: Of which log.
        keys: Give the key.

    Raises:
        AuditError: It cannot be read, or is none of this log's.
    """

    def __init__(self, path: Path, log_id: str, keys: KeyStore) -> None:
        self.path = path
        self.torn = False
        """Whether a crash tore the last frame; known once `frames` has ended."""
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD.size)
        except OSError as exc:
            raise WrongLogError(
                f"spool {path} cannot be read ({exc.strerror}), and what it kept stands nowhere else: put it back"
            ) from exc
        if len(head) < _HEAD.size:  # a crash as it was made: nothing was kept yet
            self.spool_id, self._cipher, self._bound = "", None, b""
            return
        magic, _, number = _HEAD.unpack(head)
        self.spool_id = str(uuid.UUID(bytes=number))
        if magic != _MAGIC or head != _head(log_id, self.spool_id):
            raise WrongLogError(
                f"spool {path} is none of this log's: move it away, or name another folder (spool)"
            )
        self._cipher, self._bound = _cipher(keys, self.spool_id), head

    def frames(self, after: int) -> Iterator[tuple[int, Frame]]:
        """Yield the frames after a number, each with its own.

        Raises:
            AuditError: A frame that is not the last is not what was kept.
        """
        if self._cipher is None:
            return
        with self.path.open("rb") as file:
            file.seek(_HEAD.size)
            number = 0
            while True:
                head = file.read(_FRAME.size)
                if len(head) < _FRAME.size:
                    self.torn = bool(head)
                    return
                length, stated, seal = _FRAME.unpack(head)
                number += 1
                if stated != number or seal != _seal_of_length(self._cipher, length, number, self._bound):
                    raise self._changed(number)
                sealed = file.read(length)
                if len(sealed) < length:
                    self.torn = True
                    return
                if number > after:
                    yield number, self._opened(number, sealed)

    def _opened(self, number: int, sealed: bytes) -> Frame:
        if self._cipher is None:
            raise self._changed(number)
        try:
            plain = self._cipher.decrypt(_nonce(number), sealed, self._bound)
            return msgspec.msgpack.decode(plain, type=Frame)
        except (InvalidTag, msgspec.MsgspecError) as exc:
            raise self._changed(number) from exc

    def _changed(self, number: int) -> WrongLogError:
        return WrongLogError(
            f"spool {self.path}: frame {number} is not what was kept. Keep the file, find out who changed it, and "
            "move it out of that folder to go on"
        )


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _seal_of_length(cipher: AESGCM, length: int, number: int, bound: bytes) -> bytes:
    """Return what shows that a frame was as long as it says: one that says more would hide those that follow."""
    return cipher.encrypt(_nonce(_LENGTHS | number), b"", bound + length.to_bytes(4, "big"))


def spools_left(folder: Path) -> Iterator[tuple[Path, FileClaim]]:
    """Yield the spools that nobody writes, each claimed: whoever takes one releases it.

    One that a crash left with the name under which it was being made is among them.
    """
    if folder.is_dir():
        for path in sorted((*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*{NEW}"))):
            claim = claim_file(path)
            if claim is not None:
                yield path, claim


def _make_folder(folder: Path) -> None:
    """Make a folder with those above it that are missing, each on the disk."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def _claimed(folder: Path) -> tuple[str, Path, FileClaim]:
    """Return a new spool's number and file, claimed; another one where a process that looks for spools was quicker.

    Raises:
        OSError: The file cannot be made, or files in that folder cannot be claimed.
    """
    for _ in range(CLAIMS):
        spool_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
        new = folder / f"{spool_id}{NEW}"
        claim = claim_file(new)
        if claim is not None:
            return spool_id, new, claim
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def _head(log_id: str, spool_id: str) -> bytes:
    return _HEAD.pack(_MAGIC, uuid.UUID(log_id).bytes, uuid.UUID(spool_id).bytes)


def _cipher(keys: KeyStore, spool_id: str) -> AESGCM:
    return AESGCM(keys.derived(b"ticktrail audit: spool " + spool_id.encode()))
