"""Write bytes that a venue might send by mistake, in hypothesis's words.

Owns: the strategies, and how many examples are tried; the same ones in every run.
Never: is imported before hypothesis is needed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

__all__ = ["arbitrary", "for_all", "mangled"]

T = TypeVar("T")
_LETTERS = 'aZ09.-+eE_ {}[]",:/\\\x00\n\x7f\u0661\u2028\u00e9\ud800\U0001f4a5'
"""Few, so that they often stand where they hurt."""
_HOSTILE: Sequence[object] = (
    None, True, False, 0, -1, 1, 2**63, 10**400, -(10**30), 1.5, 1e308, "", " ", "NaN", "-Infinity", "1e999999999",
    "1_000", "\u0661", "x" * 5_000, "\x00", [], {}, [[]], {"": None}, ["1", "2"], [1, [2, "3"]],
)  # fmt: skip
"""Values that a field has when somebody at the other end has made a mistake."""


def for_all(values: st.SearchStrategy[T], check: Callable[[T], None], *, examples: int) -> None:
    """Run a check over so many values; the same ones in every run, and the smallest one that fails is told."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(values)
    def run(value: T) -> None:
        check(value)

    run()


def arbitrary() -> st.SearchStrategy[bytes]:
    """Return bytes, texts and JSON of any kind."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(_LETTERS, max_size=20)
    trees = st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(_LETTERS, max_size=8), inner, max_size=4)
        ),
        max_leaves=12,
    )
    return st.one_of(
        st.binary(max_size=200),
        st.text(_LETTERS, max_size=100).map(_encoded),
        trees.map(lambda tree: json.dumps(tree).encode()),
    )


def mangled(payloads: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Return genuine messages that are cut, spliced, spoilt in a byte, or have other values in their fields."""
    genuine = st.sampled_from(list(payloads))
    ways = [
        st.builds(_cut, genuine, st.floats(0, 1)),
        st.builds(_splice, genuine, genuine, st.floats(0, 1), st.floats(0, 1)),
        st.builds(_spoil, genuine, st.floats(0, 1), st.integers(0, 255)),
    ]
    read = [tree for tree in map(_tree, payloads) if isinstance(tree, dict | list)]
    if read:
        values = st.sampled_from(list(_HOSTILE))
        ways += 3 * [st.builds(_replaced, st.sampled_from(read), st.floats(0, 1), values, st.booleans())]
    return st.one_of(ways)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut(payload: bytes, share: float) -> bytes:
    return payload[: int(len(payload) * share)]


def _splice(one: bytes, other: bytes, share: float, from_share: float) -> bytes:
    return _cut(one, share) + other[int(len(other) * from_share) :]


def _spoil(payload: bytes, share: float, byte: int) -> bytes:
    spoilt = bytearray(payload)
    if spoilt:
        spoilt[min(int(len(spoilt) * share), len(spoilt) - 1)] = byte
    return bytes(spoilt)


def _tree(payload: bytes) -> object:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def _replaced(tree: object, share: float, value: object, leave_out: bool) -> bytes:
    """Return the message with one of its fields, whichever the share falls on, given another value, or left out."""
    tree = copy.deepcopy(tree)
    changes = list(_changes(tree))
    if changes:
        changes[min(int(len(changes) * share), len(changes) - 1)](value, leave_out)
    return json.dumps(tree, separators=(",", ":")).encode()


def _changes(tree: object) -> Iterator[Callable[[object, bool], None]]:
    """Yield what changes each place of a tree."""
    if isinstance(tree, dict):
        for key, inner in list(tree.items()):
            yield partial(_change_field, tree, key)
            yield from _changes(inner)
    elif isinstance(tree, list):
        for place, inner in enumerate(list(tree)):
            yield partial(_change_item, tree, place)
            yield from _changes(inner)


def _change_field(holder: dict[str, object], key: str, value: object, leave_out: bool) -> None:
    if leave_out:
        del holder[key]
    else:
        holder[key] = value


def _change_item(holder: list[object], place: int, value: object, leave_out: bool) -> None:
    if leave_out:
        del holder[place]
    else:
        holder[place] = value
