"""Keep checkpoints in a file that is not the database's.

Owns: the file's form (one signed note after the other, nothing between them), its mode, and that it only grows.
Never: judges a checkpoint, or changes a byte that is written.

A crash can tear the note that is being written. The next one is set off from it by empty lines, and a reader tells by
them, or by the file's end, that a note was torn rather than changed.
"""

from __future__ import annotations

import heapq
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.given_file import opened_file
from ticktrail_compliance.proof.note import MARK, MAX_NOTE_BYTES, SIGNATURE_BYTES, BadNote, Note

__all__ = ["Anchor", "Anchored", "largest_notes", "last_note", "read_anchor", "sync_folder"]

_SIGNATURE = MARK.encode()
_APART = b"\n\n"
MOST_DIGITS = 20
"""Digits of the largest size, and a line's end."""
MOST_LARGEST = 16
"""Notes that are looked at for the largest: a crash tears some, and who adds more that are false has it refused."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What stands in an anchor from a line on.

    Attributes:
        line: Where it begins, from 1.
        note: The note; None if it is none.
        why: Why it is none.
        torn: It may be what a crash left of one.
    """

    line: int
    note: Note | None
    why: str = ""
    torn: bool = False


class Anchor:
    """A file that checkpoints are appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end = 0

    def open(self) -> None:
        """Make the file, where there is none, with mode 0600, and see that it can be written.

        Raises:
            ConfigError: It is no file, or cannot be written.
        """
        try:
            made = not self.path.exists()
            handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
            try:
                state = os.fstat(handle)
            finally:
                os.close(handle)
            if made:
                sync_folder(self.path.parent)
        except OSError as exc:
            raise ConfigError(
                f"anchor {self.path} cannot be written: {exc.strerror}; name a file in a folder that is there and that "
                f"this user may write"
            ) from exc
        if not stat.S_ISREG(state.st_mode):
            raise ConfigError(f"anchor {self.path} is no file: name a file of its own")
        self._end = state.st_size

    def append(self, note: Note) -> None:
        """Add a note, on the disk before this returns.

        Raises:
            AuditError: It cannot be written, or the file is gone or was cut since it was opened.
        """
        try:
            handle = os.open(
                self.path, os.O_RDWR | os.O_APPEND
            )  # never made anew: a file that is gone is told
            with os.fdopen(handle, "r+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                if end < self._end:
                    raise AuditError(
                        f"anchor {self.path} was cut from {self._end} to {end} bytes while the feed ran: keep it as it "
                        f"is, find out by whom, and name another file in anchors"
                    )
                apart = b"" if _is_whole(file, end) else _APART
                rest = memoryview(apart + str(note).encode())
                while rest:
                    rest = rest[file.write(rest) :]
                os.fsync(file.fileno())
                self._end = file.tell()
        except OSError as exc:
            raise AuditError(
                f"anchor {self.path} cannot be written: {exc.strerror}; put the file back, make room on its disk, or "
                f"name another one in anchors"
            ) from exc


def read_anchor(path: Path) -> Iterator[Anchored]:
    """Yield what stands in an anchor, in order.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with opened_file(path) as file:
            yield from _cut(_lines(file))
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def last_note(path: Path) -> Note | None:
    """Return the last note of an anchor, None if it holds none.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with opened_file(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 2 * MAX_NOTE_BYTES))
            notes = [found.note for found in _cut(_lines(file)) if found.note is not None]
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    return notes[-1] if notes else None


def largest_notes(path: Path) -> Iterator[Note]:
    """Yield notes of an anchor by the size that stands in their second line, the largest first, some at most.

    It is found without a look at anything else: notes that stand in no order, and what is none, cost little.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with opened_file(path) as file:
            for _, start in heapq.nlargest(MOST_LARGEST, _sizes(file)):
                file.seek(start)
                found = next(_cut(_lines(file)), None)
                if found is not None and found.note is not None:
                    yield found.note
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _sizes(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield every size that a line holds, with the place where the line before it begins."""
    before, start = 0, 0
    for line in _lines(file):
        if len(line) <= MOST_DIGITS and line.rstrip(b"\n").isdigit():
            yield int(line), before
        before, start = start, start + len(line)


def _unreadable(path: Path, exc: OSError) -> ConfigError:
    return ConfigError(f"anchor {path} cannot be read: {exc.strerror}; name a file that this user may read")


def _is_whole(file: BinaryIO, end: int) -> bool:
    """Tell whether the file ends in a signature line, or is empty."""
    file.seek(max(0, end - MAX_NOTE_BYTES))
    tail = file.read()  # leaves the file at its end
    return not tail or (tail.endswith(b"\n") and tail[:-1].rpartition(b"\n")[2].startswith(_SIGNATURE))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines, none in one piece that is longer than a note may be."""
    return iter(lambda: file.readline(MAX_NOTE_BYTES), b"")


def _cut(lines: Iterable[bytes]) -> Iterator[Anchored]:
    """Cut lines into notes: after a signature or an empty line, one that is neither begins the next."""
    held: list[bytes] = []
    first, size, before = 1, 0, b""
    for number, line in enumerate(lines, start=1):
        begins = line != b"\n" and not line.startswith(_SIGNATURE)
        if begins and (before == b"\n" or before.startswith(_SIGNATURE)):
            yield from _anchored(first, held, size, last=False)
            held, first, size = [], number, 0
        size += len(line)
        if size <= MAX_NOTE_BYTES:
            held.append(line)
        before = line
    yield from _anchored(first, held, size, last=True)


def _anchored(line: int, held: list[bytes], size: int, *, last: bool) -> Iterator[Anchored]:
    """Yield the note that lines hold, or what is wrong with them; nothing for lines that are all empty."""
    if size > MAX_NOTE_BYTES:
        yield Anchored(line, None, f"{size} bytes that hold no note")
        return
    data = b"".join(held)
    whole = data.rstrip(b"\n")
    if not whole:
        return
    set_off = data[len(whole) :] not in {b"", b"\n"}
    try:
        note = Note.parse(whole + b"\n" if set_off else data)
    except BadNote as exc:
        yield Anchored(line, None, str(exc), torn=last or set_off)
        return
    if (
        set_off and len(note.signatures[-1].value) < SIGNATURE_BYTES
    ):  # base64 that was cut may be base64 still
        yield Anchored(line, None, "its last signature is too short", torn=True)
    else:
        yield Anchored(line, note)


def sync_folder(folder: Path) -> None:
    """Let the names in a folder be on the disk before this returns.

    Raises:
        OSError: They cannot be.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
