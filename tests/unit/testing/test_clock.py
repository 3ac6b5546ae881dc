"""The clock that is set by hand."""

import pytest

from ticktrail.testing import ManualClock


def test_both_clocks_advance_and_only_one_is_stepped() -> None:
    """A step of the wall clock leaves durations alone."""
    clock = ManualClock(1_000)
    clock.advance(1.5)
    assert (clock.now_ns(), clock.mono_ns()) == (1_500_001_000, 1_500_000_000)
    clock.step(-1)
    assert (clock.now_ns(), clock.mono_ns()) == (500_001_000, 1_500_000_000)
    with pytest.raises(ValueError, match="does not pass backwards"):
        clock.advance(-1)
