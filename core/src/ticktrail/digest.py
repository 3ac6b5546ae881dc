"""Tell one installation of a distribution from another by the bytes of its files.

Owns: which files are a distribution's own, their order, and the bounds within which they are read.
Never: imports what it reads.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import stat
from collections.abc import Iterator, Sequence
from importlib.machinery import all_suffixes
from importlib.metadata import Distribution, PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ticktrail.errors import PluginError

__all__ = ["MOST_BYTES", "MOST_FILES", "distribution_sha256", "is_editable"]

MOST_FILES: Final = 10_000
"""A distribution of more is not hashed: each start of a feed reads all of them."""
MOST_BYTES: Final = 256 * 2**20
"""The same of the bytes of all its files."""

_CACHE = "__pycache__"
"""What Python itself writes beside the files, when and where it likes."""


def distribution_sha256(name: str) -> str:
    """Return the SHA-256 of all files of an installed distribution, in hex.

    It is the one that `sha256sum --zero` of every file, in the order of their names' bytes, piped into `sha256sum`
    gives: of each file its own hash, two spaces, its path and a zero byte. Paths are those below the folder that
    imports start from (`site-packages`, or the source folder of an editable installation), so that a wheel and its
    sources have one digest.

    The files are those that the distribution's RECORD names, and whatever else lies in its packages: a module that
    somebody put beside them is imported as they are. A module or package of theirs that would be imported from
    elsewhere, such as a folder of `PYTHONPATH`, counts as it lies there. What installers write (`*.dist-info`, scripts
    outside of the folder) and Python's caches (`__pycache__`) are left out. An editable installation, or one without a
    RECORD, has the packages and modules that its entry points name.

    Some hundred files take a few milliseconds; nothing is kept from one call to the next.

    Args:
        name: The distribution's, in any spelling.

    Raises:
        PluginError: It is not installed, has more than `MOST_FILES` files or `MOST_BYTES` bytes, a file of it cannot
            be read, or a module of it would be imported from an archive.
    """
    try:
        files = _files(importlib.metadata.distribution(name))
    except PackageNotFoundError as exc:
        raise PluginError(f"distribution {name} is not installed: install it") from exc
    except OSError as exc:
        raise PluginError(f"distribution {name}: {exc.filename} cannot be read ({exc.strerror})") from exc
    if not files:
        raise PluginError(
            f"distribution {name}: none of its files can be found, so that nobody can tell it from another: unpack it, "
            "and install it anew"
        )
    if len(files) > MOST_FILES:
        raise PluginError(
            f"distribution {name} has more than {MOST_FILES:,} files, and is not hashed: keep data out of it"
        )
    whole, left = hashlib.sha256(), MOST_BYTES
    for key in sorted(files):
        digest, size = _read(name, files[key], left)
        whole.update(digest.encode() + b"  " + key + b"\0")
        left -= size
    return whole.hexdigest()


def _read(name: str, path: str, left: int) -> tuple[str, int]:
    """Return hash and size of a file, which may have as many bytes as are left."""
    try:
        with Path(path).open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size > left:
                raise PluginError(
                    f"distribution {name} has more than {MOST_BYTES // 2**20:,} MiB of files, and is not hashed: keep "
                    "data out of it"
                )
            return hashlib.file_digest(file, "sha256").hexdigest(), size
    except OSError as exc:
        raise PluginError(
            f"distribution {name}: {path} cannot be read ({exc.strerror}): install it anew"
        ) from exc


def _files(distribution: Distribution) -> dict[bytes, str]:
    """Return a distribution's files, each by its path below the folder that imports start from."""
    found: dict[bytes, str] = {}
    modules = {entry.module for entry in distribution.entry_points}
    places: dict[tuple[Path, Path], None] = {}
    if not is_editable(distribution):
        root = Path(str(distribution.locate_file("")))
        packages: set[Path] = set()
        for listed in distribution.files or ():
            parts = listed.parts
            if ".." in parts or parts[0].endswith(".dist-info") or _CACHE in parts:
                continue
            if listed.name == "__init__.py":
                packages.add(root.joinpath(*parts[:-1]))
            if (path := root.joinpath(*parts)).is_file():
                found[os.fsencode(listed.as_posix())] = str(path)
        outermost = [package for package in packages if packages.isdisjoint(package.parents)]
        places.update(dict.fromkeys((root, package) for package in outermost))
        # What is imported by a name of its own may be another file by now: a package beside the module, or in a folder
        # that comes before.
        modules.update(".".join(package.relative_to(root).parts) for package in outermost)
        modules.update(
            ".".join((*listed.parts[:-1], listed.stem))
            for listed in distribution.files or ()
            if listed.suffix == ".py" and packages.isdisjoint(root.joinpath(*listed.parts).parents)
        )
    for module in sorted(modules):
        if all(part.isidentifier() for part in module.split(".")):
            places.update(dict.fromkeys(_places(module)))
    for root, place in places:
        for name, below in _below(place.relative_to(root).as_posix(), str(place)):
            found[os.fsencode(name)] = below
            if len(found) > MOST_FILES:
                return found
    return found


def _places(module: str) -> Iterator[tuple[Path, Path]]:
    """Yield where a module comes from, without importing it: the folder that imports start from, and its own package.

    Its own is the first that is no namespace, which other distributions may share; or the module's file, in none.

    Raises:
        PluginError: It comes from an archive.
    """
    first, *rest = module.split(".")
    try:
        spec = find_spec(first)
    except ValueError:  # a module that was made by hand says nothing of where it is from
        return
    if spec is None:
        return
    if spec.origin is not None and spec.has_location:
        _see_that_it_is_none_of_an_archive(module, Path(spec.origin))
    if spec.submodule_search_locations is None:
        if spec.origin is not None and Path(spec.origin).is_file():
            yield Path(spec.origin).parent, Path(spec.origin)
        return
    for location in spec.submodule_search_locations:
        _see_that_it_is_none_of_an_archive(module, Path(location))
        if found := _within(Path(location), rest):
            root = Path(location).parent
            yield from ((root, path) for path in found)
            return  # the first that has it is imported from


def _within(place: Path, rest: Sequence[str]) -> Sequence[Path]:
    """Return the package that comes first on a module's way from a folder, or the files of the module itself."""
    for part in rest:
        if _is_package(place):
            break
        files = sorted(path for path in place.glob(f"{part}.*") if path.is_file())
        if files and not _is_package(place / part):
            return files
        place /= part
    return [place] if _is_package(place) else []


def _is_package(folder: Path) -> bool:
    return any((folder / f"__init__{end}").is_file() for end in all_suffixes())


def _see_that_it_is_none_of_an_archive(module: str, place: Path) -> None:
    """Return if what a module comes from does not lie in a file.

    Raises:
        PluginError: Imports come from a zip file there: what it has cannot be hashed as files are.
    """
    archive = next((parent for parent in place.parents if parent.is_file()), None)
    if archive is not None:
        raise PluginError(
            f"module {module} would be imported from the archive {archive}, and is not hashed: unpack it, or take it "
            "from the path"
        )


def _below(name: str, path: str, above: tuple[tuple[int, int], ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield name and path of a file, or of those in a folder and below: links are followed, but not in a circle."""
    status = Path(path).stat()
    if not stat.S_ISDIR(status.st_mode):
        yield name, path
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file():
                yield f"{name}/{entry.name}", entry.path
            elif entry.is_dir() and entry.name != _CACHE:
                yield from _below(f"{name}/{entry.name}", entry.path, (*above, here))


def is_editable(distribution: Distribution) -> bool:
    """Tell whether a distribution is installed as a link to its sources (PEP 610)."""
    text = distribution.read_text("direct_url.json")
    if text is None:
        return False
    try:
        told = json.loads(text)
    except ValueError:
        return False
    folder = told.get("dir_info") if isinstance(told, dict) else None
    return isinstance(folder, dict) and folder.get("editable") is True
