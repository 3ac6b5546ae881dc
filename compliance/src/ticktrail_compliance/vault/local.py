"""Keep the key that wraps all others on this machine: in a file, an environment variable or the system keyring.

Owns: the form of a local key, the mode of its file, and how it wraps.
Never: shows a key, or makes one for a log that already has entries.

Python cannot promise that a key is wiped from memory; a machine whose memory others can read is not protected.
"""

from __future__ import annotations

import base64
import binascii
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
from ticktrail_compliance.vault.deadline import within

__all__ = ["KEY_BYTES", "LocalKey", "open_local"]

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 8
KEYRING_S = 60.0
"""A locked keyring asks whoever sits there for a password, and nobody may."""


class LocalKey:
    """A key that this process holds; its repr shows where it came from and its public name, never the key."""

    def __init__(self, value: bytes, origin: str) -> None:
        self.origin = origin
        self.key_id = _derive(value, b"ticktrail audit: name the key")[:NAME_BYTES].hex()
        self._wrapping = AESGCM(_derive(value, b"ticktrail audit: wrap data keys"))

    def __repr__(self) -> str:
        """Return the origin and the name."""
        return f"LocalKey({self.origin}, {self.key_id})"

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Return the secret encrypted and bound to `context`: a random nonce of 96 bits, then the ciphertext."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, secret, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Return the secret; None if this key did not wrap it, not in this context, or it was changed since."""
        try:
            return self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            return None


def open_local(secret: Secret, base_dir: Path, *, create: bool, warn: Callable[[str], None]) -> LocalKey:
    """Return the key of a file, a variable or a keyring entry.

    Args:
        secret: Where it is.
        base_dir: Against which a relative file is taken.
        create: Make a missing key file, once.
        warn: Is told that one was made.

    Raises:
        ConfigError: It is missing, unreadable, open to others, or no key; the message says what would be right.
    """
    if secret.env is not None:
        return _key_of(secret, base_dir, f"environment variable {secret.env}")
    if secret.file is None:
        origin = f"keyring entry {secret.keyring}"
        return within(KEYRING_S, lambda: _key_of(secret, base_dir, origin), lambda: _locked(origin))
    path = base_dir / secret.file
    if create and not path.exists() and _create(path):
        warn(
            f"the audit key {path} was made just now: without it nothing in the audit log can be read. Keep a copy "
            f"in a safe place, apart from the database and its backups"
        )
    _check_file(path)
    return _key_of(secret, base_dir, f"file {path}")


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as exc:
        raise ConfigError(
            f"there is no audit key {path}: put back the key that the log was sealed with"
        ) from exc
    except OSError as exc:
        raise ConfigError(
            f"audit key {path} cannot be read ({exc.strerror}): give this user the right to"
        ) from exc
    if not stat.S_ISREG(mode):
        raise ConfigError(f"audit key {path} is no file: name the key file itself")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"audit key {path} is open to other users of this machine: chmod 600 {path}")


def _create(path: Path) -> bool:
    """Make the key file, whole or not at all, and tell whether this process did.

    It is written under another name first: who comes at the same time, or after a crash, never finds half a key.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except FileExistsError:
        return False  # another process was quicker; its key is as good
    except OSError as exc:
        raise ConfigError(
            f"audit key {path} cannot be made: {exc.strerror}; make its folder, or name another file"
        ) from exc
    return True


def _key_of(secret: Secret, base_dir: Path, origin: str) -> LocalKey:
    try:
        text = secret.resolve(base_dir)
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):  # the error would quote what it read
        value = b""
    if len(value) != KEY_BYTES:
        raise ConfigError(
            f"the audit key in {origin} is none: it must be {KEY_BYTES} bytes in base64, as "
            f"`head -c {KEY_BYTES} /dev/urandom | base64` makes them"
        )
    return LocalKey(value, origin)


def _locked(origin: str) -> ConfigError:
    return ConfigError(
        f"{origin} did not answer within {KEYRING_S:g} s: unlock the keyring, then start again"
    )


def _derive(value: bytes, purpose: bytes) -> bytes:
    """Return a key for one purpose (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(value)
