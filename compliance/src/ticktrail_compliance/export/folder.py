"""Write files that hold plain content into a folder of one's own, and nowhere else.

Owns: modes, that nothing on the way is a symbolic link, and what is on the disk when.
Never: follows a link, or writes over what it did not make. Folders are held open and all names are taken from there, so
that nobody can exchange a part of the way meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import TracebackType
from typing import BinaryIO, Self

from ticktrail.errors import ConfigError

__all__ = ["Folder", "parent_of", "translated"]

FOLDER_MODE = 0o700
FILE_MODE = 0o600
OTHERS = 0o077
"""What nobody else may have; bits beside it, such as setgid, come from the folder above."""

_PASS = os.O_DIRECTORY | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)


class Folder:
    """A folder that is held open; made by `parent_of` and by itself."""

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._handle)

    def has(self, name: str) -> bool:
        """Tell whether anything is there under a name, be it a link that leads nowhere."""
        try:
            os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def folder(self, name: str) -> Folder:
        """Return a folder in this one, made where it is missing; it is this user's alone.

        Raises:
            ConfigError: What is there is none, or is somebody else's.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=self._handle)
            self.sync()
        path = self.path / name
        found = Folder(_entered(name, self._handle, path, os.O_RDONLY | os.O_DIRECTORY), path)
        state = os.fstat(found._handle)
        if state.st_uid != os.geteuid() or state.st_mode & OTHERS:
            os.close(found._handle)
            raise ConfigError(
                f"{path} is not this user's alone (mode 0700): remove it, or name another folder"
            )
        return found

    def lock(self) -> bool:
        """Keep others out while this is open; False where somebody else is in."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def open(self, name: str, *, new: bool = False) -> BinaryIO:
        """Return a file to read and write, made where it is missing, as it is where not.

        Args:
            name: Its name in this folder.
            new: There must be none yet.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_EXCL if new else 0)
        return os.fdopen(os.open(name, flags, FILE_MODE, dir_fd=self._handle), "r+b")

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        with os.fdopen(
            os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._handle), "rb"
        ) as file:
            return file.read()

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file in its place, on the disk when this returns; never half of it."""
        with self.open(f"{name}.new") as file:
            file.truncate(0)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{name}.new", name, src_dir_fd=self._handle, dst_dir_fd=self._handle)
        self.sync()

    def names(self) -> list[str]:
        """Return what is in it, sorted."""
        return sorted(os.listdir(self._handle))  # noqa: PTH208 - of the folder that is held open

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._handle)

    def remove_folder(self, name: str) -> None:
        """Remove a folder that is empty."""
        os.rmdir(name, dir_fd=self._handle)
        self.sync()

    def move(self, name: str, to: Folder, new_name: str) -> None:
        """Move something in one step."""
        os.rename(name, new_name, src_dir_fd=self._handle, dst_dir_fd=to._handle)
        to.sync()
        self.sync()

    def sync(self) -> None:
        """Have names that were made and moved on the disk."""
        with contextlib.suppress(PermissionError):  # a folder that may be written, and not be listed
            handle = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._handle)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def parent_of(path: Path, option: str) -> tuple[Folder, str]:
    """Return the folder that a path leads to, held open, and the name in it.

    Args:
        path: As somebody wrote it.
        option: Which option it was written for.

    Raises:
        ConfigError: It leads out of the working folder by ``..``, over a symbolic link, or nowhere.
    """
    parts = _normal(path, option)
    handle = os.open("/" if path.is_absolute() else ".", _PASS)
    way = Path("/") if path.is_absolute() else Path()
    try:
        for part in parts[:-1]:
            way /= part
            deeper = _entered(part, handle, way, _PASS, option)
            os.close(handle)
            handle = deeper
    except BaseException:
        os.close(handle)
        raise
    return Folder(handle, way), parts[-1]


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Tell what the disk refuses.

    Raises:
        ConfigError: The message names the remedy.
    """
    try:
        yield
    except OSError as exc:
        remedy = {
            errno.ENOSPC: "make room on that disk, and give the same command again: it goes on from there",
            errno.EDQUOT: "make room in your quota, and give the same command again: it goes on from there",
            errno.ELOOP: "a file there is a symbolic link: remove it",
        }.get(exc.errno or 0, "see to its rights, or name another place")
        raise ConfigError(f"{what} cannot be written: {exc.strerror or exc}; {remedy}") from exc


def _normal(path: Path, option: str) -> list[str]:
    """Return the names on the way, without ``..``."""
    parts: list[str] = []
    for part in path.parts[1:] if path.is_absolute() else path.parts:
        if part != "..":
            parts.append(part)
        elif path.is_absolute() or not parts:
            raise ConfigError(f"{option} {path} leads elsewhere by `..`: write its full path without one")
        else:
            parts.pop()
    if not parts or not PurePath(parts[-1]).name:
        raise ConfigError(f"{option} {path} names nothing new: name what is to be made")
    return parts


def _entered(part: str, within: int, path: Path, flags: int, option: str = "--out") -> int:
    try:
        return os.open(part, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    except OSError as exc:
        with contextlib.suppress(OSError):
            if stat.S_ISLNK(os.stat(part, dir_fd=within, follow_symlinks=False).st_mode):
                raise ConfigError(
                    f"{option}: {path} is a symbolic link, and plain content follows none: write where it leads to"
                ) from exc
        if exc.errno == errno.ENOENT:
            raise ConfigError(f"{option}: there is no folder {path}: make it first") from exc
        raise ConfigError(f"{option}: {path} cannot be entered: {exc.strerror}; name another folder") from exc
