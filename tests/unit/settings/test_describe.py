"""What is told of a table's keys comes from its Struct: types, bounds, defaults as TOML, and what the author wrote."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, NewType

import msgspec
import pytest
from msgspec import Meta

from ticktrail._settings.describe import docs_of, keys_in_words, kind_in_words, toml_value
from ticktrail.plugin import Secret, Settings

Name = NewType("Name", str)


class Inner(Settings, frozen=True):
    """A table within.

    Attributes:
        name: Its name.
    """

    name: str


class Base(Settings, frozen=True):
    """What others build on.

    Attributes:
        shared: Said once,
            in two lines.
        other: Overruled.

    Raises:
        ValueError: This is no key.
    """

    shared: int = 1
    other: int = 2


class Table(Base, frozen=True):
    """A table."""

    other: int = 3
    """Said below
    the field."""
    told: Annotated[str, Meta(description="By its type.", min_length=1)] = "x"
    parts: tuple[Inner, ...] = ()
    key: Secret | None = None
    bare: bool = False


def test_docs_are_found_wherever_an_author_writes_them():
    """In the docstring, below the field, in the type, in a base; nearer ones win; sections after it are none."""
    keys = {key.key: key for key in keys_in_words(Table)}
    assert keys["shared"].doc == "Said once, in two lines."
    assert keys["other"].doc == "Said below the field."
    assert keys["told"].doc == "By its type."
    assert keys["parts"].keys[0].doc == "Its name."
    assert keys["key"].keys == ()
    assert keys["bare"].doc == ""
    assert "ValueError" not in docs_of(Table)


def test_a_class_without_source_has_the_docs_of_its_docstring():
    """Such as one that was made by a program."""
    made = msgspec.defstruct("Made", [("x", int)], namespace={"__doc__": "A.\n\nAttributes:\n    x: Made."})
    assert docs_of(made) == {"x": "Made."}


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, "true or false"),
        (int, "a whole number"),
        (Decimal, "a number"),
        (Name, "a text"),
        (Secret, "a reference to a secret"),
        (Inner, "a table"),
        (int | None, "a whole number"),
        (Literal["a", "b"], '"a" or "b"'),
        (Decimal | Literal[False], "a number or false"),
        (Annotated[int, Meta(ge=1, le=1000)], "a whole number, at least 1, at most 1,000"),
        (Annotated[float, Meta(gt=0, lt=1)] | None, "a number, above 0, below 1"),
        (Annotated[tuple[str, ...], Meta(min_length=1)], "an array of texts, not empty"),
        (tuple[Annotated[int, Meta(ge=1)], ...], "an array of whole numbers, at least 1"),
        (frozenset[Inner], "an array of tables"),
        (Mapping[str, float], "a table of numbers by name"),
        (object, "a value"),
    ],
    ids=str,
)
def test_types_in_words(kind, words):
    """As somebody thinks of them who writes a feed file."""
    assert kind_in_words(kind) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (Decimal("0.10"), "0.10"),
        ('a"b', '"a\\"b"'),
        (("a", 1), '["a", 1]'),
        ({"a": None, "b": 2}, "{ b = 2 }"),
        (None, None),
    ],
)
def test_values_as_toml(value, text):
    """What holds without a key, as one would write it."""
    assert toml_value(value) == text


def test_a_table_in_a_circle_ends():
    """A plugin's table may hold tables of its own kind."""

    depth, keys = 0, keys_in_words(Round)
    while keys:
        depth, keys = depth + 1, keys[0].keys
    assert depth < 10


class Round(Settings, frozen=True):
    """A table that may hold itself."""

    child: "Round | None" = None
