"""The times that the audit log's commands take: a date alone is a whole day."""

import click
import pytest

from ticktrail_compliance.options import TimeType

DAY_NS = 86_400 * 10**9
BEGIN_NS = 1_795_910_400 * 10**9
"""Of 2026-11-29, UTC."""


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-29", BEGIN_NS, BEGIN_NS + DAY_NS - 1),
        ("2026-W48-7", BEGIN_NS, BEGIN_NS + DAY_NS - 1),
        ("2026-11-29T00:00", BEGIN_NS, BEGIN_NS),
        ("2026-11-29T01:00:00+01:00", BEGIN_NS, BEGIN_NS),
        (str(BEGIN_NS), BEGIN_NS, BEGIN_NS),
        ("0", 0, 0),
        ("20261129", BEGIN_NS, BEGIN_NS + DAY_NS - 1),
        ("2026-11-29T00:00:00.000000001Z", BEGIN_NS + 1, BEGIN_NS + 1),
        ("2026-11-29T00:00:00,5Z", BEGIN_NS + 5 * 10**8, BEGIN_NS + 5 * 10**8),
    ],
)
def test_a_date_alone(text, first, last):
    """Its beginning as the first moment, its end as the last; a time stays what it is."""
    assert TimeType().convert(text, None, None) == first
    assert TimeType(last=True).convert(text, None, None) == last


@pytest.mark.parametrize(
    "text", ["9999-12-31", "0001-01-01", str(2**63), "yesterday", "9" * 5_000, "20261399"]
)
def test_what_is_no_time_of_a_log(text):
    """Told, and never a number that no column holds."""
    with pytest.raises(click.BadParameter, match=r"nanoseconds"):
        TimeType(last=True).convert(text, None, None)
