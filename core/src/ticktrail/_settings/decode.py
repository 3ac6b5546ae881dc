"""Decode a table of a feed file into its Struct, and find every fault of it, not just the first.

Owns: the walk of a table against a Struct, and the words for each kind of fault.
Never: puts a value that may be a secret into a message: only keys, types and choices are told.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from ticktrail._contracts.settings import Secret, Settings
from ticktrail._settings.document import Document, Table, nearest
from ticktrail._settings.positions import Path
from ticktrail.deprecation import renamed_keys_of

__all__ = ["as_table", "decode", "decode_rest", "keys_of"]

S = TypeVar("S", bound=Settings)

_WORDS = {
    "array": "an array",
    "bool": "true or false",
    "date": "a date",
    "datetime": "a date and time",
    "decimal": "a number",
    "float": "a number",
    "int": "a whole number",
    "null": "nothing",
    "object": "a table",
    "str": "a text in quotes",
    "time": "a time",
}
_BACKTICKS = re.compile(r"`([a-z| ]+)`")
_PLACE = re.compile(r" - at .*$", re.DOTALL)
_IN_THE_CLEAR = (
    'stands in plain text; a secret is never written here, only referred to: { env = "NAME" }, { file = "PATH" } '
    'or { keyring = "SERVICE/USER" }'
)


def decode(document: Document, at: Path, table: Table, settings: type[S]) -> S | None:
    """Return the table as settings, or None where it has faults; they are then noted in the document.

    Args:
        document: The feed file; takes the problems.
        at: Where the table stands.
        table: Its keys and values.
        settings: What it must be.
    """
    before = len(document.problems)
    table = _by_new_names(document, at, table, settings)
    _check_struct(document, at, table, settings)
    if len(document.problems) > before:
        return None
    return msgspec.convert(table, settings)


def _by_new_names(document: Document, at: Path, table: Table, settings: type[S]) -> Table:
    """Return the table with its keys as they are called now; who wrote an old one is told."""
    renamed = {old: now for old, now in renamed_keys_of(settings).items() if old in table}
    for old, now in renamed.items():
        if now.to in table:
            document.blame((*at, old), f"is the old name of {now.to}, which stands here too; take {old} out")
            continue
        notice = document.locate(
            (*at, old), f"is deprecated and is refused from {now.gone_in} on; write {now.to} instead"
        )
        if notice not in document.notices:
            document.notices.append(notice)
    if not renamed:
        return table
    kept = {key: value for key, value in table.items() if key not in renamed}
    return {now.to: table[old] for old, now in renamed.items()} | kept


def decode_rest(document: Document, at: Path, table: Table, settings: type[S]) -> S | None:
    """Return a table that was found at fault as settings without the keys at fault; None where that is too little."""
    faulty = document.keys_at_fault(at)
    rest = {key: value for key, value in table.items() if key not in faulty}
    return decode(replace(document, problems=[], places=[]), at, rest, settings)


def as_table(document: Document, at: Path, value: object) -> Table | None:
    """Return a value that must be a table, or None with the fault noted."""
    if isinstance(value, Mapping):
        return value
    document.blame(at, f"is {_found(value)}; it must be a table")
    return None


def keys_of(settings: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return the keys of a settings table, in their order, and the old names of some of them."""
    return (*(field.encode_name for field in msgspec.structs.fields(settings)), *renamed_keys_of(settings))


def _check_struct(document: Document, at: Path, table: Table, struct: type[msgspec.Struct]) -> None:
    before = len(document.problems)
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    for key in table:
        if key not in fields:
            document.blame((*at, key), f"unknown key; {nearest(key, fields)}")
    for key, field in fields.items():
        if key in table:
            _check_value(document, (*at, key), table[key], field.type, _default(field))
        elif field.required:
            document.blame(at, f"the key {key} is missing; add {key} = … ({_wanted(field.type)})")
    if len(document.problems) == before:
        _check_across(document, at, table, struct)


def _check_across(document: Document, at: Path, table: Table, struct: type[msgspec.Struct]) -> None:
    """Note what the Struct's own check finds, across its keys. It tells one fault; the others show without its keys."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    left = dict(table)
    while True:
        try:
            msgspec.convert(left, struct)
        except msgspec.ValidationError as exc:
            message = _PLACE.sub("", str(exc))
        else:
            return
        first, _, rest = message.partition(": ")
        says_itself = first in left  # whose fault it is
        named = [first] if says_itself else [key for key in left if _names(message, key)]
        gone = [key for key in table if key not in left]
        if gone and (not named or any(_names(message, key) for key in gone)):
            return  # a fault of the default that stands in for what was left out
        here = [key for key in named if (*at, key) in document.positions]  # others were said further up
        document.blame((*at, (here or named)[0]) if named else at, rest if says_itself else message)
        if not named or any(fields[key].required for key in named):
            return
        left = {key: value for key, value in left.items() if key not in named}


def _names(message: str, key: str) -> bool:
    return re.search(rf"\b{re.escape(key)}\b", message) is not None


def _check_value(document: Document, at: Path, value: object, kind: object, default: str = "") -> None:
    before = len(document.problems)
    if isinstance(value, Decimal) and not value.is_finite():
        document.blame(at, f"is no finite number; write digits, with a point where needed{default}")
    else:
        _check_inside(document, at, value, kind)
    if len(document.problems) == before:
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError as exc:
            document.blame(at, _explain(value, kind, str(exc)) + default)


def _check_inside(document: Document, at: Path, value: object, kind: object) -> None:
    """Go into a table or array, where its type says what must stand in it."""
    shapes = _shapes(kind)
    struct = next(
        (shape for shape in shapes if isinstance(shape, type) and issubclass(shape, msgspec.Struct)), None
    )
    if struct is not None and issubclass(struct, Secret) and not isinstance(value, Mapping):
        document.blame(at, _IN_THE_CLEAR)
    elif struct is not None and isinstance(value, Mapping):
        _check_struct(document, at, value, struct)
    elif isinstance(value, Mapping) and (mapping := _one_of(shapes, Mapping)) is not None:
        keys, items = get_args(mapping)
        for key, item in value.items():
            _check_value(document, (*at, key), key, keys)
            _check_value(document, (*at, key), item, items)
    elif isinstance(value, list) and (sequence := _one_of(shapes, Sequence)) is not None:
        for number, item in enumerate(value):
            _check_value(document, (*at, number), item, get_args(sequence)[0])


def _shapes(kind: object) -> tuple[object, ...]:
    """Return the members of a type: of a union each, of anything else itself; annotations taken off."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in {Union, types.UnionType}:
        return tuple(shape for member in get_args(kind) for shape in _shapes(member))
    return (kind,)


def _one_of(shapes: Sequence[object], base: type) -> object | None:
    """Return the generic type among the shapes whose members all have one type."""
    for shape in shapes:
        origin = get_origin(shape)
        if isinstance(origin, type) and issubclass(origin, base):
            arguments = get_args(shape)
            if origin is not tuple or arguments[1:] == (...,):
                return shape
    return None


def _explain(value: object, kind: object, said: str) -> str:
    choices = [
        choice for shape in _shapes(kind) if get_origin(shape) is Literal for choice in get_args(shape)
    ]
    if said.startswith("Invalid enum value") and choices:
        others = " or ".join(
            dict.fromkeys(_word(shape) for shape in _shapes(kind) if get_origin(shape) is not Literal)
        )
        quoted = ", ".join(
            f'"{choice}"' if isinstance(choice, str) else str(choice).lower() for choice in choices
        )
        near = nearest(value, [c for c in choices if isinstance(c, str)]) if isinstance(value, str) else ""
        hint = f" ({near})" if near.startswith("did") else ""
        told = f'"{value}"' if isinstance(value, str) else value
        return f"{told} is no choice; write {quoted}{' or ' + others if others else ''}{hint}"
    can_be_off = bool in _shapes(kind)
    if can_be_off and isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        word = value.strip().lower()
        return f"is {word} in quotes, which makes it a text; write {word} without quotes"
    text = _PLACE.sub("", said).replace(", got ", ", found ")
    text = _BACKTICKS.sub(lambda found: _in_words(found[1]), text)
    if text.startswith("Invalid decimal"):
        off = ", or false (without quotes)" if can_be_off else ""
        return f"is no number; write digits, with a point where needed{off}"
    return text[:1].lower() + text[1:]


def _in_words(names: str) -> str:
    words = [_WORDS.get(name, name) for name in names.split(" | ")]
    return " or ".join(dict.fromkeys(words))


def _word(shape: object) -> str:
    origin = get_origin(shape) or shape
    if origin is Literal:
        return " or ".join(
            f'"{choice}"' if isinstance(choice, str) else str(choice) for choice in get_args(shape)
        )
    if isinstance(origin, type):
        if issubclass(origin, Secret):
            return 'a reference such as { env = "NAME" }'
        if issubclass(origin, msgspec.Struct | Mapping):
            return "a table"
        if issubclass(origin, str | bool | int | float | Decimal):
            return _WORDS[origin.__name__.lower()]
        if issubclass(origin, Sequence):
            return "an array"
    return "nothing" if shape in {None, type(None)} else "a value"


def _wanted(kind: object) -> str:
    return " or ".join(dict.fromkeys(_word(shape) for shape in _shapes(kind)))


def _found(value: object) -> str:
    return "an array" if isinstance(value, list) else _WORDS.get(type(value).__name__.lower(), "a value")


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default
    if isinstance(value, bool):
        return f"; the default is {str(value).lower()}"
    if isinstance(value, int | float | Decimal):
        return f"; the default is {value}"
    if isinstance(value, str) and value:
        return f'; the default is "{value}"'
    return ""
