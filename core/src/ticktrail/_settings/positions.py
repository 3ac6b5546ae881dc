"""Tell on which line of a TOML text each key stands.

Owns: the walk over the parser's tree, from table headers, dotted keys, inline tables and arrays to paths.
Never: reads a value; `tomllib` does that, and has already found the text to be TOML.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

__all__ = ["Path", "Position", "find_positions"]

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the top of the file; a number is a place in an array, from 0."""

Position: TypeAlias = tuple[int, int]
"""Line and column, both from 1."""

_KEYS = frozenset({"bare_key", "quoted_key", "dotted_key"})


def find_positions(text: bytes) -> Mapping[Path, Position]:
    """Return where each table, key and array element of a TOML text first stands.

    Args:
        text: A valid TOML document, in UTF-8.
    """
    found: dict[Path, Position] = {}
    arrays: dict[Path, int] = {}  # how many [[headers]] an array of tables has had so far
    for node in Parser(Language(tree_sitter_toml.language())).parse(text).root_node.named_children:
        if node.type == "pair":
            places = _pair(node, ())
        elif node.type in {"table", "table_array_element"}:
            places = _table(node, arrays)
        else:
            continue
        for path, position in places:
            found.setdefault(path, position)
    return found


def _table(node: Node, arrays: dict[Path, int]) -> Iterator[tuple[Path, Position]]:
    header, *pairs = (child for child in node.named_children if child.type in _KEYS or child.type == "pair")
    path: Path = ()
    keys = list(_keys(header))
    for number, (key, position) in enumerate(keys, start=1):
        path = (*path, key)
        yield path, position
        if node.type == "table_array_element" and number == len(keys):
            arrays[path] = arrays.get(path, 0) + 1
        if path in arrays:  # a header under an array of tables speaks of its latest element
            path = (*path, arrays[path] - 1)
            yield path, position
    for pair in pairs:
        yield from _pair(pair, path)


def _pair(node: Node, path: Path) -> Iterator[tuple[Path, Position]]:
    key, value = (child for child in node.named_children if child.type != "comment")
    for part, position in _keys(key):
        path = (*path, part)
        yield path, position
    yield from _value(value, path)


def _value(node: Node, path: Path) -> Iterator[tuple[Path, Position]]:
    if node.type == "inline_table":
        for child in node.named_children:
            if child.type == "pair":
                yield from _pair(child, path)
    elif node.type == "array":
        items = (child for child in node.named_children if child.type != "comment")
        for number, child in enumerate(items):
            yield (*path, number), _position(child)
            yield from _value(child, (*path, number))


def _keys(node: Node) -> Iterator[tuple[str, Position]]:
    if node.type == "dotted_key":
        for child in node.named_children:
            yield from _keys(child)
    else:
        raw = (node.text or b"").decode()
        yield raw if node.type == "bare_key" else next(iter(tomllib.loads(f"{raw} = 0"))), _position(node)


def _position(node: Node) -> Position:
    return node.start_point.row + 1, node.start_point.column + 1
