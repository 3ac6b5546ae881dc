"""Compare what is installed with what was pinned, before any of it is imported.

Owns: which distributions count: ticktrail, and those whose plugins may take part.
Never: imports a plugin.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
from collections.abc import Iterable
from pathlib import Path

from ticktrail._host.builtin import BUILTIN, OWN
from ticktrail._host.discovery import canonical, find_plugins, own_distributions
from ticktrail.digest import distribution_sha256, is_editable
from ticktrail.events import PluginLoaded
from ticktrail.pins import Pin

__all__ = ["altered", "editable", "pins_of_installed", "pins_of_loaded"]


def pins_of_installed(allow: Iterable[str]) -> tuple[Pin, ...]:
    """Return a pin of each distribution whose plugins would be loaded, as its files are now; ticktrail's own first.

    Args:
        allow: Distributions that the feed file allows, beside those that core's own extras name.

    Raises:
        PluginError: The files of one cannot be hashed.
    """
    allowed = own_distributions() | {canonical(name) for name in allow}
    names: dict[str, list[str]] = {OWN: list(BUILTIN)}
    versions = {OWN: importlib.metadata.version(OWN)}
    for found in find_plugins():
        if canonical(found.distribution) in allowed and not found.is_borrowed:  # that is not even imported
            names.setdefault(found.distribution, []).append(found.name)
            versions[found.distribution] = found.version
    return tuple(
        Pin(name=name, version=versions[name], sha256=distribution_sha256(name), plugins=tuple(plugins))
        for name, plugins in names.items()
    )


def pins_of_loaded(loaded: Iterable[PluginLoaded]) -> tuple[Pin, ...]:
    """Return the same of what was loaded; what a program brought along has no distribution, and no pin."""
    found: dict[str, Pin] = {}
    for one in loaded:
        if one.distribution:
            found.setdefault(
                one.distribution, Pin(name=one.distribution, version=one.version, sha256=one.sha256)
            )
    return tuple(found.values())


def altered(pin: Pin) -> tuple[str, ...]:
    """Return the files of a distribution that are not as its installer wrote them; empty where none of them says so.

    Source: PyPA specifications, "Recording installed projects": RECORD has path, hash and size of each file.
    """
    found = importlib.metadata.distribution(pin.name)
    rows = csv.reader((found.read_text("RECORD") or "").splitlines())
    return tuple(
        row[0] for row in rows if len(row) > 1 and row[1] and not _is_as_written(found, row[0], row[1])
    )


def _is_as_written(found: importlib.metadata.Distribution, name: str, said: str) -> bool:
    """Tell whether a file has a hash such as ``sha256=…``."""
    kind, _, value = said.partition("=")
    try:
        with Path(str(found.locate_file(name))).open("rb") as opened:
            digest = hashlib.file_digest(opened, kind).digest()
    except (
        OSError,
        ValueError,
        TypeError,
    ):  # the last two: a hash that nobody knows, or one of no fixed length
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == value


def editable(pins: Iterable[Pin]) -> tuple[str, ...]:
    """Return those that are installed as a link to their sources: each edit there is a difference."""
    return tuple(pin.name for pin in pins if is_editable(importlib.metadata.distribution(pin.name)))
