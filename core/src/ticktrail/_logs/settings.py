"""Give the ``[log]`` table its Struct.

Owns: what may be said of the log, and what is so where nothing is said.
Never: opens a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from msgspec import Meta

from ticktrail._contracts.settings import Settings

__all__ = ["RANK", "Format", "Level", "LogSettings"]

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "json", "text", "off"]

RANK: Mapping[Level, int] = {level: rank for rank, level in enumerate(get_args(Level))}
"""How grave each level is, the least first."""


class LogSettings(Settings, frozen=True):
    """The ``[log]`` table: where the log goes, in what form, and how much of it."""

    format: Format = "auto"
    """``auto``: a file gets JSON, standard error text, and a terminal with the live table only what it must show."""
    level: Level = "info"
    """The least that is written."""
    levels: Mapping[str, Level] = {}
    """Another least level, by an event's name or its first words, or by a library's module."""
    file: str | None = None
    """The file that lines are appended to, from the feed file's folder; without it they go to standard error."""
    fold_s: Annotated[float, Meta(ge=0, le=3_600)] = 10.0
    """The period in which lines of the same event, beyond the first five, become one with their count; 0: never."""
    queue_lines: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    """How many lines may wait to be written; more are dropped and counted."""

    def __post_init__(self) -> None:
        """Refuse a path of nothing."""
        if self.file is not None and not self.file.strip():
            raise ValueError('file: is empty; write such as "feed.log", or leave it out')
        for name in self.levels:
            if not name.strip():
                raise ValueError('levels: a name is empty; write such as "leg" or "httpx"')

    def least(self, name: str, otherwise: Level | None = None) -> Level:
        """Return the least level of an event or a module: that of the longest name in `levels` that it begins with.

        Args:
            name: Of the event, such as ``clock_measured``, or of the module, such as ``hypercorn.error``.
            otherwise: What is so where `levels` says nothing; None: `level`.
        """
        found = max((key for key in self.levels if _begins_with(name, key)), key=len, default=None)
        return self.levels[found] if found is not None else otherwise or self.level


def _begins_with(name: str, first: str) -> bool:
    return name == first or name.startswith((f"{first}.", f"{first}_"))
