"""Tell in what two versions of a feed file differ, and what of it a running feed can take.

Owns: which keys may change while a feed runs.
Never: composes or applies anything, or puts a value into a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from ticktrail._settings.document import Document
from ticktrail._settings.positions import Path

__all__ = ["INSTRUMENTS", "Difference", "differences"]

INSTRUMENTS: Final[Path] = ("feed", "instruments")
_WHOLE: Final = frozenset({("validation",), ("backoff",), ("health",), INSTRUMENTS})
"""What may change with all that stands below."""
_KEYS: Final = frozenset({("cache", "ttl_s"), ("cache", "max_entries"), ("limits", "stop_s")})
_EQUIVALENTS: Final = "equivalents"
_NOTHING: Final = object()
_TAKEN_OUT: Final = "taken out"


@dataclass(frozen=True, slots=True)
class Difference:
    """One key that differs: where, whether a running feed can take it, and what to tell of it."""

    at: Path
    applies: bool
    text: str


def differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Return every key in which two feed files differ, in the order of the new one."""
    names = _instruments(before) ^ _instruments(after)
    found: list[Difference] = []
    for at, verb in _walk(before.tables, after.tables, ()):
        name = (before if verb == _TAKEN_OUT else after).name(at)
        if _applies(at, before, after, names):
            found.append(Difference(at, applies=True, text=f"{name} {verb}"))
        else:
            refusal = (
                f"{verb}, which needs a restart: stop the feed and run it anew, or put it back as it was"
            )
            text = f"{after.path}:{after.line(at)}: {name}: {refusal}"
            found.append(Difference(at, applies=False, text=text))
    return tuple(sorted(found, key=lambda difference: after.line(difference.at)))


def _walk(before: object, after: object, at: Path) -> Iterator[tuple[Path, str]]:
    """Yield each place that differs, the tables around it left out."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*after, *before)):
            yield from _walk(before.get(key, _NOTHING), after.get(key, _NOTHING), (*at, key))
    elif isinstance(before, list) and isinstance(after, list) and _are_tables(before) and _are_tables(after):
        for number in range(max(len(before), len(after))):
            one = before[number] if number < len(before) else _NOTHING
            other = after[number] if number < len(after) else _NOTHING
            yield from _walk(one, other, (*at, number))
    elif before is _NOTHING:
        yield at, "added"
    elif after is _NOTHING:
        yield at, _TAKEN_OUT
    elif before != after:
        yield at, "changed"


def _are_tables(items: list[object]) -> bool:
    return all(isinstance(item, Mapping) for item in items)


def _applies(at: Path, before: Document, after: Document, names: AbstractSet[object]) -> bool:
    if at in _KEYS or any(at[: len(whole)] == whole for whole in _WHOLE):
        return True
    if len(at) < 3 or at[0] != "providers" or at[2] != _EQUIVALENTS:
        return False
    if (
        len(at) > 3
    ):  # what stands for an instrument that stays would be another market's from one tick to the next
        return at[3] in names
    return {*_keys(before, at), *_keys(after, at)} <= names


def _keys(document: Document, at: Path) -> Iterator[object]:
    value: object = document.tables
    for part in at:
        value = value.get(part) if isinstance(value, Mapping) else None
    yield from value if isinstance(value, Mapping) else ()


def _instruments(document: Document) -> frozenset[object]:
    feed = document.tables.get("feed")
    listed = feed.get("instruments") if isinstance(feed, Mapping) else None
    return (
        frozenset(name for name in listed if isinstance(name, str))
        if isinstance(listed, list)
        else frozenset()
    )
