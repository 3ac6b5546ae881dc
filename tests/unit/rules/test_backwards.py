"""The rule of the venue's time as a state machine: old ticks never pass, a clock set back is followed."""

from decimal import Decimal
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.rules import BackwardsRule, BackwardsSettings
from ticktrail.testing import make_agg_trade, make_quote, make_ticker, make_trade

MS = 1_000_000
S = 1_000 * MS
START = 1_700_000_000 * S


def judge(rule, event_ns, at_ns, make=make_quote):
    """Tell whether the tick passes; one that does is accepted."""
    tick = make(event_ns=event_ns)
    passed = rule.check(tick, at_ns) is None
    if passed:
        rule.accept(tick)
    return passed


@given(
    steps=st.lists(st.integers(-3_000, 3_000), min_size=1, max_size=60),
    limit_ms=st.integers(1, 2_000),
)
def test_it_is_the_naive_rule_until_a_time_is_confirmed(steps, limit_ms):
    """A time passes, confirmation aside, exactly where it lies no more than the limit before the latest that did."""
    rule = BackwardsRule(
        BackwardsSettings(max_backwards_ms=Decimal(limit_ms), backwards_confirm_ticks=10_000)
    )
    event_ns, latest_ns = START, None
    for number, step in enumerate(steps):
        event_ns += step * MS
        naive = latest_ns is None or event_ns >= latest_ns - limit_ms * MS
        assert judge(rule, event_ns, START + number) == naive
        if naive:
            latest_ns = event_ns if latest_ns is None else max(latest_ns, event_ns)


@given(
    bursts=st.lists(
        st.tuples(st.integers(1_001, 10**9), st.integers(1, 9), st.integers(0, 60_000)), max_size=20
    )
)
def test_fewer_old_ticks_in_a_row_than_the_setting_never_pass(bursts):
    """However often they come, and however far apart."""
    rule = BackwardsRule(BackwardsSettings())
    now_ns = START
    assert judge(rule, now_ns, now_ns)
    for back_ms, length, pause_ms in bursts:
        for _ in range(length):
            now_ns += pause_ms * MS
            assert not judge(rule, START - back_ms * MS, now_ns)
        now_ns += 1
        assert judge(rule, now_ns, now_ns)


@given(back_s=st.integers(30, 10**6), step_ms=st.integers(1, 2_000), jitter=st.lists(st.integers(0, 900)))
def test_a_clock_that_is_set_back_is_followed(back_s, step_ms, jitter):
    """The tick that completes both count and time passes, none before it; then the time goes on from there."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    verdicts = []
    for number in range(6_000):
        now_ns = START + number * step_ms * MS
        late_ns = jitter[number % len(jitter)] * MS if jitter else 0
        verdicts.append(judge(rule, now_ns - back_s * S - late_ns, now_ns))
        if len(verdicts) > 40 and verdicts[-30:] == [True] * 30:
            break
    first = verdicts.index(True)
    assert first == max(9, -(-5_000 // step_ms))
    assert all(verdicts[first:])
    assert not judge(rule, START - back_s * S - 2 * S, START + 9_000 * S)


@given(noise=st.lists(st.tuples(st.integers(0, 10**19), st.integers(-(10**18), 10**18)), max_size=60))
def test_nothing_is_locked_out(noise):
    """Whatever came before, whatever either clock did: a venue whose time goes on as ours does is followed."""
    rule = BackwardsRule(BackwardsSettings())
    for event_ns, at_ns in noise:
        judge(rule, event_ns, at_ns)
    verdicts = [judge(rule, START + n * S, START + n * S) for n in range(22)]
    assert verdicts[-1]


@pytest.mark.parametrize("every_s", [0.05, 1, 2])
def test_a_time_that_stands_still_confirms_nothing(every_s):
    """A venue that stamps everything with one old time is wrong; when nothing else came for long, it is followed."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    found = [judge(rule, START - 60 * S, START + round(number * every_s * S)) for number in range(20_000)]
    first = found.index(True)
    assert first == max(999, 500 / every_s)


@pytest.mark.parametrize("seed", range(5))
def test_a_clock_that_was_set_back_is_followed_though_its_lag_wanders(seed):
    """Every fifth tick far too late, or lags anywhere within three times the limit: the prompt ones decide."""
    random = Random(seed)
    for late_s in (lambda number: 1.5 * (number % 5 == 0), lambda _: random.uniform(0, 3)):
        rule = BackwardsRule(BackwardsSettings())
        assert judge(rule, START, START)
        at = [START + number * S // 10 for number in range(3_000)]
        found = [judge(rule, ns - 3_600 * S - round(late_s(n) * S), ns) for n, ns in enumerate(at)]
        assert True in found[:600]


def test_one_candidate_far_too_prompt_does_not_shut_out_the_others():
    """All of the true ones are late beside it; it gives way to them."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    assert not judge(rule, START - 5 * S, START)
    found = [judge(rule, START - 3_600 * S + number * S, START + number * S) for number in range(1, 40)]
    assert found.index(True) < 25


def test_a_burst_of_old_ticks_confirms_nothing():
    """A stretch sent again at once, however long."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    assert not any(judge(rule, START - 60 * S + number * MS, START) for number in range(5_000))


def test_a_tick_from_the_future_does_not_shut_out_the_present():
    """Where no other rule stopped it, the true time is confirmed against it."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    assert judge(rule, START + 3_600 * S, START)
    verdicts = [judge(rule, START + n * 500 * MS, START + n * 500 * MS) for n in range(1, 20)]
    assert verdicts == [False] * 10 + [True] * 9


def test_a_session_begins_with_any_time():
    """What the venue sends first may be older than what it sent last."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START)
    rule.begin_session()
    assert judge(rule, START - 3_600 * S, START)


def test_a_backfilled_tick_is_neither_judged_nor_remembered():
    """It fills a hole: it is old by its nature, and says nothing of now."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START, make_trade)
    for event_ns in (0, START + 60 * S):
        filled = make_trade(event_ns=event_ns, backfilled=True)
        assert rule.check(filled, START) is None
        rule.accept(filled)
    assert judge(rule, START + 1, START, make_trade)
    assert not judge(rule, START - 2 * S, START, make_trade)


def test_kinds_have_times_of_their_own():
    """A ticker every second is no measure for trades."""
    rule = BackwardsRule(BackwardsSettings())
    assert judge(rule, START, START, make_quote)
    assert judge(rule, START - 60 * S, START, make_ticker)
    assert judge(rule, START - 90 * S, START, make_trade)
    assert rule.check(msgspec.structs.replace(make_agg_trade(), event_ns=1), START) is None
