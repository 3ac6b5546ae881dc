"""Append messages to a file.

Owns: a line of JSON a message, on the disk before the message counts as told.
Never: writes where a symbolic link leads, or makes a file that others may read.
"""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from ticktrail_alerts.channels.base import ChannelError
from ticktrail_alerts.message import Message

__all__ = ["Lines"]


class Lines:
    """A file of lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._limiter = anyio.CapacityLimiter(1)

    async def send(self, message: Message) -> str:
        """Append the message.

        Raises:
            ChannelError: It could not be written.
        """
        line = msgspec.json.encode(message) + b"\n"
        try:
            await anyio.to_thread.run_sync(
                _append, self._path, line, abandon_on_cancel=True, limiter=self._limiter
            )
        except OSError as exc:
            raise ChannelError(f"{self._path} cannot be written: {exc.strerror or exc}") from exc
        return ""


def _append(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0) as file:
        if file.seek(0, os.SEEK_END) > 0:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # a line that a crash or a full disk cut off
                line = b"\n" + line
        written = 0
        while written < len(line):
            written += file.write(line[written:]) or 0
        os.fsync(file.fileno())
