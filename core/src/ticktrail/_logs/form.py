"""Give an entry of the log its form: one object for machines, one line for people.

Owns: the order of what stands in a line, and that a line is one.
Never: writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Final, TypeAlias

import msgspec
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter
from structlog.processors import JSONRenderer

from ticktrail._logs.entry import LIBRARY, WARNING, Entry
from ticktrail._logs.redact import redact, redacted_text
from ticktrail.moments import rfc3339_of_ns
from ticktrail.text import one_line

__all__ = ["Render", "as_json", "as_text"]

Render: TypeAlias = Callable[[Entry], str]

_TAKEN: Final = frozenset({"time", "level", "event", "feed", "text", "exception"})


def as_json(feed: str) -> Render:
    """Return what makes an entry one JSON object: time, level, event, feed, then the event's own fields.

    Args:
        feed: The feed's name.
    """
    render = JSONRenderer(serializer=lambda found, **_: msgspec.json.encode(found, enc_hook=str).decode())

    def line(entry: Entry) -> str:
        return str(render(None, entry.level, _fields(entry, feed)))

    return line


def as_text(*, coloured: bool) -> Render:
    """Return what makes an entry a line for people: time, level, the sentence or the name, then the fields.

    Args:
        coloured: For a terminal.
    """
    render = ConsoleRenderer(columns=_columns(coloured=coloured), sort_keys=False)

    def line(entry: Entry) -> str:
        found = _fields(entry, "")
        exception = found.pop("exception", None)
        if entry.text:  # the sentence says it; the fields are for machines
            found["event"] = found.pop("text")
            kept = ("time", "level", "event", "logger", "folded", "folded_s")
            found = {key: found[key] for key in kept if key in found}
            if entry.event not in {WARNING, LIBRARY}:
                found["name"] = entry.event
        shown: MutableMapping[str, object] = {
            key: one_line(_plain(value)) for key, value in found.items() if value not in (None, "", [], {})
        }
        text = str(render(None, entry.level, dict(shown)))
        if exception is None:
            return text
        # Indented and without control characters: what a venue sent can be in it, and must pass for no line of the log.
        return "\n".join([text, *(f"  {one_line(part)}" for part in str(exception).splitlines())])

    return line


def _fields(entry: Entry, feed: str) -> dict[str, object]:
    found: dict[str, object] = {
        "time": rfc3339_of_ns(entry.at_ns),
        "level": entry.level,
        "event": entry.event,
    }
    if feed:
        found["feed"] = feed
    for key, value in entry.fields.items():
        is_taken = key in _TAKEN and key != "feed" and (key != "text" or bool(entry.text))
        name = f"{key}_" if is_taken else redacted_text(key)
        found[name] = redact(value, key)
    if entry.text:
        found["text"] = redacted_text(entry.text)
    if entry.exception:
        found["exception"] = redacted_text(entry.exception)
    return found


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)


def _columns(*, coloured: bool) -> list[Column]:
    styles = ConsoleRenderer.get_default_column_styles(coloured)
    levels = ConsoleRenderer.get_default_level_styles(coloured)

    def level(key: str, value: object) -> str:  # noqa: ARG001 - the renderer gives both
        return f"{levels.get(str(value), '')}{value}{styles.reset}:"

    def bare(style: str) -> KeyValueColumnFormatter:
        return KeyValueColumnFormatter(
            key_style=None, value_style=style, reset_style=styles.reset, value_repr=str
        )

    keyed = KeyValueColumnFormatter(
        key_style=styles.kv_key, value_style=styles.kv_value, reset_style=styles.reset, value_repr=_quoted
    )
    return [
        Column("", keyed),
        Column("time", bare(styles.timestamp)),
        Column("level", level),
        Column("event", bare(styles.bright)),
    ]


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text and not text.startswith(("{", "[")) else text
