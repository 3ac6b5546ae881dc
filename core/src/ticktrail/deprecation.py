"""Keep an old name alive for a while, and tell who uses it what to write instead.

Owns: the warning, that each place of use is told once, and the list of the places.
Never: decides when a name goes: its author says so, in the warning.

A module whose name moved says::

    __getattr__ = old_names(__name__, {"OldThing": Moved("ticktrail.model:Thing", gone_in="0.4")})

and a settings table whose key got another name::

    @renamed_keys(url=Renamed("ws_url", gone_in="0.4"))
    class AcmeSettings(Settings, frozen=True): ...
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

__all__ = [
    "Moved",
    "Renamed",
    "TicktrailDeprecationWarning",
    "Use",
    "old_names",
    "renamed_keys",
    "renamed_keys_of",
    "uses",
    "warn_once",
]

T = TypeVar("T", bound=type)


class TicktrailDeprecationWarning(FutureWarning):
    """Something of ticktrail or of a plugin has another name now. It is shown by default, unlike Python's own."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a name is now.

    Attributes:
        to: ``module:name``, or a name of the same module.
        gone_in: The version in which the old name goes.
    """

    to: str
    gone_in: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a settings key is called now.

    Attributes:
        to: The key.
        gone_in: The version in which the old one is refused.
    """

    to: str
    gone_in: str


@dataclass(frozen=True, slots=True)
class Use:
    """One place that uses an old name."""

    file: str
    line: int
    text: str

    def is_in(self, places: Iterable[str]) -> bool:
        """Tell whether it lies in one of some files or folders."""
        return any(self.file == place or self.file.startswith(place + os.sep) for place in places)

    def __str__(self) -> str:
        """Return place and text, for people."""
        return f"{self.file}:{self.line}: {self.text}"


_USES: Final[dict[tuple[str, int, str], Use]] = {}
_RENAMED: Final[WeakKeyDictionary[type, Mapping[str, Renamed]]] = WeakKeyDictionary()


def old_names(module: str, moved: Mapping[str, Moved]) -> Callable[[str], object]:
    """Return the ``__getattr__`` of a module some of whose names have moved.

    Args:
        module: The module's name: its ``__name__``.
        moved: By the old name, where it is now.
    """

    def find(name: str) -> object:
        if (now := moved.get(name)) is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, _, new = now.to.rpartition(":")
        home = place or module
        warn_once(f"{module}.{name} is deprecated and goes in {now.gone_in}; write {home}.{new} instead")
        return getattr(importlib.import_module(home), new)

    return find


def renamed_keys(**keys: Renamed) -> Callable[[T], T]:
    """Let a settings table take old keys as well; whoever writes one is told, with its line in the feed file."""

    def note(settings: T) -> T:
        fields = {name: now.to for name, now in keys.items() if not hasattr(settings, now.to)}
        if fields:
            raise TypeError(f"{settings.__name__} has no field {', '.join(sorted(fields.values()))}")
        _RENAMED[settings] = keys
        return settings

    return note


def renamed_keys_of(settings: type) -> Mapping[str, Renamed]:
    """Return the old keys that a settings table still takes, its bases' among them."""
    found: dict[str, Renamed] = {}
    for one in reversed(settings.__mro__):
        found |= _RENAMED.get(one, {})
    return found


def warn_once(text: str, *, stacklevel: int = 1) -> None:
    """Warn of a deprecated thing, once for each line that uses it.

    Args:
        text: What is deprecated, in which version it goes, and the remedy.
        stacklevel: 1: the line that called the function which calls this; 2: the line above that; and so on. The
            import machinery between them does not count.
    """
    frame = _caller(stacklevel + 1)
    file, line = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
    if (file, line, text) in _USES:
        return
    _USES[file, line, text] = Use(file=file, line=line, text=text)
    module = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    warnings.warn_explicit(text, TicktrailDeprecationWarning, file or "unknown", line, module=module)


def uses() -> tuple[Use, ...]:
    """Return the places that have used something deprecated in this process, in the order in which they did."""
    return tuple(_USES.values())


def _caller(above: int) -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the public way reads every source file of the stack
    while frame is not None and above:
        frame = frame.f_back
        if frame is not None and "importlib" in (name := frame.f_code.co_filename) and "_bootstrap" in name:
            continue
        above -= 1
    return frame
