"""Write a venue's message anew, with another number in the place of one that a tick has from it.

Owns: which numbers of a message those are, and how it is written so that all others keep their digits.
Never: knows a venue's words, or judges what is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ticktrail.model import Tick, Undecodable

__all__ = ["Place", "is_in", "places_of"]

_MARK = "\ue000"
"""Begins a number while the message is no text; no venue writes it."""
_MARKED = re.compile(f'"{_MARK}([^"]*)"')


@dataclass(frozen=True, slots=True)
class Place:
    """A number in a message, and that of the tick which is made of it.

    Attributes:
        value: As the tick has it: an `int` is an id or a count, a `Decimal` a price or a size.
        text: As the message has it.
    """

    value: int | Decimal
    text: str
    _tree: object
    _path: tuple[str | int, ...]

    def put(self, text: str, *, quoted: bool = False) -> bytes:
        """Return the message with other text in the number's place, as a JSON string where the number was one."""
        as_number = self.text.startswith(_MARK) and not quoted
        whole = _with(self._tree, self._path, f"{_MARK}{text}" if as_number else text)
        return _MARKED.sub(r"\1", json.dumps(whole, separators=(",", ":"), ensure_ascii=False)).encode()


def places_of(payload: bytes, found: Iterable[Tick | Undecodable]) -> Sequence[Place]:
    """Return the numbers of a message that stand in its ticks too; none of a message that is no JSON."""
    try:
        tree: object = json.loads(payload, parse_float=_marked, parse_int=_marked)
    except (ValueError, RecursionError):
        return ()
    values = {value for tick in found for value in _numbers(tick)}
    return [
        Place(value, text, tree, path)
        for path, text in _leaves(tree, ())
        for value in values
        if value == _number(text)
    ]


def is_in(value: int | Decimal, found: Iterable[Tick | Undecodable]) -> bool:
    """Tell whether a tick has the number, with all of its digits."""
    return any(str(value) == str(other) for tick in found for other in _numbers(tick))


def _marked(text: str) -> str:
    return f"{_MARK}{text}"


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.removeprefix(_MARK))
    except InvalidOperation:
        return None


def _numbers(item: object) -> Iterator[int | Decimal]:
    """Yield ids, prices and sizes of a tick; times are written in too many ways."""
    if isinstance(item, Undecodable):
        return
    for field in getattr(item, "__struct_fields__", ()):
        value = getattr(item, field)
        if not field.endswith("_ns"):
            yield from _flat(value)


def _flat(value: object) -> Iterator[int | Decimal]:
    if isinstance(value, tuple):
        for part in value:
            yield from _flat(part)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool) and value:
        yield value


def _leaves(tree: object, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(tree, dict):
        for key, inner in tree.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(tree, list):
        for place, inner in enumerate(tree):
            yield from _leaves(inner, (*path, place))
    elif isinstance(tree, str):
        yield path, tree


def _with(tree: object, path: tuple[str | int, ...], value: object) -> object:
    """Return a copy of a tree with another value at a place."""
    if not path:
        return value
    if isinstance(tree, dict):
        return {
            key: _with(inner, path[1:], value) if key == path[0] else inner for key, inner in tree.items()
        }
    assert isinstance(tree, list)  # noqa: S101 - for the type checker; the path came from the tree
    return [_with(inner, path[1:], value) if at == path[0] else inner for at, inner in enumerate(tree)]
