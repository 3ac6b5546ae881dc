"""Claim something for one process at a time, by a lock on a file that the operating system keeps.

Owns: the lock, held until it is released or its process ends, however it ends.
Never: waits, or writes into the file.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["FileClaim", "claim_file"]


class FileClaim:
    """A claim; `release` gives it up, and so does the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give it up; a second time does nothing."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


def claim_file(path: Path) -> FileClaim | None:
    """Claim by the file at `path`, which is made with mode 0600 where there is none; None if another process has.

    Raises:
        OSError: The file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return FileClaim(descriptor)


def _lock(descriptor: int) -> None:
    """Take the whole file for this process, or raise OSError at once."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover - Windows
        import msvcrt  # noqa: PLC0415 - on Windows alone

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
