"""Serve the files of the page, out of the package alone.

Owns: which files there are, their types and how long a browser may keep them.
Never: opens a path that was asked for: all files are read once, and found by name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

__all__ = ["StaticFile", "load_files"]

TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_HAS_DIGEST: Final = re.compile(r"[.-][0-9a-f]{8,}\.\w+$")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file: `etag` changes with its bytes, and one whose name does so too may be kept for ever."""

    body: bytes
    media_type: str
    etag: str
    caching: str


def load_files() -> Mapping[str, StaticFile]:
    """Return all files of the page by path, without a leading slash."""
    found: dict[str, StaticFile] = {}
    _gather(files("ticktrail_dashboard") / "static", "", found)
    return found


def _gather(folder: Traversable, prefix: str, found: dict[str, StaticFile]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _gather(entry, f"{prefix}{entry.name}/", found)
        elif media_type := TYPES.get(PurePosixPath(entry.name).suffix):
            body = entry.read_bytes()
            found[prefix + entry.name] = StaticFile(
                body=body,
                media_type=media_type,
                etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"',
                caching="public, max-age=31536000, immutable"
                if _HAS_DIGEST.search(entry.name)
                else "no-cache",
            )
