"""Uptime against a naive account of every second."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._engine.uptime import DAY_NS, HOUR_NS, Uptime

S = 1_000_000_000


def naive(changes, now_s, window_s):
    """Seconds up within the window by the list of (second, is up)."""
    begin = max(0, now_s - window_s)
    up_s = 0
    for (at_s, is_up), (until_s, _) in zip(changes, [*changes[1:], (now_s, None)], strict=True):
        if is_up:
            up_s += max(0, until_s - max(at_s, begin))
    return 100 * up_s / (now_s - begin)


@given(
    st.lists(st.tuples(st.integers(1, 40_000), st.booleans()), min_size=1, max_size=40),
    st.lists(st.integers(0, 39), max_size=6),
)
def test_it_is_what_was_up_of_the_window(passing, looks):
    """Whatever comes when, and however often somebody looks meanwhile; a window's old end is known to ten seconds."""
    uptime = Uptime(0)
    now_s, changes = 0, []
    for number, (passed_s, is_up) in enumerate(passing):
        (uptime.up if is_up else uptime.down)(now_s * S)
        changes.append((now_s, is_up))
        now_s += passed_s
        if number in looks:
            uptime.pct(now_s * S)
    assert uptime.pct(now_s * S) == pytest.approx(naive(changes, now_s, now_s))
    for window_ns in (HOUR_NS, DAY_NS):
        error = 100 * 10 / min(window_ns // S, now_s)
        found = uptime.pct(now_s * S, window_ns)
        assert found == pytest.approx(naive(changes, now_s, window_ns // S), abs=error)


def test_what_is_kept_is_a_day():
    """However long a feed runs."""
    uptime = Uptime(0)
    uptime.up(0)
    for hour in range(24 * 40):
        uptime.pct(hour * HOUR_NS)
    assert len(uptime._steps) <= 24 * 360 + 1
    assert uptime.pct(24 * 40 * HOUR_NS, DAY_NS) == pytest.approx(100)


def test_at_the_very_start_it_is_what_it_is_now():
    """There is no time yet of which it could be a share."""
    uptime = Uptime(5)
    assert uptime.pct(5) == 0
    uptime.up(5)
    assert uptime.pct(5) == 100
