"""No cell of a CSV export is a formula, and every cell can be had back."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.export.tables import as_lines, neutral, original
from unit.compliance.export.exporting import batch, check, exported, log_of, rows
from unit.compliance.export.test_exporting import key_of
from unit.compliance.logs import NOW_NS

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''x", "a\r\nb", 'a"b,c', "=\n=", "x=1"]


@given(st.text())
def test_a_cell_can_be_had_back(cell):
    """Whatever it is; and it begins with nothing that a spreadsheet takes for a formula."""
    assert original(neutral(cell)) == cell
    assert not neutral(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=5))
def test_lines_read_back(names):
    """Through a reader of CSV, line breaks and quotes included."""
    begin, lines = as_lines("csv")
    made = [(1, {"seq": 1, "record": 0, "outcome": "event", "instrument": name}) for name in names]
    text = (begin + lines(made)).decode()
    read = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    assert [original(row["instrument"]) for row in read] == names


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name(tmp_path, name):
    """An instrument that is named as a formula does no harm, and is the same once the mark is taken away."""
    log_of(tmp_path, [batch(NOW_NS, name)], segment_ticks=4)
    exported(tmp_path, "--class", "journal", form="csv")
    check(tmp_path / "out", key_of(tmp_path))
    with (tmp_path / "out" / "rows.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file, strict=True) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {row["instrument"] for row in rows(tmp_path / "out")} == {name}
