"""Somebody else's words as one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("BTC/USDT: spread 3 µs ± 1, 价格", "BTC/USDT: spread 3 µs ± 1, 价格"),
        ("no\nbreaches: none", r"no\nbreaches: none"),
        ("a\r\x1b[2Kb", r"a\r\x1b[2Kb"),
        ("left\u202eright\u2028", r"left\u202eright\u2028"),
        ("half \ud800 of one", r"half \ud800 of one"),
    ],
)
def test_what_is_not_printable_is_written_out(text: str, line: str) -> None:
    """Line breaks, escape sequences, marks that turn the direction, halves of a character; all else stays."""
    assert one_line(text) == line


@given(st.text())
def test_it_is_one_line_whatever_comes(text: str) -> None:
    """Printable throughout, so that it can be encoded and breaks nowhere."""
    line = one_line(text)
    assert line.isprintable()
    assert line.encode().decode().splitlines() == ([line] if line else [])
