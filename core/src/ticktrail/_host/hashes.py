"""Hash the code of plugins as this process has loaded it.

Owns: the hashes of the distributions that were loaded: what runs is that, whatever lies there later.
Never: compares them; a lock does.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from pathlib import Path

from ticktrail.digest import distribution_sha256

__all__ = ["file_sha256", "sha256_as_loaded"]

_AS_LOADED: dict[tuple[str, str, str], str] = {}
"""By name, version and place, the hashes of the distributions that this process has loaded."""


def sha256_as_loaded(distribution: str, version: str) -> str:
    """Return the hash of a distribution's files as they were when this process first loaded it: what runs is that."""
    place = str(importlib.metadata.distribution(distribution).locate_file(""))
    known = _AS_LOADED.get((distribution, version, place))
    if known is None:
        known = _AS_LOADED[distribution, version, place] = distribution_sha256(distribution)
    return known


def file_sha256(plugin: object) -> str:
    """Hash the file of the module of a plugin that is brought along, or of the class of which it is an instance."""
    module = plugin if hasattr(plugin, "__file__") else sys.modules.get(type(plugin).__module__)
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""
