"""Pauses before a leg connects again: spread, capped, and begun anew after a healthy time."""

from random import Random
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from ticktrail._engine.backoff import Backoff
from ticktrail._plan.model import BackoffSettings

SETTINGS = BackoffSettings(first_s=1.0, cap_s=60.0, healthy_s=30.0)


@given(seed=st.integers(), failures=st.integers(1, 200))
def test_no_pause_is_above_its_bound(seed, failures):
    """Doubled from failure to failure up to the cap; two hundred failures in a row overflow nothing."""
    backoff = Backoff(SETTINGS, Random(seed))
    pauses = [backoff.next_s() for _ in range(failures)]
    for number, pause_s in enumerate(pauses):
        assert 0 <= pause_s <= min(60.0, 2.0**number)
    assert backoff.failures == failures


def test_a_crowd_of_legs_is_spread():
    """A thousand legs that are cut at once come back over the whole pause, not in a storm."""
    random = Random(1)
    crowd = [Backoff(SETTINGS, random) for _ in range(1_000)]
    for _ in range(5):
        pauses = [backoff.next_s() for backoff in crowd]
    assert 7.5 < fmean(pauses) < 8.5
    in_tenths = [sum(bound <= pause_s / 1.6 < bound + 1 for pause_s in pauses) for bound in range(10)]
    assert min(in_tenths) > 60
    assert max(in_tenths) < 140


def test_the_venue_s_own_word_stands():
    """Where it says how long, it is that long; and it counts as a failure."""
    backoff = Backoff(SETTINGS, Random(1))
    assert backoff.next_s(300.0) == 300.0
    assert backoff.failures == 1


def test_a_healthy_session_begins_anew():
    """A short one does not: a venue that lets us in and throws us out is not well."""
    backoff = Backoff(SETTINGS, Random(1))
    for _ in range(10):
        backoff.next_s()
    backoff.healthy_for(29.9)
    assert backoff.failures == 10
    backoff.healthy_for(30.0)
    assert backoff.failures == 0
    assert backoff.next_s() <= 1.0
