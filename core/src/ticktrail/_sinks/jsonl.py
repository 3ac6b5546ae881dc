"""Append ticks to a file of JSON lines.

Owns: one open file, its torn tail on opening, and what a failed write leaves behind.
Never: leaves part of a line: a write that fails is cut off again, and a tail that an earlier crash tore off in the
middle of a line is moved into ``PATH.torn`` before anything is appended.

A new file has mode 0644 (less the umask): market data is no secret. Its folder is made, mode 0700, if only that one
is missing; a path with two missing folders is more likely a slip than a wish. What `write` has taken is with the
operating system when it returns, and on the disk when the sink has closed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread

from ticktrail.errors import SinkError
from ticktrail.model import Tick
from ticktrail.plugin import Settings, SinkContext, sink_spec
from ticktrail.wire import decode_line, encode_lines

__all__ = ["SPEC", "JsonlSettings", "JsonlSink"]

_IN_THREAD_BYTES = 65_536  # below this a write to the page cache is cheaper than a thread's turn
_MAX_LINE_BYTES = 16 * 1_048_576  # a longer tail without a line's end is no file of ours
_CLOSE_S = 10.0


class JsonlSettings(Settings, frozen=True):
    """`path` is relative to the feed file's folder; `append = false` empties the file first, unless a run resumes."""

    path: str
    """The file; one tick a line."""
    append: bool = True
    """``false`` empties the file first."""

    def __post_init__(self) -> None:
        """Refuse an empty path, which would name the folder itself."""
        if not self.path:
            raise ValueError('path must name a file, such as "out/ticks.jsonl"')


class JsonlSink:
    """An open file of JSON lines; `open_file` makes one."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        found = os.fstat(descriptor)
        self._regular = stat.S_ISREG(found.st_mode)
        self._size = found.st_size

    @classmethod
    def open_file(cls, path: Path, *, append: bool) -> JsonlSink:
        """Open the file for appending, blocking.

        Raises:
            SinkError: It cannot be opened or its tail cannot be mended; the message names the path and the remedy.
        """
        try:
            if not path.parent.exists() and path.parent.parent.is_dir():
                path.parent.mkdir(mode=0o700)
            flags = os.O_RDWR if path.is_file() else os.O_WRONLY  # a tail is read; a pipe or device has none
            flags |= os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (0 if append else os.O_TRUNC)
            descriptor = os.open(path, flags, 0o644)
        except OSError as exc:
            raise _sink_error(path, exc) from exc
        try:
            _mend_tail(path, descriptor)
            return cls(path, descriptor)
        except OSError as exc:
            os.close(descriptor)
            raise _sink_error(path, exc) from exc
        except SinkError:
            os.close(descriptor)
            raise

    async def write(self, ticks: Sequence[Tick]) -> None:
        """Append one line a tick.

        Raises:
            SinkError: The file took no more; it ends with the last whole write.
        """
        await anyio.lowlevel.checkpoint()
        lines = encode_lines(ticks)
        if len(lines) < _IN_THREAD_BYTES:
            self._append(lines)
        else:
            await anyio.to_thread.run_sync(self._append, lines)

    async def aclose(self) -> None:
        """Bring the file to the disk and close it; takes 10 s at most, even under cancellation.

        Raises:
            SinkError: The disk refused, or did not answer in time.
        """
        with anyio.move_on_after(_CLOSE_S, shield=True) as scope:
            await anyio.to_thread.run_sync(self._finish, abandon_on_cancel=True)
        if scope.cancelled_caught:
            raise SinkError(
                f"{self._path} did not reach the disk within {_CLOSE_S:.0f} s of closing: its last lines may be "
                "lost if the machine stops now; check the disk, or the network mount that it lies on"
            )

    def _append(self, lines: bytes) -> None:
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as exc:
            error = _sink_error(self._path, exc)
            if self._regular and len(rest) < len(lines):
                self._cut(error)
            raise error from exc
        self._size += len(lines)

    def _cut(self, error: SinkError) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError as exc:
            error.add_note(f"and the part of a write that it took could not be cut off again: {exc.strerror}")

    def _finish(self) -> None:
        try:
            if self._regular:
                os.fsync(self._descriptor)
        except OSError as exc:
            raise _sink_error(self._path, exc) from exc
        finally:
            os.close(self._descriptor)


def _mend_tail(path: Path, descriptor: int) -> None:
    """Move what follows the last line's end into ``PATH.torn``, unless it is a whole tick that only lacks it."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not found.st_size:
        return
    start = max(0, found.st_size - _MAX_LINE_BYTES)
    last = os.pread(descriptor, 1, found.st_size - 1)
    if last == b"\n":
        return
    window = os.pread(descriptor, found.st_size - start, start)
    end = window.rfind(b"\n") + 1
    if not end and start:
        raise SinkError(
            f"{path} holds no JSON lines (its last {_MAX_LINE_BYTES} bytes have no line's end): give the sink another "
            "path, or set append = false to overwrite the file"
        )
    torn = window[end:]
    try:
        decode_line(torn)
    except ValueError:
        with path.with_name(path.name + ".torn").open("ab") as aside:
            aside.write(torn + b"\n")
            aside.flush()
            os.fsync(aside.fileno())
        os.ftruncate(descriptor, start + end)
    else:
        os.write(descriptor, b"\n")


_REMEDIES = {
    "FileNotFoundError": "make its folder first",
    "NotADirectoryError": "a part of the path is a file: give another path",
    "IsADirectoryError": "it is a folder: name a file in it",
    "PermissionError": "give this user the right to write there, or another path",
}


def _sink_error(path: Path, exc: OSError) -> SinkError:
    remedy = _REMEDIES.get(type(exc).__name__, "free space on its disk, or give the sink another path")
    return SinkError(f"cannot write ticks to {path} ({exc.strerror}): {remedy}")


@asynccontextmanager
async def _open(settings: JsonlSettings, context: SinkContext) -> AsyncIterator[JsonlSink]:
    path = context.base_dir / settings.path
    sink = await anyio.to_thread.run_sync(
        lambda: JsonlSink.open_file(path, append=settings.append or context.resumes)
    )
    try:
        yield sink
    finally:
        await sink.aclose()


SPEC = sink_spec(
    name="jsonl",
    summary="append each tick to a file as one line of JSON",
    settings=JsonlSettings,
    open=_open,
)
