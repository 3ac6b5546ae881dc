"""The pages about the conformance kit are what its code says."""

import dataclasses
import re
import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
WRITER = runpy.run_path(str(DOCS / "write_laws.py"))
LAWS = {law.number: law for law in WRITER["all_laws"]()}
NUMBER = re.compile(r"\b[PHVSRO]\d\d\b")


def test_the_reference_is_what_the_code_says():
    """`python docs/write_laws.py` writes it anew."""
    assert (DOCS / "reference" / "conformance.md").read_text(encoding="utf-8") == WRITER["page"]()


def test_every_law_has_a_number_of_its_own_and_a_sentence():
    """The numbers of each kind are without a hole, and what must hold ends with a full stop."""
    for letter in "PHVSRO":
        numbers = sorted(int(number[1:]) for number in LAWS if number[0] == letter)
        assert numbers == list(range(1, len(numbers) + 1))
    assert [law.number for law in LAWS.values() if not law.what.endswith(".")] == []


def test_what_others_suffer_from_names_laws_that_exist():
    """The last column names laws, or says that none can cover it."""
    page = (DOCS / "explanation" / "what-others-suffer-from.md").read_text(encoding="utf-8")
    rows = [line.strip("| \n").split(" | ") for line in page.splitlines() if line.startswith("| ")][2:]
    named = []
    for row in rows:
        found = NUMBER.findall(row[-1])
        assert found or row[-1] == "none", row[0]
        assert ", ".join(found) == row[-1] or row[-1] == "none"
        named += found
    assert len(rows) > 20
    assert set(named) <= LAWS.keys()


def test_the_reference_says_what_each_case_brings():
    """Every field of a case is told, with words."""
    page = WRITER["page"]()
    for _, case in WRITER["SUITES"].values():
        for field in dataclasses.fields(case):
            assert re.search(rf"^- `{field.name}`: \w", page, re.MULTILINE), f"{case.__name__}.{field.name}"
