"""Times of messages become nanoseconds and come back, to the last digit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.moments import MOST_NS, ns_of_rfc3339, ns_of_seconds, rfc3339_of_ns


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-30T03:30:26.708706Z", 1_796_009_426_708_706_000),
        ("2026-11-30t03:30:26z", 1_796_009_426_000_000_000),
        ("2026-11-30T03:30:26.123456789999Z", 1_796_009_426_123_456_789),
        ("2026-11-30T05:30:26.5+02:00", 1_796_009_426_500_000_000),
        ("2026-11-29T22:30:26.5-05:00", 1_796_009_426_500_000_000),
    ],
)
def test_a_text_is_a_moment(text, at_ns):
    """Whatever the number of digits, in whatever zone."""
    assert ns_of_rfc3339(text) == at_ns


@given(st.integers(0, MOST_NS - 1))
def test_a_moment_comes_back(at_ns):
    """No digit is lost on the way."""
    assert ns_of_rfc3339(rfc3339_of_ns(at_ns)) == at_ns
    seconds = Decimal(at_ns).scaleb(-9)
    if seconds < MOST_NS // 10**9:
        assert ns_of_seconds(seconds) == at_ns


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-11-30",
        "2026-11-30T03:30:26",
        "2026-11-30 03:30:26Z",
        "2026-13-30T03:30:26Z",
        "2026-11-30T03:30:26.Z",
        "2026-11-30T03:30:26.1234567890123456789Z",
        "\uff12026-11-30T03:30:26Z",
        "1969-12-31T23:59:59Z",
        "2399-11-30T03:30:26Z",
    ],
)
def test_what_is_no_moment_is_refused(text):
    """Also what a tick could not hold."""
    with pytest.raises(ValueError, match=r"time|month|beyond"):
        ns_of_rfc3339(text)


@pytest.mark.parametrize("seconds", ["NaN", "-1", "Infinity", "1e30"])
def test_seconds_that_are_no_time_are_refused(seconds):
    """A venue's number may be anything."""
    with pytest.raises(ValueError, match="are no time"):
        ns_of_seconds(Decimal(seconds))
