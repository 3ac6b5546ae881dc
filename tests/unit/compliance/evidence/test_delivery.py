"""How long nothing was delivered, of the time in which feeds ran."""

import pytest

from ticktrail.events import FeedStarted, FeedStopped, LegDown, LegUp, OutageBegun, OutageEnded
from ticktrail_compliance.reports.delivery import delivery_of

S = 10**9


def started(at_s):
    return FeedStarted(at_ns=at_s * S, feed="f", profile="", ticktrail="", settings_sha256="", plan="")


def stopped(at_s):
    return FeedStopped(
        at_ns=at_s * S, cause="", received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
    )


def seen(at_s):
    return LegUp(at_ns=at_s * S, provider="leg", reconnects=0)


def out(at_s, instruments=None):
    return OutageBegun(at_ns=at_s * S, legs={"leg": "down"}, instruments=instruments)


def back(at_s, lasted_s, instruments=None):
    return OutageEnded(at_ns=at_s * S, provider="leg", lasted_s=lasted_s, instruments=instruments)


def told(*events, writer=1, from_s=0, to_s=10_000):
    records = [(seq, writer, event) for seq, event in enumerate(events, 1)]
    return delivery_of(records, from_ns=from_s * S, to_ns=to_s * S)


def test_an_outage_counts_from_when_nothing_was_heard():
    """It is told later than it began: its end says how long it lasted."""
    found = told(started(0), out(105), back(110, 10.0), stopped(1_000))
    assert (found.ran_s, found.out_s, found.uptime_pct) == (1_000.0, 10.0, 99.0)
    assert [one.seq for one in found.outages] == [2]


def test_outages_of_several_instruments_at_once_count_once():
    """While one is out, delivery is: their union counts."""
    found = told(
        started(0),
        out(100, ["A"]),
        out(150, ["B"]),
        back(200, 100.0, ["A"]),
        back(250, 100.0, ["B"]),
        stopped(1_000),
    )
    assert found.out_s == 150.0
    assert len(found.outages) == 2


def test_one_of_several_that_is_back_leaves_the_others_out():
    """An outage that was told of two instruments lasts until both are delivered again."""
    found = told(
        started(0), out(100, ["A", "B"]), back(120, 20.0, ["A"]), back(300, 200.0, ["B"]), stopped(1_000)
    )
    assert found.out_s == 200.0


def test_what_is_out_at_the_end_is_out_to_the_end():
    """Of a run that stopped, and of one that was killed and ends with its last word."""
    assert told(started(0), out(900), stopped(1_000)).out_s == 100.0
    found = told(started(0), out(900), seen(950), started(2_000), stopped(2_050))
    assert (found.ran_s, found.out_s, found.outages[0].ended_ns) == (1_000.0, 50.0, None)


@pytest.mark.parametrize(
    ("from_s", "to_s", "ran_s", "out_s"), [(0, 150, 150, 50), (150, 400, 250, 50), (300, 400, 100, 0)]
)
def test_a_period_cuts_what_reaches_out_of_it(from_s, to_s, ran_s, out_s):
    """Nothing before or after it counts."""
    events = [started(0), out(100), seen(150), back(200, 100.0), seen(400), stopped(1_000)]
    found = told(*[one for one in events if one.at_ns <= to_s * S], from_s=from_s, to_s=to_s)
    assert (found.ran_s, found.out_s) == (ran_s, out_s)


def test_without_a_run_there_is_no_uptime():
    """None, and not 100 %."""
    assert told().uptime_pct is None


def test_a_run_of_which_no_leg_could_be_opened_delivered_nothing():
    """A feed that a supervisor starts again and again while its venue is away has not been up all the time."""
    lost = LegDown(
        at_ns=1 * S, provider="leg", cause="lost", detail="", permanent=False, failures=1, retry_in_s=None
    )
    found = told(started(0), lost, stopped(2))
    assert (found.ran_s, found.uptime_pct) == (2.0, 0.0)
    assert [(one.seq, one.legs) for one in found.outages] == [(2, ["leg"])]
    assert told(started(0), seen(1), lost, stopped(2)).uptime_pct == 100.0
    assert told(started(0), lost, seen(1), stopped(2)).uptime_pct == 100.0
