"""What is told of all that is found, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_alerts.board import Board
from ticktrail_alerts.finding import Finding
from unit.alerts.stage import NS, START_NS


def finding(about="x", *, severity="warning", after_s=0.0, clear_s=10.0):
    return Finding(rule="r", about=about, severity=severity, text="t", after_s=after_s, clear_s=clear_s)


class Run:
    def __init__(self, **bounds):
        self.board = Board(**bounds)
        self.at = 0

    def at_s(self, seconds, *findings):
        self.at = int(seconds * NS)
        return self.board.look(findings, now_ns=START_NS + self.at, mono_ns=self.at)


def test_what_does_not_hold_long_enough_is_not_told():
    """It must be found at each look for `after_s`; a look without it begins the count anew."""
    run = Run()
    holds = finding(after_s=5)
    assert (
        run.at_s(0, holds)
        == run.at_s(4, holds)
        == run.at_s(5)
        == run.at_s(6, holds)
        == run.at_s(10, holds)
        == []
    )
    (alert,) = run.at_s(11, holds)
    assert (alert.state, alert.begun_ns, alert.lasted_s) == ("begun", START_NS + 6 * NS, 5.0)


def test_what_comes_back_within_clear_s_was_never_over():
    """It flaps, and is one alert."""
    run = Run()
    run.at_s(0, finding())
    for second in range(5, 100, 10):
        assert run.at_s(second) == run.at_s(second + 5, finding()) == []
    run.at_s(105)
    (over,) = run.at_s(115)
    assert (over.state, over.lasted_s) == ("resolved", 105.0)


def test_what_keeps_coming_back_is_over_later_each_time():
    """Ten seconds, then twenty, then forty: a storm of one alert dies down."""
    run = Run()
    second, told = 0, 0
    while second < 3_600:
        told += len(run.at_s(second, finding()))
        for quiet in range(1, 13):
            told += len(run.at_s(second + quiet))
        second += 13
    assert told <= 4


def test_one_that_is_over_at_once_dies_down_as_well():
    """A notice has no time of its own; five seconds are doubled."""
    run = Run()
    told = 0
    for second in range(0, 3_600, 2):
        told += len(run.at_s(second, finding(clear_s=0))) + len(run.at_s(second + 1))
    assert told <= 4


def test_an_hour_without_it_forgives():
    """Afterwards it is over as soon as the first time."""
    run = Run()
    for start in (0, 100):
        run.at_s(start, finding())
        run.at_s(start + 1)
        run.at_s(start + 50)
    run.at_s(5_001, finding())
    run.at_s(5_002)
    assert [alert.state for alert in run.at_s(5_012)] == ["resolved"]


def test_it_is_told_once_or_as_often_as_was_said():
    """Never again without `repeat_s`."""
    run, again = Run(), Run(repeat_s=60)
    once = [alert.state for second in range(0, 200, 10) for alert in run.at_s(second, finding())]
    often = [alert.state for second in range(0, 200, 10) for alert in again.at_s(second, finding())]
    assert (once, often) == (["begun"], ["begun", "repeated", "repeated", "repeated"])


def test_there_is_a_bound_on_what_is_followed(monkeypatch):
    """What is beyond it is counted, and what is followed goes on."""
    monkeypatch.setattr("ticktrail_alerts.board._MOST", 3)
    run = Run()
    many = [finding(str(n)) for n in range(5)]
    assert len(run.at_s(0, *many)) == 3
    assert run.board.ignored == 2
    run.at_s(1)
    assert len(run.at_s(11)) == 3


def test_what_holds_survives_a_restart():
    """The same alert goes on with its id and its begin; over is told after it was gone for `clear_s`."""
    before = Run(new_id=lambda: "a1")
    (begun,) = before.board.name_message(before.at_s(100, finding("x"), finding("y")), "m1")[:1]
    after = Run()
    after.board.restore(before.board.kept(), now_ns=START_NS + 200 * NS, mono_ns=7 * NS)
    told = after.board.look([finding("y")], now_ns=START_NS + 201 * NS, mono_ns=8 * NS)
    assert told == []
    (over,) = after.board.look([finding("y")], now_ns=START_NS + 212 * NS, mono_ns=19 * NS)
    assert (over.state, over.id, over.about, over.begun_ns, over.first_message) == (
        "resolved",
        "a1",
        "x",
        begun.begun_ns,
        "m1",
    )
    assert over.lasted_s == pytest.approx(101.0)


@given(st.lists(st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abc"))), max_size=60))
def test_begins_and_ends_alternate(steps):
    """Whatever comes and goes, each alert begins once and ends at most once, and its id is its own."""
    run, second, told = Run(), 0, {}
    for pause, names in steps:
        second += pause
        for alert in run.at_s(second, *(finding(name, after_s=3, clear_s=7) for name in sorted(names))):
            told.setdefault(alert.id, []).append((alert.about, alert.state))
    for states in told.values():
        assert [state for _, state in states] in (["begun"], ["begun", "resolved"])
        assert len({about for about, _ in states}) == 1
