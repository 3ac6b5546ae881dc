"""The wire form: plain digits, one line a tick, nothing lost on the way back."""

import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail import model
from ticktrail.testing import make_trade, one_of_each
from ticktrail.wire import decode_line, encode_lines

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "wire-format.md"
KINDS = {type(tick).__struct_config__.tag: type(tick) for tick in one_of_each()}

plain_digits = st.from_regex(r"-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,18})?", fullmatch=True)
ids = st.one_of(st.integers(0, 2**63 - 1), st.text(max_size=12), st.sampled_from(["1E-8", "CODE-1", "E+"]))


@given(st.lists(st.tuples(plain_digits, plain_digits, ids), max_size=8))
def test_the_venues_digits_come_out_as_they_came_in(rows: list[tuple[str, str, int | str]]) -> None:
    """Each digit and each trailing zero, never an exponent; ids untouched."""
    ticks = [make_trade(price, size=size, id=id_) for price, size, id_ in rows]
    lines = encode_lines(ticks).splitlines(keepends=True)
    assert len(lines) == len(ticks)
    for line, (price, size, id_), tick in zip(lines, rows, ticks, strict=True):
        told = json.loads(line)
        assert (told["price"], told["size"], told["id"]) == (price, size, id_)
        assert decode_line(line) == tick


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_finite_decimal_comes_out_plain_and_equal(value: Decimal) -> None:
    """Also one that no venue would write: the value is kept, the exponent is not."""
    line = encode_lines([msgspec.structs.replace(make_trade(), price=value)])
    told = json.loads(line)["price"]
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", told)
    assert Decimal(told) == value


@pytest.mark.parametrize("tick", one_of_each(), ids=lambda tick: type(tick).__name__)
def test_every_kind_comes_back(tick: model.Tick) -> None:
    """Encoding and decoding give the same tick."""
    assert decode_line(encode_lines([tick])) == tick


def test_the_exact_path_writes_what_the_quick_one_writes() -> None:
    """A tiny number in a batch changes nothing about the other ticks' bytes."""
    tiny = make_trade("0.00000001")
    assert encode_lines([*one_of_each(), tiny]) == encode_lines(one_of_each()) + encode_lines([tiny])


def test_nothing_gives_no_bytes() -> None:
    """An empty write adds no empty line."""
    assert encode_lines([]) == b""


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"type":"trade"}', b'{"type":"rumour"}', b"\xff"])
def test_a_line_that_is_no_tick_is_refused(line: bytes) -> None:
    """With a ValueError that says so."""
    with pytest.raises(ValueError, match="not a tick's JSON line"):
        decode_line(line)


def documented() -> dict[str, list[str]]:
    """Read the page's tables: heading of a section, then the first column in code marks."""
    sections: dict[str, list[str]] = {}
    fields: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## (.+)", line):
            fields = sections.setdefault(heading[1].strip("` "), [])
        elif row := re.match(r"\| `(\w+)` \|", line):
            fields.append(row[1])
    return sections


def test_the_reference_page_has_every_type_and_field() -> None:
    """The page and the Structs are one: the same types, the same fields, in the same order."""
    page = documented()
    common = ["type", *model._Tick.__struct_fields__]
    assert page["Every tick"] == common
    for tag, kind in KINDS.items():
        own = [name for name in kind.__struct_fields__ if name not in common]
        assert page[str(tag)] == own, tag
    assert f"version {model.SCHEMA_VERSION}" in PAGE.read_text(encoding="utf-8")
    assert {heading for heading, fields in page.items() if fields} == {"Every tick", *KINDS}
