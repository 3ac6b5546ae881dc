"""Read and write the files that a command is given.

Owns: the hash of a file, how large it may be, and that nothing is written over and only its user can read what is
written.
Never: leaves half a file.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ticktrail.errors import ConfigError
from ticktrail_compliance.given_file import opened_file

__all__ = ["hashed", "write_new"]

READ_AT_ONCE = 2**20

MOST_BYTES = 2**40
"""The largest file of which a hash is recorded: an image of a disk. What grows while it is read ends here."""


def hashed(path: Path, option: str) -> tuple[int, str]:
    """Return the size of a file in bytes and its SHA-256 in hexadecimal digits.

    Args:
        path: Which.
        option: What named it, for the message; empty: a word of the command line.

    Raises:
        ConfigError: It cannot be read, is no regular file, or is larger than 1 TiB.
    """
    size, found, name = 0, hashlib.sha256(), f"{option} {path}".strip()
    try:
        with opened_file(path) as file:
            while part := file.read(READ_AT_ONCE):
                size += len(part)
                if size > MOST_BYTES:
                    raise ConfigError(f"{name} is larger than 1 TiB; name the parts that are evidence")
                found.update(part)
    except OSError as exc:
        raise ConfigError(f"{name} cannot be read: {exc.strerror}; name a file that is there") from exc
    return size, found.hexdigest()


def write_new(path: Path, content: bytes, option: str) -> None:
    """Write a new file, for its user's eyes alone.

    Args:
        path: Where.
        content: What.
        option: What named it, for the message.

    Raises:
        ConfigError: It is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as exc:
        raise ConfigError(f"{option} {path} is there already: name a new file") from exc
    except OSError as exc:
        raise ConfigError(f"{option} {path} cannot be written: {exc.strerror}; name another file") from exc
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise ConfigError(f"{option} {path} cannot be written: {exc.strerror}; name another file") from exc
