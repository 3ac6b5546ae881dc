"""What was noted lately is known, what is long gone is not, and nothing grows."""

from hypothesis import given
from hypothesis import strategies as st

from ticktrail.recent import Recent


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3))), st.integers(1, 8))
def test_the_last_are_known_with_their_last_value(noted, least):
    """The last `least` keys at least; never more than twice as many."""
    recent: Recent[int, int] = Recent(least)
    for key, value in noted:
        recent.note(key, value)
    newest = dict(noted)
    for key, _ in noted[-least:]:
        assert key in recent
        assert recent.holds(key, newest[key])
        assert not recent.holds(key, newest[key] + 1)
    assert sum(key in recent for key in range(31)) <= 2 * least
    recent.clear()
    assert not any(key in recent for key in range(31))
