"""Ids as a state machine: each once and in order, a venue that counts anew is followed, memory has a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.rules import IdGapRule, IdOrderRule, IdOrderSettings
from ticktrail.rules._ids import Numbers
from ticktrail.testing import make_agg_trade, make_quote, make_trade

MS = 1_000_000
S = 1_000 * MS
START = 1_700_000_000 * S


def judge(rule, tick, at_ns=START):
    """Return what is wrong with the tick's id, or None; one that passes is accepted."""
    found = rule.check(tick, at_ns)
    if found is None:
        rule.accept(tick)
        return None
    return found.problem


@given(st.lists(st.integers(0, 80), max_size=120))
def test_numbers_are_a_set(numbers):
    """Whatever order they come in."""
    seen, naive = Numbers(), set()
    for number in numbers:
        assert (number in seen) == (number in naive)
        seen.add(number)
        naive.add(number)
        assert seen.last == max(naive)
    assert [number for number in range(-3, 90) if number in seen] == sorted(naive)


def test_numbers_with_holes_are_kept_within_a_bound():
    """The lowest runs go first; what is known of the others stays."""
    seen = Numbers()
    for number in range(0, 20_000, 2):
        seen.add(number)
    kept = [number for number in range(20_000) if number in seen]
    assert 1_000 <= len(kept) <= 2_001
    assert kept == list(range(kept[0], 20_000, 2))
    for number in range(-20_000, 0, 2):
        seen.add(number)
    assert sum(number in seen for number in range(-20_000, 20_000)) <= 2_001


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=80))
def test_each_id_passes_once_and_in_order(steps):
    """A naive model: an id that was here is a duplicate, a lower one runs backwards, a backfilled one passes."""
    rule = IdOrderRule(IdOrderSettings(id_restart_ticks=10_000))
    here = set()
    for number, backfilled in steps:
        found = judge(rule, make_trade(id=number, backfilled=backfilled))
        if backfilled or not here or number > max(here):
            assert found is None
            here.add(number)
        else:
            assert found == ("duplicate" if number in here else "backwards")


@given(st.lists(st.tuples(st.sampled_from(["K:1", "K:2", "Z:1"]), st.integers(0, 3)), max_size=40))
def test_a_name_and_time_passes_once(steps):
    """A name comes again on another day; of two times only the newer one is remembered."""
    rule = IdOrderRule(IdOrderSettings())
    here = {}
    for name, event_ns in steps:
        found = judge(rule, make_trade(id=name, event_ns=event_ns))
        assert found == ("duplicate" if here.get(name) == event_ns else None)
        here[name] = event_ns


@pytest.mark.parametrize("make", ["trade", "agg_trade", "quote"])
@given(start=st.integers(0, 900), step_ms=st.integers(1, 2_000), skip=st.integers(1, 5))
def test_a_venue_that_counts_anew_is_followed(make, start, step_ms, skip):
    """After enough ids that grow, over some time, and none before; then from there on, whatever was here before."""
    rule = IdOrderRule(IdOrderSettings())

    def tick(number, event_ns):
        if make == "trade":
            return make_trade(id=number, event_ns=event_ns)
        if make == "quote":
            return make_quote(update_id=number, event_ns=None)
        return make_agg_trade(id=number)

    for number in range(10**6, 10**6 + 5):
        assert judge(rule, tick(number, START)) is None
    passed = []
    for turn in range(6_000):
        at_ns = START + turn * step_ms * MS
        passed.append(judge(rule, tick(start + turn * skip, at_ns), at_ns) is None)
        if passed[-20:] == [True] * 20:
            break
    first = passed.index(True)
    assert first == max(9, -(-5_000 // step_ms))
    assert all(passed[first:])
    assert judge(rule, tick(start + first * skip, START + 10**6 * S), START + 10**6 * S) is not None


def test_what_is_sent_again_is_no_new_count():
    """A stretch of old trades, however long it goes on: their times are old."""
    rule = IdOrderRule(IdOrderSettings())
    for number in range(2_000):
        assert judge(rule, make_trade(id=number, event_ns=START + number * MS)) is None
    for number in range(1_990):
        again = make_trade(id=number, event_ns=START + number * MS)
        assert judge(rule, again, START + number * S) == "duplicate"
    assert judge(rule, make_trade(id=2_000, event_ns=START + 2_000 * MS), START + 3_000 * S) is None


@pytest.mark.parametrize("every", [4, 2])
def test_a_new_count_is_followed_though_neighbours_are_swapped(every):
    """One pair in some comes in the wrong order: the higher of them count."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_trade(id=10**6, event_ns=START)) is None
    ids = list(range(1, 400))
    for number in range(0, len(ids) - 1, every):
        ids[number], ids[number + 1] = ids[number + 1], ids[number]
    found = [
        judge(rule, make_trade(id=one, event_ns=START + one * S), START + one * S) is None for one in ids
    ]
    assert found.index(True) < 3 * 10
    assert sum(found) > len(found) // 3


def test_a_new_count_is_followed_though_old_trades_come_again():
    """One that was sent before, every fifth: it neither confirms nor disturbs."""
    rule = IdOrderRule(IdOrderSettings())
    old = make_trade(id=10**6 - 1, event_ns=START - S)
    for tick in (old, make_trade(id=10**6, event_ns=START)):
        assert judge(rule, tick) is None
    found = []
    for number in range(1, 12):
        at_ns = START + number * S
        if number in {3, 6}:
            assert judge(rule, old, at_ns) == "duplicate"
        found.append(judge(rule, make_trade(id=number, event_ns=at_ns), at_ns) is None)
    assert found.index(True) == 9


def test_no_venue_counts_below_nought():
    """However long it goes on, such an id never becomes a count."""
    rule = IdOrderRule(IdOrderSettings())
    for number in range(200):
        found = judge(rule, make_trade(id=-500 + number, event_ns=START + number * S), START + number * S)
        assert found is not None
    assert judge(rule, make_trade(id=1, event_ns=START + 300 * S), START + 300 * S) is None


def test_one_wild_candidate_does_not_shut_out_the_others():
    """All of the true ids lie below it; after as many as confirm the count of candidates begins anew."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_trade(id=2**63 - 1, event_ns=START)) is None
    assert judge(rule, make_trade(id=2**62, event_ns=START + S), START + S) is not None
    found = [
        judge(rule, make_trade(id=n, event_ns=START + n * S), START + n * S) is None for n in range(2, 40)
    ]
    assert found.index(True) < 25


def test_nothing_is_locked_out_for_ever():
    """Ids in no order at all: after a hundred times what confirms, the next one is taken."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_trade(id=10**9, event_ns=START)) is None
    found = [
        judge(rule, make_trade(id=1 + n % 2, event_ns=START + n * S), START + n * S) is None
        for n in range(1, 1_200)
    ]
    assert True in found


def test_a_burst_is_no_new_count():
    """Quotes have no time at spot: many at one moment confirm nothing."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_quote(update_id=10**6)) is None
    assert {judge(rule, make_quote(update_id=number)) for number in range(5_000)} == {"backwards"}


def test_one_id_far_ahead_does_not_shut_out_the_others():
    """The true count is confirmed against it."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_trade(id=7, event_ns=START)) is None
    assert judge(rule, make_trade(id=10**15, event_ns=START)) is None
    found = [
        judge(rule, make_trade(id=8 + n, event_ns=START + n * S), START + n * S) is None for n in range(12)
    ]
    assert found == [False] * 9 + [True] * 3


def test_one_id_and_time_far_ahead_do_not_shut_out_the_others():
    """Where no rule bounds the time: a tick of the year 2100 is no measure of what is old."""
    rule = IdOrderRule(IdOrderSettings())
    assert judge(rule, make_trade(id=7, event_ns=START)) is None
    assert judge(rule, make_trade(id=10**15, event_ns=4_102_444_800 * S)) is None
    found = [
        judge(rule, make_trade(id=8 + n, event_ns=START + n * S), START + n * S) is None for n in range(12)
    ]
    assert found == [False] * 9 + [True] * 3


def test_a_session_begins_without_a_memory():
    """What the venue sends again after a reconnect is for the route to suppress."""
    rule = IdOrderRule(IdOrderSettings())
    ticks = (make_trade(id=7), make_trade(id="K:1"), make_agg_trade(id=7), make_quote(update_id=7))
    assert [judge(rule, tick) for tick in ticks] == [None] * 4
    assert [judge(rule, tick) for tick in ticks] == ["duplicate"] * 4
    rule.begin_session()
    assert [judge(rule, tick) for tick in ticks] == [None] * 4


def gaps(rule, *ticks):
    """Return how many are missing before each tick; one that passes is accepted."""
    out = []
    for tick in ticks:
        found = rule.check(tick, START)
        if found is None:
            rule.accept(tick)
        out.append(found.missing if found is not None else 0)
    return out


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.data())
def test_a_gap_is_told_once_with_its_width(steps, data):
    """Whatever other rules keep back: a trade that came is not missing."""
    rule = IdGapRule()
    number = 100
    assert rule.check(make_trade(id=number), START) is None
    for step in steps:
        number += step
        found = rule.check(make_trade(id=number), START)
        assert (found.missing if found is not None else 0) == step - 1
        if data.draw(st.booleans()):
            rule.accept(make_trade(id=number))


def test_what_comes_again_is_no_gap_and_makes_none():
    """A duplicate that the rule of order keeps back leaves the count where it was."""
    rule = IdGapRule()
    assert gaps(rule, make_trade(id=5), make_trade(id=6)) == [0, 0]
    assert rule.check(make_trade(id=5), START) is None
    assert gaps(rule, make_trade(id=7), make_trade(id=9)) == [0, 1]


def test_backfilled_trades_are_no_gap_and_fill_one():
    """They come before what waited for them; older ones leave the count where it was."""
    rule = IdGapRule()
    filled = [make_trade(id=number, backfilled=True) for number in (8, 9, 2)]
    assert gaps(rule, make_trade(id=5), *filled, make_trade(id=10)) == [0, 0, 0, 0, 0]


def test_a_new_count_that_was_let_through_is_followed():
    """And a session begins anew."""
    rule = IdGapRule()
    assert gaps(rule, make_trade(id=500), make_trade(id=3), make_trade(id=4), make_trade(id=6)) == [
        0,
        0,
        0,
        1,
    ]
    rule.begin_session()
    assert gaps(rule, make_trade(id=90), make_agg_trade(id=2), make_agg_trade(id=4)) == [0, 0, 1]
