"""A flood of the same event becomes one line with its count; what differs is not folded together."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._logs.entry import Entry
from ticktrail._logs.fold import WHOLE, Folder

S = 1_000_000_000


def entry(number=0, *, event="venue_trouble", provider="a"):
    return Entry(at_ns=number, level="warning", event=event, fields={"provider": provider, "number": number})


def test_a_flood_is_one_line():
    """The first few as they are, then the last with how many it stands for and in what time."""
    folder = Folder(10 * S)
    out = [line for number in range(1_000) for line in folder.take(entry(number), number * S // 1_000)]
    assert [line.fields["number"] for line in out] == list(range(WHOLE))
    (last,) = folder.due(10 * S)
    assert last.fields == {"provider": "a", "number": 999, "folded": 1_000 - WHOLE, "folded_s": 10.0}
    assert folder.due(20 * S) == []


def test_what_is_anothers_is_not_folded():
    """Two legs, two events: each has its own period."""
    folder = Folder(10 * S)
    out = []
    for number in range(WHOLE):
        out += folder.take(entry(number), 0)
        out += folder.take(entry(number, provider="b"), 0)
        out += folder.take(entry(number, event="leg_down"), 0)
    assert len(out) == 3 * WHOLE


def test_a_period_that_is_over_begins_anew():
    """After it entries are written as they are again."""
    folder = Folder(S)
    for number in range(WHOLE):
        assert folder.take(entry(number), 0) == [entry(number)]
    assert folder.take(entry(99), 0) == []
    late = folder.take(entry(100), 2 * S)
    assert [line.fields.get("folded") for line in late] == [1, None]


def test_never():
    """A period of nothing folds nothing."""
    folder = Folder(0)
    assert [line for number in range(100) for line in folder.take(entry(number), 0)] == [
        entry(n) for n in range(100)
    ]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, S)), max_size=200))
def test_nothing_is_lost(steps):
    """Lines, and what they stand for, are together what came."""
    folder, now, out = Folder(S), 0, []
    for provider, pause in steps:
        now += pause
        out += folder.take(entry(provider=provider), now)
    out += folder.due(now, all_of_them=True)
    counted = sum(line.fields.get("folded", 1) for line in out)
    assert counted == len(steps)
    assert all(isinstance(line, msgspec.Struct) for line in out)
