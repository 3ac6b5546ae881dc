"""Latencies are counted within 6 %, and recorded so that several records add up to one."""

from hypothesis import given
from hypothesis import strategies as st

from ticktrail._engine.latency import Histogram, LatencyLog
from ticktrail.latency import add_buckets, percentile_us

DURATIONS_NS = st.lists(st.integers(0, 10**11), min_size=1, max_size=200)


@given(DURATIONS_NS, st.sampled_from((0.01, 0.5, 0.9, 0.99, 1.0)))
def test_a_percentile_is_right_within_six_per_cent(durations_ns, share):
    """It is never below the true one, and above it by a sixteenth and a nanosecond at most."""
    histogram = Histogram()
    for ns in durations_ns:
        histogram.add(ns, 1)
    wanted = share * len(durations_ns)
    true_us = next(ns for i, ns in enumerate(sorted(durations_ns), 1) if i >= wanted) / 1_000
    told_us = histogram.percentile_us(share)
    assert true_us <= told_us + 0.001
    assert told_us <= true_us * (1 + 1 / 16) + 0.002


@given(st.lists(DURATIONS_NS, max_size=5))
def test_the_records_of_a_run_add_up(turns):
    """What was recorded in turns is, added up, what was counted in all; a turn without ticks records nothing."""
    histogram, published, times = Histogram(), [], iter(range(100))
    log = LatencyLog(histogram, published.append, lambda: next(times))
    for durations_ns in turns:
        for ns in durations_ns:
            histogram.add(ns, 2)
        log.record()
        log.record()
    assert len(published) == len(turns)
    assert add_buckets(event.buckets for event in published) == histogram.buckets()
    for event, durations_ns in zip(published, turns, strict=True):
        assert event.ticks == 2 * len(durations_ns) == sum(ticks for _, ticks in event.buckets)
        assert event.from_ns < event.at_ns
        assert (event.p50_us, event.p99_us) == (
            percentile_us(event.buckets, 0.5),
            percentile_us(event.buckets, 0.99),
        )


def test_nothing_has_no_percentile():
    """Before the first tick there is nothing to tell."""
    assert Histogram().percentile_us(0.5) is None
    assert percentile_us([], 0.99) is None
