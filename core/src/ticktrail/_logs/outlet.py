"""Write lines of the log: to a file that may be rotated, or to standard error.

Owns: the file's permissions, and that a rotated file is let go of.
Never: waits in the feed's tasks; the log's own thread calls it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from ticktrail.errors import ConfigError

__all__ = ["LogFile", "Outlet", "StandardError", "Through"]

MODE: Final = 0o600
STDERR: Final = 2


class Outlet(Protocol):
    """Where lines go."""

    @property
    def name(self) -> str:
        """What a message calls it."""
        ...

    def write(self, lines: str) -> None:
        """Write lines, each with its end; may block.

        Raises:
            OSError: They cannot be written.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class LogFile:
    """A file of mode 0600 that grows.

    Before lines are written it is looked whether the path still names the file; where it was moved or removed, as
    logrotate does, it is made anew. No signal is needed for that.

    Raises:
        ConfigError: It cannot be opened for writing, or is no ordinary file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        try:
            self._open()
        except OSError as exc:
            raise ConfigError(
                f"[log] file: {path} cannot be opened for writing ({exc.strerror}): make its folder, or name a file "
                "in one that this user may write to"
            ) from exc

    @property
    def name(self) -> str:
        """Its path."""
        return f"the log file {self._path}"

    def write(self, lines: str) -> None:
        """Write lines, into a new file where the old one was moved away.

        Raises:
            OSError: They cannot be written.
        """
        if self._fd is None or self._was_moved(self._fd):
            self.close()
            self._open()
        if self._fd is not None:
            _write_whole(self._fd, lines.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Close it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _open(self) -> None:
        try:
            is_ordinary = stat.S_ISREG(self._path.stat().st_mode)
        except FileNotFoundError:
            is_ordinary = True
        if not is_ordinary:  # opening a pipe would wait for its reader
            raise OSError(errno.EINVAL, "it is no ordinary file")
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)

    def _was_moved(self, fd: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True
        own = os.fstat(fd)
        return (there.st_dev, there.st_ino) != (own.st_dev, own.st_ino)


class StandardError:
    """Standard error, past the buffers of Python: a reader that does not read holds nobody else up."""

    name = "standard error"

    def write(self, lines: str) -> None:
        """Write lines.

        Raises:
            OSError: Nobody reads any more.
        """
        _write_whole(STDERR, lines.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Leave it open: it is everybody's."""


class Through:
    """Lines that somebody else puts on the terminal, such as above a live table.

    Args:
        show: Is given one line at a time, in the log's thread.
    """

    name = "the terminal"

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def write(self, lines: str) -> None:
        """Show lines."""
        for line in lines.splitlines():
            self._show(line)

    def close(self) -> None:
        """Leave it."""


def _write_whole(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
