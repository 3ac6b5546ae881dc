"""Each rule begins an alert, and ends it."""

from typing import get_args

import msgspec
import pytest

from ticktrail.events import (
    FeedStopped,
    FeedStopping,
    LegDown,
    LegSwitched,
    LoopBlocked,
    Notice,
    OutageBegun,
    OutageEnded,
    SinkDropped,
)
from ticktrail_alerts.conditions.machine import DiskLook, look_at_disks
from ticktrail_alerts.rule_settings import RuleName, RulesSettings, rules_in_force
from unit.alerts.stage import NS, START_NS, WELL, Bench, Odd, Rare, but, leg, observer, routed, sink


def stands(**changes):
    def step(bench):
        bench.status = but(**changes)

    return step


def well(bench):
    bench.status = WELL


def heard(*records):
    return lambda bench: bench.hear(*records)


def nothing(bench):
    pass


def disk(free):
    def step(bench):
        bench.conditions["disk"].take({"/data": DiskLook(total=100 * 2**30, free=free)})

    return step


def switch(number):
    return LegSwitched(at_ns=START_NS, from_leg=f"x{number}", to_leg="one", cause="lost", failover_ms=1.0)


def notice(severity="warning", *, is_over=False, about="7"):
    return Notice(
        at_ns=START_NS,
        source="compliance",
        name="incident_due",
        about=about,
        severity=severity,
        text="incident 7 is due",
        is_over=is_over,
    )


CLOCK = WELL.clock
BREACH = msgspec.structs.replace(CLOCK, breach="offset", offset_ns=80_000_000)
UNPROVEN = msgspec.structs.replace(CLOCK, breach="unmeasured")

TABLE = {
    "outage": (
        True,
        heard(OutageBegun(at_ns=START_NS, legs={"one": "lost"}, instruments=["BTC/USDT"])),
        heard(OutageEnded(at_ns=START_NS, provider="one", lasted_s=9.0, instruments=["BTC/USDT"])),
        ("BTC/USDT", "critical", "no leg delivers BTC/USDT (one: lost)"),
    ),
    "leg_down": (
        True,
        stands(legs={"one": leg("down", why="refused")}),
        well,
        ("one", "warning", "leg one cannot deliver (refused)"),
    ),
    "leg_degraded": (
        True,
        stands(legs={"one": leg("degraded", why="6% rejected")}),
        well,
        ("one", "warning", "leg one is degraded: 6% rejected"),
    ),
    "leg_latency": (
        {"above_ms": 50},
        stands(legs={"one": leg(latency_ms=90.0)}),
        well,
        ("one", "warning", "ticks of leg one come 90 ms after the venue's time; the limit is 50 ms"),
    ),
    "failovers": (
        {"above": 3, "window_s": 60},
        heard(*map(switch, range(4))),
        lambda bench: bench.clock.advance(60),
        ("", "warning", "the speaking leg changed more than 3 times within 60 s"),
    ),
    "reject_rate": (
        {"window_s": 60},
        heard(routed(good=90, bad=10)),
        lambda bench: bench.clock.advance(60),
        (
            "one",
            "warning",
            "10.0% of the ticks of leg one were rejected within 60 s (10 of 100; odd 10); the limit is 5.0%",
        ),
    ),
    "silent": (
        {"only": ["BTC/USDT"], "longer_than_s": 30, "clear_s": 20},
        lambda bench: (bench.look(), bench.clock.advance(31)),
        heard(routed(good=1)),
        ("BTC/USDT", "warning", "nothing of BTC/USDT was delivered for more than 30 s"),
    ),
    "clock": (
        True,
        stands(clock=BREACH),
        well,
        (
            "",
            "critical",
            "this machine's clock is wrong by +80.000 ms (± 2.000); the limit is 50 ms; see: ticktrail clock",
        ),
    ),
    "observer_trouble": (
        True,
        stands(observers={"compliance": observer(trouble="it spools"), "alerts": observer(trouble="x")}),
        well,
        ("compliance", "critical", "compliance: it spools"),
    ),
    "observer_lag": (
        True,
        stands(observers={"compliance": observer(waiting=60)}),
        well,
        (
            "compliance",
            "warning",
            "60 ticks and events wait for compliance, 60% of what may; the limit is 50%, and at 100% the feed waits",
        ),
    ),
    "disk": (
        True,
        disk(2**30),
        disk(50 * 2**30),
        (
            "/data",
            "critical",
            "1,074 MB (1.0%) are free at /data; less than 1,074 MB or 5 % is too little",
        ),
    ),
    "sink_failed": (
        True,
        stands(sinks={"jsonl": sink(failed="no room")}),
        well,
        ("jsonl", "critical", "the sink jsonl failed and gets nothing more: no room"),
    ),
    "sink_full": (
        True,
        stands(sinks={"jsonl": sink(queued=95)}),
        well,
        ("jsonl", "warning", "95 ticks wait for the sink jsonl, 95% of what may; the limit is 90%"),
    ),
    "sink_drops": (
        True,
        heard(SinkDropped(at_ns=START_NS, sink="jsonl", dropped=7, policy="drop")),
        nothing,
        ("jsonl", "warning", "7 ticks were not written by the sink jsonl (drop)"),
    ),
    "latency": (
        True,
        stands(latency_steps_us=[(1.0, 98), (2_000_000.0, 2)]),
        well,
        (
            "",
            "warning",
            (
                "one tick in a hundred took 2,000 ms or more from the socket into the sink within 300 s; "
                "the limit is 1,000 ms"
            ),
        ),
    ),
    "loop_blocked": (
        True,
        heard(
            *(
                LoopBlocked(
                    at_ns=START_NS,
                    plugin="slow",
                    distribution="slow-feeds",
                    where="a.py:3 nap",
                    for_s=for_s,
                    stack=(),
                )
                for for_s in (1.5, 2.25, 0.9)
            )
        ),
        nothing,
        (
            "slow",
            "warning",
            "code of slow (slow-feeds) kept everything else in the feed waiting for 2.2 s, at a.py:3 nap",
        ),
    ),
    "notice": (
        True,
        heard(notice("critical")),
        heard(notice(is_over=True)),
        ("compliance incident_due 7", "critical", "compliance: incident 7 is due"),
    ),
}


def test_the_table_has_every_rule():
    """No rule is without its row; ``stopped`` begins at a feed's end alone, and has tests of its own below."""
    names = {field.name for field in msgspec.structs.fields(RulesSettings)}
    assert set(get_args(RuleName)) == names == {*TABLE, "stopped"}
    assert names - set(rules_in_force(RulesSettings())) == {"silent", "leg_latency"}


@pytest.mark.parametrize("name", TABLE)
def test_each_rule_begins_and_ends_an_alert(name):
    """It is told once when it has held for `after_s`, and once when it was gone for `clear_s`; nothing else is told."""
    settings, begin, end, (about, severity, text) = TABLE[name]
    bench = Bench({name: settings})
    rule = bench.conditions[name].settings
    assert bench.look(5) == []
    begin(bench)
    if rule.after_s:
        assert bench.look(rule.after_s - 1) == []
    (begun,) = bench.look(2)
    assert (begun.state, begun.rule, begun.about, begun.severity, begun.text) == (
        "begun",
        name,
        about,
        severity,
        text,
    )
    end(bench)
    if rule.clear_s > 2:
        assert bench.look(rule.clear_s - 3) == []
    (over,) = bench.look(5)
    assert (over.state, over.id, over.rule, over.about) == ("resolved", begun.id, name, about)
    if name != "silent":  # where nothing comes, it begins anew
        assert bench.look(600) == []


@pytest.mark.parametrize("name", TABLE)
def test_a_rule_that_is_off_tells_nothing(name):
    """``false`` is off."""
    _, begin, _, _ = TABLE[name]
    bench = Bench({name: False})
    assert name not in bench.conditions
    if name not in {"disk", "silent"}:
        begin(bench)
    assert [alert for alert in bench.look(700) if alert.rule == name] == []


def test_a_limit_is_left_later_than_it_is_passed():
    """What hovers about its limit is one alert."""
    bench = Bench({"sink_full": {"above": 0.5, "after_s": 0, "clear_s": 0}})
    told = []
    for queued in (51, 49, 51, 46, 51, 47, 44):
        bench.status = but(sinks={"jsonl": sink(queued=queued)})
        told += [alert.state for alert in bench.look(1)]
    assert told == ["begun", "resolved"]


def test_latency_is_of_the_window_alone():
    """What was slow before the window began is past, however much of the run it was; a slow minute is seen at once."""
    bench = Bench({"latency": {"after_s": 0, "clear_s": 0, "window_s": 30}})
    slow, quick, told = 1_000, 0, []
    for second in range(120):
        quick += 100
        slow += 100 if 40 <= second < 50 else 0
        bench.status = but(
            latency_steps_us=[(1.0, quick), (2_000_000.0, slow)] if second else [(2_000_000.0, slow)]
        )
        told += [(second, alert.state) for alert in bench.look(1) if alert.rule == "latency"]
    begun, over = [(second, state) for second, state in told if second > 31]
    assert begun == (40, "begun")
    assert over[1] == "resolved"
    assert 78 <= over[0] <= 82


def test_free_room_is_left_later_as_well():
    """A disk is nearly full until there is a tenth more than what is too little."""
    bench = Bench({"disk": {"min_free_pct": 0, "min_free_bytes": 1000, "clear_s": 0}})
    told = []
    for free in (999, 1001, 1050, 1099, 1200):
        disk(free)(bench)
        told += [alert.state for alert in bench.look(1)]
    assert told == ["begun", "resolved"]


def test_an_outage_of_all_is_told_by_instrument():
    """Instruments come back one by one, each with its own end."""
    bench = Bench()
    bench.hear(OutageBegun(at_ns=START_NS, legs={"one": "lost"}))
    assert {alert.about for alert in bench.look(6)} == {"BTC/USDT", "ETH/USDT"}
    bench.hear(OutageEnded(at_ns=START_NS, provider="one", lasted_s=6.0, instruments=["ETH/USDT"]))
    assert [(alert.about, alert.state) for alert in bench.look(40)] == [("ETH/USDT", "resolved")]
    bench.hear(OutageEnded(at_ns=START_NS, provider="one", lasted_s=6.0))
    assert [(alert.about, alert.state) for alert in bench.look(40)] == [("BTC/USDT", "resolved")]


def test_an_outage_that_ends_before_it_is_looked_at_is_none():
    """All are out, then all but one are back: one is out."""
    bench = Bench({"outage": {"after_s": 0}})
    bench.hear(OutageBegun(at_ns=START_NS, legs={"one": "lost"}))
    bench.hear(OutageEnded(at_ns=START_NS, provider="one", lasted_s=6.0, instruments=["ETH/USDT"]))
    assert [alert.about for alert in bench.look()] == ["BTC/USDT"]


def test_an_instrument_that_is_taken_out_is_no_outage():
    """A reload ends the alert of what the feed has no more."""
    bench = Bench()
    bench.hear(OutageBegun(at_ns=START_NS, legs={"one": "lost"}))
    bench.look(6)
    bench.status = but(instruments=("ETH/USDT",))
    assert [(alert.about, alert.state) for alert in bench.look(40)] == [("BTC/USDT", "resolved")]


def test_a_leg_that_goes_down_and_up_is_told_by_how_long_it_was_down():
    """Trying to connect is no coming up; being up for a moment is."""
    bench = Bench({"leg_down": {"after_s": 10}})
    for _ in range(4):
        for state in ("down", "connecting", "live"):
            bench.status = but(legs={"one": leg(state)})
            assert bench.look(3) == []
    for state in ("down", "connecting", "down"):
        bench.status = but(legs={"one": leg(state)})
        told = bench.look(4)
    assert [alert.state for alert in told] == ["begun"]


def test_a_rule_of_validation_has_a_limit_of_its_own():
    """A share that is small in all may be large of one rule."""
    bench = Bench({"reject_rate": {"above": 0.5, "by_rule": {"rare": 0.01}}})
    bench.hear(routed(good=96, bad=2, violations=(Odd(), Rare())), routed(bad=2))
    (alert,) = bench.look()
    assert alert.about == "one rare"
    assert "2.0%" in alert.text
    assert "(2 of 100)" in alert.text


def test_few_ticks_tell_nothing():
    """One of three is no rate."""
    bench = Bench()
    bench.hear(routed(good=2, bad=1))
    assert bench.look(10) == []


def test_groups_of_instruments_that_switch_together_are_one_failover():
    """Each group has an event; what is not on the air is none at all."""
    bench = Bench({"failovers": {"above": 1}})
    bench.hear(switch(1), switch(1), switch(1))
    bench.hear(*(msgspec.structs.replace(switch(n), on_air=False) for n in range(5)))
    assert bench.look(5) == []
    bench.hear(switch(2))
    assert [alert.rule for alert in bench.look()] == ["failovers"]


def test_what_was_conflated_is_not_lost():
    """A newer state stands in its place."""
    bench = Bench()
    bench.hear(SinkDropped(at_ns=START_NS, sink="jsonl", dropped=7, policy="conflate"))
    assert bench.look(5) == []


def test_notices_below_the_threshold_are_no_alerts():
    """Nobody need act on them; one that grows worse is told again, as worse."""
    bench = Bench()
    bench.hear(notice("information"))
    assert bench.look(5) == []
    bench.hear(notice("warning"))
    (begun,) = bench.look(1)
    bench.hear(notice("critical"))
    (worse,) = bench.look(1)
    assert (worse.state, worse.severity, worse.id) == ("worse", "critical", begun.id)
    bench.hear(notice("warning"))
    assert bench.look(1) == []


def test_notices_are_told_apart_by_what_they_are_about():
    """One that is over ends its own alert."""
    bench = Bench()
    bench.hear(notice(about="7"), notice(about="8"))
    assert len(bench.look(1)) == 2
    bench.hear(notice(about="8", is_over=True))
    assert [alert.about for alert in bench.look(1)] == ["compliance incident_due 8"]


def test_a_notice_that_nobody_tells_of_again_is_forgotten():
    """Nothing stays open for ever."""
    bench = Bench({"notice": {"forget_s": 60}})
    bench.hear(notice())
    assert [alert.state for alert in bench.look(70)] == ["begun", "resolved"]


def test_a_clock_that_nobody_could_measure_is_told_so():
    """Unproven is as bad as wrong, and reads otherwise."""
    bench = Bench()
    bench.status = but(clock=UNPROVEN)
    (alert,) = bench.look()
    assert "could not be measured" in alert.text


def test_disks_are_looked_at(tmp_path):
    """A folder that is not there yet is on the disk of the one above it; nothing is made."""
    found = look_at_disks([tmp_path / "to" / "come"])
    (one,) = found.values()
    assert one.total > one.free > 0
    assert not (tmp_path / "to").exists()


def test_a_disk_that_cannot_be_looked_at_is_told(tmp_path):
    """Not to know is no being well."""
    bench = Bench()
    bench.conditions["disk"].take_hung([tmp_path], 30.0)
    (alert,) = bench.look()
    assert "cannot be looked at: no answer within 30 s" in alert.text


def stopped(cause):
    return FeedStopped(
        at_ns=START_NS, cause=cause, received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
    )


LOST = LegDown(
    at_ns=START_NS,
    provider="one",
    cause="credentials",
    detail="the venue refuses the key",
    permanent=True,
    failures=1,
    retry_in_s=None,
)


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([FeedStopping(at_ns=1, cause="requested"), stopped("requested")], None),
        ([FeedStopping(at_ns=1, cause="interrupted"), stopped("interrupted")], None),
        ([FeedStopping(at_ns=1, cause="interrupted")], None),
        ([FeedStopping(at_ns=1, cause="time is up"), stopped("time is up")], None),
        ([FeedStopping(at_ns=1, cause="50 ticks delivered"), stopped("50 ticks delivered")], None),
        ([FeedStopping(at_ns=1, cause="ended"), stopped("ended")], None),
        ([LOST, FeedStopping(at_ns=1, cause="ended"), stopped("ended")], "one: the venue refuses the key"),
        ([FeedStopping(at_ns=1, cause="no leg could be opened"), stopped("x")], "no leg could be opened"),
        ([], "torn down"),
        ([FeedStopping(at_ns=1, cause="requested")], "torn down"),
    ],
)
def test_a_feed_that_ends_by_itself_is_told(records, text):
    """What a person ordered, or a recording's end, is no alert; all else is."""
    bench = Bench()
    bench.hear(*records)
    finding = bench.conditions["stopped"].conclude()
    if text is None:
        assert finding is None
    else:
        assert text in finding.text
        assert finding.severity == "critical"


def test_time_of_a_window_passes():
    """What was rejected longer ago than the window counts no more."""
    bench = Bench({"reject_rate": {"window_s": 60, "clear_s": 0}})
    bench.hear(routed(good=50, bad=50))
    assert [alert.state for alert in bench.look(1)] == ["begun"]
    told = []
    for _ in range(12):
        bench.hear(routed(good=100))
        told += [alert.state for alert in bench.look(6)]
    assert told == ["resolved"]
    assert bench.clock.mono - 5_000 * NS == 73 * NS
