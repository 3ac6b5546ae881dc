"""Say of a table's Struct what its keys are: type in words, default, and what the author wrote about each.

Owns: where documentation of a key is looked for, and the words for types and bounds.
Never: decodes anything, or shows a value that somebody set.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
import types
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal, Union, get_args, get_origin

import msgspec

from ticktrail._contracts.settings import Secret

__all__ = ["SettingKey", "docs_of", "keys_in_words", "kind_in_words", "toml_value"]

_ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)")
_SECTION: Final = "Attributes:"
_BOUNDS: Final = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
_DEEP: Final = 4
"""Tables within tables that are told; what a plugin nests deeper is a table that names itself."""


class SettingKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One key of a table.

    Attributes:
        key: As it stands in the file.
        type: In words.
        required: Whether it must be there.
        default: What holds without it, as TOML; None where it is required or there is nothing to write for it.
        doc: What the author says of it; empty where that is nothing.
        keys: Of a table within the table, its keys.
    """

    key: str
    type: str
    required: bool = False
    default: str | None = None
    doc: str = ""
    keys: tuple[SettingKey, ...] = ()


def keys_in_words(settings: type[msgspec.Struct], *, depth: int = _DEEP) -> tuple[SettingKey, ...]:
    """Return the keys of a table, in their order, with those of the tables within it."""
    docs = docs_of(settings)
    found: list[SettingKey] = []
    for field in msgspec.structs.fields(settings):
        below = _struct_in(field.type) if depth else None
        found.append(
            SettingKey(
                key=field.encode_name,
                type=kind_in_words(field.type),
                required=field.required,
                default=_default(field),
                doc=docs.get(field.name, "") or _said_by_meta(field.type),
                keys=() if below is None else keys_in_words(below, depth=depth - 1),
            )
        )
    return tuple(found)


def docs_of(struct: type[object]) -> Mapping[str, str]:
    """Return what is written about each field: the text below it in the source, or its entry under ``Attributes:``.

    What a base class says counts where the class itself says nothing.
    """
    found: dict[str, str] = {}
    for one in reversed(struct.__mro__):
        if one is not object and one.__module__ != "msgspec":
            found |= _of_docstring(one.__dict__.get("__doc__") or "")
            found |= _of_source(one)
    return found


def _of_docstring(text: str) -> Mapping[str, str]:
    lines = inspect.cleandoc(text).splitlines()
    if _SECTION not in lines:
        return {}
    found: dict[str, str] = {}
    names: Sequence[str] = ()
    for line in lines[lines.index(_SECTION) + 1 :]:
        if line and not line.startswith(" "):
            break  # the next section, or prose again
        entry = _ENTRY.fullmatch(line.strip()) if line.startswith("    ") and line[4:5].strip() else None
        if entry is not None:
            names = entry[1].split(", ")
            found |= dict.fromkeys(names, entry[2])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _of_source(struct: type[object]) -> Mapping[str, str]:
    """Read the texts that stand below the fields; of a class whose source nobody has, there are none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    found: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        said = (
            text.value.value if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) else None
        )
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(said, str):
            found[field.target.id] = " ".join(said.split())
    return found


def kind_in_words(kind: object) -> str:
    """Return a type as a reader of a feed file thinks of it, its bounds with it."""
    return " or ".join(dict.fromkeys(word for word in _words(kind) if word))


def _words(kind: object) -> Sequence[str]:
    origin = get_origin(kind)
    if origin is Annotated:
        inner, *metas = get_args(kind)
        bounds = ", ".join(filter(None, map(_bounds, metas)))
        return [f"{word}, {bounds}" if bounds else word for word in _words(inner)]
    if origin in {Union, types.UnionType}:
        return [word for part in get_args(kind) if part is not type(None) for word in _words(part)]
    if origin is Literal:
        return [" or ".join(toml_value(choice) or str(choice) for choice in get_args(kind))]
    return [_word(origin or kind, get_args(kind))]


def _word(kind: object, inner: tuple[object, ...]) -> str:
    kind = getattr(kind, "__supertype__", kind)  # what a NewType is made of
    if not isinstance(kind, type):
        return "a value"
    if issubclass(kind, Mapping):
        return f"a table of {_many(kind_in_words(inner[1]))} by name" if len(inner) == 2 else "a table"
    for python, word in _PLAIN:
        if issubclass(kind, python):
            return word
    if issubclass(kind, Sequence | frozenset | set):
        values = [one for one in inner if one is not Ellipsis]
        return f"an array of {_many(kind_in_words(values[0]))}" if values else "an array"
    return "a value"


_PLAIN: Final[Sequence[tuple[type, str]]] = (
    (Secret, "a reference to a secret"),
    (msgspec.Struct, "a table"),
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (Decimal, "a number"),
    (str, "a text"),
)
_PLURALS: Final = {
    "a whole number": "whole numbers",
    "a number": "numbers",
    "a text": "texts",
    "a table": "tables",
    "a value": "values",
    "an array": "arrays",
}


def _many(words: str) -> str:
    for one, many in _PLURALS.items():
        if words == one or words.startswith((f"{one},", f"{one} ")):
            return many + words[len(one) :]
    return words


def _bounds(meta: object) -> str:
    if not isinstance(meta, msgspec.Meta):
        return ""
    told = [f"{word} {bound:,}" for name, word in _BOUNDS if (bound := getattr(meta, name)) is not None]
    if meta.min_length is not None:
        told.append(f"{meta.min_length} or more" if meta.min_length > 1 else "not empty")
    if meta.max_length is not None:
        told.append(f"{meta.max_length} at most")
    if meta.pattern is not None:
        told.append(f"of the form {meta.pattern}")
    return ", ".join(told)


def _said_by_meta(kind: object) -> str:
    if get_origin(kind) is Annotated:
        for meta in get_args(kind)[1:]:
            if isinstance(meta, msgspec.Meta) and meta.description:
                return meta.description
    return ""


def _struct_in(kind: object) -> type[msgspec.Struct] | None:
    """Return the table that a key holds, directly or as what an array or a table by name holds; a secret is none."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return None if issubclass(kind, Secret) else kind
    for part in get_args(kind):
        if (found := _struct_in(part)) is not None:
            return found
    return None


def _default(field: msgspec.structs.FieldInfo) -> str | None:
    if field.default is not msgspec.NODEFAULT:
        return toml_value(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return toml_value(field.default_factory())
    return None


def toml_value(value: object) -> str | None:
    """Return a value as TOML writes it; None for nothing, which TOML cannot say."""
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)
    return _toml(plain)


def _toml(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()  # JSON's escapes are TOML's
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        pairs = [f"{key} = {text}" for key, one in value.items() if (text := _toml(one)) is not None]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(text for one in value if (text := _toml(one)) is not None)}]"
    return None
