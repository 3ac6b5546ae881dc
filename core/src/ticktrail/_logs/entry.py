"""Hold one entry of the log, and make it of what happened.

Owns: an entry's fields, and what of an event is left out of them.
Never: writes it, or hides a secret (the redaction does).
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from typing import Final

import msgspec

from ticktrail._logs.levels import level_of
from ticktrail._logs.settings import Level
from ticktrail.events import Event

__all__ = [
    "DROPPED",
    "LIBRARY",
    "OWN",
    "PROGRESS",
    "WARNING",
    "Entry",
    "entry_fields",
    "entry_of",
    "entry_of_library",
]

WARNING: Final = "warning"
LIBRARY: Final = "library"
DROPPED: Final = "log_dropped"
PROGRESS: Final = "feed_progress"
OWN: Final[Mapping[str, tuple[Level, str]]] = {
    WARNING: (
        "warning",
        "What the person who runs the feed must know, as `text`; it stands in the report as well.",
    ),
    PROGRESS: (
        "info",
        "Once a minute: how many ticks were received, delivered, rejected and suppressed so far.",
    ),
    LIBRARY: (
        "info",
        "What a library that ticktrail uses has to say, by its own level; `logger` is its module.",
    ),
    DROPPED: (
        "warning",
        "Lines that had no room in the log's queue, or could not be written: `count` of them.",
    ),
}
"""The entries that are no event of the bus: their level, and what they mean."""

_LEFT_OUT: Final = frozenset({"event", "at_ns", "plan"})
"""The name and the time stand for themselves; a plan is a page of text, of which `settings_sha256` tells."""
_WHOSE: Final = ("provider", "sink", "source", "rule", "name")
"""What tells one event of a kind from another where they are folded."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry.

    Attributes:
        at_ns: UTC nanoseconds.
        level: How grave it is.
        event: Its name, one word.
        fields: What else there is.
        text: A sentence for people; empty: the name and the fields say it.
        exception: A traceback; empty without.
    """

    at_ns: int
    level: Level
    event: str
    fields: Mapping[str, object] = {}
    text: str = ""
    exception: str = ""

    @property
    def kind(self) -> tuple[str, ...]:
        """What it has in common with those that it is folded with: its name, its level, and whose it is."""
        whose = (str(self.fields[key]) for key in _WHOSE if key in self.fields)
        return (self.event, self.level, str(self.fields.get("logger", "")), *whose)


def entry_fields(kind: type[Event]) -> tuple[str, ...]:
    """Return the names of the fields that an entry of such an event has."""
    return tuple(
        field.encode_name for field in msgspec.structs.fields(kind) if field.encode_name not in _LEFT_OUT
    )


def entry_of(event: Event, text: str | None = None) -> Entry:
    """Return the entry of an event.

    Args:
        event: It.
        text: The sentence in which people are told of it, where there is one.
    """
    fields = msgspec.to_builtins(event)
    return Entry(
        at_ns=event.at_ns,
        level=level_of(event),
        event=str(type(event).__struct_config__.tag),
        fields={key: value for key, value in fields.items() if key not in _LEFT_OUT},
        text=text or "",
    )


def entry_of_library(record: logging.LogRecord) -> Entry:
    """Return the entry of a record of Python's own logging."""
    try:
        text = record.getMessage()
    except Exception as exc:  # noqa: BLE001 - somebody else's format string; the line says what was wrong with it
        text = f"{record.msg!r} ({type(exc).__name__}: {exc})"
    raised = record.exc_info
    return Entry(
        at_ns=round(record.created * 1e9),
        level=_level(record.levelno),
        event=LIBRARY,
        fields={"logger": record.name},
        text=text,
        exception="".join(traceback.format_exception(raised[1])) if raised and raised[1] is not None else "",
    )


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"
