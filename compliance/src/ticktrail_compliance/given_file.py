"""Open a file that a person named: one that is there to be read, and no pipe or device that would never end.

Owns: that only a regular file is read, that opening one waits for nobody, and how much of it is read.
Never: says what stands in it.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ticktrail.errors import ConfigError

__all__ = ["content_of", "opened_file"]


def opened_file(path: Path) -> BinaryIO:
    """Return a regular file, open to be read; the caller closes it.

    A pipe is not waited for, and a device is not read, by whatever link it was named.

    Raises:
        OSError: It is not there, may not be read, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no regular file")
    return os.fdopen(handle, "rb")


def content_of(path: Path, most: int, *, name: str, remedy: str) -> bytes:
    """Return what stands in a regular file.

    Args:
        path: Which.
        most: The most bytes that it may have.
        name: What it is called in a message: the option, if any, and its path.
        remedy: What would be right.

    Raises:
        ConfigError: It cannot be read, is no regular file, or is larger; the message ends with the remedy.
    """
    try:
        with opened_file(path) as file:
            content = file.read(most + 1)
    except OSError as exc:
        raise ConfigError(f"{name} cannot be read: {exc.strerror}; {remedy}") from exc
    if len(content) > most:
        raise ConfigError(f"{name} is larger than {most // 1024:,} KiB; {remedy}")
    return content
