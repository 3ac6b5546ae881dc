"""Get the master key, make it once, and derive what it protects.

Owns: the key file's form and mode, and the keys that are derived or wrapped.
Never: prints a key, keeps one longer than the log is open, or makes one for a log that already has entries.

Python cannot promise that a key is wiped from memory; a machine whose memory others can read is not protected.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret

__all__ = ["KEY_BYTES", "MasterKey", "load_key"]

KEY_BYTES = 32
NONCE_BYTES = 12


class MasterKey:
    """The key above all others of one log; its repr shows where it came from, never the key."""

    def __init__(self, value: bytes, origin: str) -> None:
        self.origin = origin
        self._wrapping = AESGCM(_derive(value, b"ticktrail audit: wrap data keys"))
        self._authenticating = _derive(value, b"ticktrail audit: authenticate the head")

    def __repr__(self) -> str:
        """Return the origin."""
        return f"MasterKey({self.origin})"

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Return the data key encrypted, bound to `context`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Return the data key; None if this master key did not wrap it, or not in this context."""
        try:
            return self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            return None

    def mac(self, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of a message."""
        return hmac.digest(self._authenticating, message, "sha256")


def load_key(secret: Secret, base_dir: Path, *, create: bool, warn: Callable[[str], None]) -> MasterKey:
    """Return the master key.

    Args:
        secret: Where it is.
        base_dir: Against which a relative file is taken.
        create: Make a missing key file, once.
        warn: Is told that one was made.

    Raises:
        ConfigError: It is missing, unreadable, open to others, or no key; the message says what would be right.
    """
    if secret.file is None:
        origin = f"environment variable {secret.env}" if secret.env else f"keyring entry {secret.keyring}"
        return MasterKey(_decoded(secret.resolve(base_dir), origin), origin)
    path = base_dir / secret.file
    if create and not path.exists():
        _create(path)
        warn(
            f"the audit key {path} was made just now: without it nothing in the audit log can be read. Keep a copy "
            f"in a safe place, apart from the database and its backups"
        )
    _check_file(path)
    return MasterKey(_decoded(secret.resolve(base_dir), f"file {path}"), f"file {path}")


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as exc:
        raise ConfigError(
            f"there is no audit key {path}: put back the key that the log was sealed with"
        ) from exc
    except OSError as exc:
        raise ConfigError(f"audit key {path} cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(mode):
        raise ConfigError(f"audit key {path} is no file: name the key file itself")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"audit key {path} is open to other users of this machine: chmod 600 {path}")


def _create(path: Path) -> None:
    text = base64.b64encode(os.urandom(KEY_BYTES)) + b"\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was quicker; its key is as good
    except OSError as exc:
        raise ConfigError(
            f"audit key {path} cannot be made: {exc.strerror}; make its folder, or name another file"
        ) from exc
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _decoded(text: str, origin: str) -> bytes:
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != KEY_BYTES:
        raise ConfigError(
            f"the audit key in {origin} is none: it must be {KEY_BYTES} bytes in base64, as "
            f"`head -c {KEY_BYTES} /dev/urandom | base64` makes them"
        )
    return value


def _derive(value: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(value)
