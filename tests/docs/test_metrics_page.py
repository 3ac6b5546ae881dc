"""The reference of metrics and reasons is what the code tells, row by row."""

from pathlib import Path

from ticktrail.readiness import REASONS
from ticktrail_dashboard.metrics.families import FAMILIES

PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"


def row_of(family):
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind} | {labels} | {family.about} |"


def rows(text, heading):
    """The rows of the table below a heading, without its head."""
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in part.splitlines() if line.startswith("|")][2:]


def test_every_metric_has_its_row():
    """Name, kind, labels and meaning, in the order in which they are told; and no other."""
    assert rows(PAGE.read_text(), "Metrics") == [row_of(family) for family in FAMILIES.values()]


def test_every_reason_has_its_row():
    """In the order in which reasons are told."""
    told = [line.split("|")[1].strip() for line in rows(PAGE.read_text(), "Reasons")]
    assert told == [f"`{code}`" for code in REASONS]
