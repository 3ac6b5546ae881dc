"""Name whose code a thread is in, by its stack.

Owns: which frames count as running inside of the event loop, and which of them is answerable.
Never: looks at a value: files, lines and names of functions are all that leaves it.
"""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

from ticktrail._host.code import PluginCode, owner_of

__all__ = ["CORE", "PROGRAM", "Culprit", "culprit_of", "whose"]

CORE: Final = "ticktrail"
PROGRAM: Final = "program"
_MOST_FRAMES: Final = 20
_LOOPS: Final = (("trio/_core/_run.py", "unrolled_run"), ("asyncio/base_events.py", "_run_once"))
"""The frames of event loops from which tasks are stepped: what lies outside of them is whoever started the loop."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """Who runs: see `ticktrail.events.LoopBlocked` for the fields."""

    plugin: str
    distribution: str
    where: str
    stack: Sequence[str]


def culprit_of(frame: FrameType, code: Sequence[PluginCode]) -> Culprit | None:
    """Return whose code a thread is in; None where its event loop waits, and nobody's code runs.

    The innermost frame of a plugin, or of the embedding program, is answerable, whatever library it has called; the
    innermost of ticktrail where there is none of these.

    Args:
        frame: The innermost frame of the thread.
        code: Where each plugin's code lies; ticktrail's own plugins count as ticktrail.
    """
    inner = list(_inside(frame))
    core: FrameType | None = None
    for one in inner:
        file = one.f_code.co_filename
        owner = owner_of(file, code)
        if owner is not None and owner.distribution != CORE:
            return _culprit(owner.plugin, owner.distribution, one, inner)
        if owner is None and _is_program(one):
            return _culprit(PROGRAM, "", one, inner)
        if core is None and _package(one) == CORE:
            core = one
    return None if core is None else _culprit(CORE, CORE, core, inner)


def whose(plugin: str, distribution: str) -> str:
    """Return whom a culprit's names mean, for people."""
    if (plugin, distribution) == (CORE, CORE):
        return "ticktrail itself"
    if (plugin, distribution) == (PROGRAM, ""):
        return "the program around the feed"
    return f"plugin {plugin}" + (f" ({distribution})" if distribution else "")


def _culprit(plugin: str, distribution: str, frame: FrameType, inner: Sequence[FrameType]) -> Culprit:
    stack = tuple(_place(one) for one in reversed(inner[:_MOST_FRAMES]))
    return Culprit(plugin=plugin, distribution=distribution, where=_place(frame), stack=stack)


def _inside(frame: FrameType) -> Iterator[FrameType]:
    """Yield the frames of the task that runs, innermost first."""
    one: FrameType | None = frame
    while one is not None:
        file = one.f_code.co_filename.replace(os.sep, "/")
        if any(file.endswith(end) and one.f_code.co_name == name for end, name in _LOOPS):
            return
        yield one
        one = one.f_back


def _place(frame: FrameType) -> str:
    """Return file, line and function, the file from the folder on that imports start from: no home folder shows."""
    code = frame.f_code
    module = str(frame.f_globals.get("__name__", ""))
    parts = code.co_filename.replace(os.sep, "/").split("/")
    deep = module.count(".") + (2 if parts[-1] == "__init__.py" else 1)
    return f"{'/'.join(parts[-deep:])}:{frame.f_lineno} {code.co_qualname}"


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _is_program(frame: FrameType) -> bool:
    """Tell whether code is neither of Python, nor installed, nor ticktrail's."""
    file = frame.f_code.co_filename
    return not (
        file.startswith(("<", *_PYTHON))
        or _package(frame) == CORE
        or _INSTALLED.intersection(Path(file).parts)
    )


_PYTHON: Final = tuple(
    {sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
