"""Find the plugins that are installed, and say whose code may run.

Owns: the entry points of the group ``ticktrail``, and the allow-list.
Never: imports a plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import (
    Distribution,
    EntryPoint,
    PackageNotFoundError,
    distribution,
    entry_points,
    requires,
)
from typing import Final

__all__ = [
    "GROUP",
    "Installed",
    "canonical",
    "find_plugins",
    "is_own",
    "missing_extra",
    "missing_extras",
    "name_of",
    "own_distributions",
]

GROUP: Final = "ticktrail"
_OURS: Final = f"{GROUP}-"
_EXTRA = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*).*;.*\bextra\s*==")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An entry point and the distribution that it came with.

    `is_borrowed`: the distribution that is found by that name does not have it. Metadata in some other folder merely
    say that name, and whoever allowed or pinned the distribution has not seen it.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint
    is_borrowed: bool = False

    @property
    def borrowed_in_words(self) -> str:
        """Why a plugin with a borrowed name takes no part."""
        return (
            f"its metadata call it {self.distribution}, which is another distribution and does not bring it; it was "
            "not imported: uninstall it"
        )


def find_plugins() -> Sequence[Installed]:
    """Return every plugin that is installed, by distribution and name."""
    found = (
        Installed(
            name=entry.name,
            distribution=name_of(entry.dist),
            version=entry.dist.version if entry.dist and name_of(entry.dist) else "",
            entry_point=entry,
            is_borrowed=_is_borrowed(entry),
        )
        for entry in entry_points(group=GROUP)
    )
    return sorted(found, key=lambda plugin: (canonical(plugin.distribution), plugin.name))


def name_of(found: Distribution | None) -> str:
    """Return a distribution's name; empty where there are no metadata to say it.

    Python's own reader of metadata says None then. The package `importlib_metadata`, which takes its place in a process
    that imports it, raises.
    """
    try:
        return (found.name or "") if found is not None else ""
    except FileNotFoundError:
        return ""


def _is_borrowed(entry: EntryPoint) -> bool:
    """Tell whether the distribution that is found by the name of the entry's own is another one.

    A distribution is found by the name of its folder, and its entry points say the name in the metadata there.
    """
    if not (name := name_of(entry.dist)):  # what is left of a distribution has no metadata
        return True
    try:
        return entry not in distribution(name).entry_points
    except PackageNotFoundError:
        return True


def own_distributions(requirements: Iterable[str] | None = None) -> frozenset[str]:
    """Return the distributions that are trusted unasked: those of this project that core's own extras name.

    Some extras name what others made, such as a test runner: no plugin of theirs is trusted for that.

    Args:
        requirements: Requirement lines with their markers; core's own by default.
    """
    lines = requires("ticktrail") or () if requirements is None else requirements
    names = {canonical(found[1]) for line in lines if (found := _EXTRA.match(line))}
    return frozenset(name for name in names if requirements is not None or name.startswith(_OURS))


def is_own(name: str) -> bool:
    """Tell whether a distribution is ticktrail's own: of two plugins that clash, the other one gives way."""
    return canonical(name) in own_distributions() | {"ticktrail"}


def missing_extra(name: str) -> str | None:
    """Return the distribution that core's extra `name` would install, where it is one of ours and is not there."""
    wanted = f"ticktrail-{canonical(name)}"
    if wanted not in own_distributions():
        return None
    try:
        distribution(wanted)
    except PackageNotFoundError:
        return wanted
    return None


def missing_extras() -> tuple[str, ...]:
    """Return core's extras whose distribution is one of ours and is not installed, sorted."""
    extras = (name.removeprefix(_OURS) for name in own_distributions())
    return tuple(sorted(name for name in extras if missing_extra(name) is not None))


def canonical(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
