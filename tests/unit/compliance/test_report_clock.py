"""`ticktrail report clock`: the evidence in a log, for people and programs."""

import json

import anyio
import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockSource,
    ClockStepped,
    ClockUnavailable,
    FeedStarted,
    FeedStopped,
    PeerOffsetDisagrees,
    PluginLoaded,
    PluginQuarantined,
)
from ticktrail_compliance.records import StoredRecord, decode_records
from ticktrail_compliance.reports.clock import Seen, clock_report
from unit.compliance.logs import NOW_NS, routed, write

S = 1_000_000_000
MS = 1_000_000
LIMIT_NS = 50 * MS


def at(seconds):
    return NOW_NS + round(seconds * S)


def started(seconds):
    return FeedStarted(
        at_ns=at(seconds), feed="x", profile="development", ticktrail="0", settings_sha256="", plan=""
    )


def stopped(seconds):
    return FeedStopped(
        at_ns=at(seconds), cause="ended", received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
    )


def measured(seconds, offset_ms, *, false_ticker=None):
    sources = [ClockSource(server="a", verdict="used", offset_ns=round(offset_ms * MS), bound_ns=MS)]
    if false_ticker:
        sources.append(ClockSource(server=false_ticker, verdict="false_ticker", offset_ns=5 * S, bound_ns=MS))
    return ClockMeasured(
        at_ns=at(seconds),
        server="a",
        offset_ns=round(offset_ms * MS),
        bound_ns=MS,
        in_tolerance=abs(offset_ms) + 1 <= 50,
        sources=sources,
        limit_ns=LIMIT_NS,
    )


def unavailable(seconds):
    return ClockUnavailable(at_ns=at(seconds), cause="nobody answered")


def begun(seconds, cause="offset", offset_ms=80):
    return ClockBreachBegun(
        at_ns=at(seconds), cause=cause, offset_ns=offset_ms * MS, bound_ns=MS, limit_ns=LIMIT_NS
    )


def ended(seconds, *, since, cause="offset"):
    return ClockBreachEnded(
        at_ns=at(seconds),
        cause=cause,
        begun_ns=at(since),
        lasted_s=float(seconds - since),
        offset_ns=0,
        bound_ns=MS,
        limit_ns=LIMIT_NS,
    )


RUN = [
    started(0),
    measured(1, 3, false_ticker="b"),
    measured(65, 80, false_ticker="b"),
    ClockStepped(at_ns=at(65), from_offset_ns=3 * MS, to_offset_ns=80 * MS, allowed_ns=3 * MS),
    begun(65),
    unavailable(129),
    measured(193, 2),
    ended(193, since=65),
    stopped(200),
]


def test_a_run_with_a_breach():
    """Checks in order, the share of all of them, the time to correct, the longest time without a valid one."""
    found = clock_report(RUN)
    assert [check.source for check in found.checks] == ["a", "a", None, "a"]
    assert [check.in_tolerance for check in found.checks] == [True, False, False, True]
    assert (found.measured, found.in_tolerance, found.share_in_tolerance) == (3, 2, 0.5)
    assert found.longest_unchecked_s == 128
    (breach,) = found.breaches
    assert (breach.begun_ns, breach.ended_ns, breach.lasted_s) == (at(65), at(193), 128.0)
    assert (breach.cause, breach.offset_ns, breach.ended_by) == ("offset", 80 * MS, "corrected")
    assert found.false_tickers == {"b": 2}
    assert len(found.steps) == 1


def test_the_time_between_runs_is_no_time_without_a_check():
    """A feed that does not run needs no clock; within each run its beginning and end count."""
    assert clock_report([*RUN, started(1000), measured(1001, 0), stopped(1300)]).longest_unchecked_s == 299
    assert clock_report([started(0), stopped(77)]).longest_unchecked_s == 77


def test_a_period_within_a_breach_shows_it():
    """What began before and ended after is known from the records before."""
    run = [started(0), measured(1, 80), begun(1), *(measured(second, 80) for second in range(60, 5000, 60))]
    found = clock_report(run, from_ns=at(1000), to_ns=at(2000))
    (breach,) = found.breaches
    assert (breach.begun_ns, breach.ended_by) == (at(1), "log_ends")
    assert {check.at_ns >= at(1000) for check in found.checks} == {True}


def test_the_time_without_a_check_is_that_of_the_period():
    """Cut at its beginning; ticks say how far a run went that nothing else tells of."""
    run = [started(0), measured(0, 0), measured(3000, 0), Seen(at(5400))]
    assert clock_report(run, from_ns=at(500)).longest_unchecked_s == 2500
    assert clock_report(run, from_ns=at(3500)).longest_unchecked_s == 1900
    assert clock_report([started(0), Seen(at(12))]).longest_unchecked_s == 12


def test_the_next_runs_plugins_do_not_lengthen_a_run_that_was_killed():
    """They are told of before the next run has started, hours later."""
    plugins = [
        PluginLoaded(at_ns=at(5000), name="x", distribution="x", version="1", sha256=""),
        PluginQuarantined(at_ns=at(5000), name="y", distribution="y", reason="no"),
    ]
    killed, next_run = [started(0), measured(1, 0), unavailable(65)], [started(5000), measured(5001, 0)]
    found = clock_report([*killed, *plugins, *next_run])
    assert found.longest_unchecked_s == 64


def test_a_run_that_was_killed_ends_with_its_last_record():
    """No event said so: the time without a check and the breach end where the records do."""
    found = clock_report(
        [started(0), measured(1, 80), begun(1), unavailable(65), started(5000), measured(5001, 0)]
    )
    assert found.longest_unchecked_s == 64
    (breach,) = found.breaches
    assert (breach.ended_ns, breach.lasted_s, breach.ended_by) == (None, None, "log_ends")


def test_a_breach_that_the_feed_stopped_in():
    """As with halt: it was not corrected, and the report does not say that it was."""
    (breach,) = clock_report([started(0), measured(1, 80), begun(1), stopped(2)]).breaches
    assert (breach.ended_ns, breach.ended_by) == (None, "feed_stopped")


def test_a_breach_that_began_before_the_period():
    """Its end tells when it began."""
    (breach,) = clock_report([ended(193, since=65, cause="unmeasured")]).breaches
    assert (breach.begun_ns, breach.lasted_s, breach.cause) == (at(65), 128.0, "unmeasured")


def test_nothing_recorded():
    """No share is claimed of nothing."""
    found = clock_report([])
    assert (found.share_in_tolerance, found.longest_unchecked_s, found.checks) == (None, None, [])


def test_events_of_earlier_versions_are_read():
    """A log from before the sources were recorded decodes, and makes a report."""
    old = [
        {
            "event": "clock_measured",
            "at_ns": NOW_NS,
            "server": "a",
            "offset_ns": 5,
            "bound_ns": 1,
            "in_tolerance": True,
        },
        {"event": "clock_unavailable", "at_ns": NOW_NS + S, "cause": "nobody"},
    ]
    records: list[StoredRecord] = list(decode_records(msgspec.msgpack.encode(old)))
    found = clock_report(records)
    assert (len(found.checks), found.checks[0].limit_ns, found.share_in_tolerance) == (2, None, 0.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    disagrees = PeerOffsetDisagrees(
        at_ns=at(100), provider="leg", least_delay_ns=-S, offset_ns=None, excess_ns=-S, detail="too early"
    )
    anyio.run(write, folder, [*RUN[:2], routed(1), *RUN[2:6], disagrees, *RUN[6:]])
    (folder / "feed.toml").write_text('[compliance]\nkey = { file = "audit.key" }\n')
    return folder


def run(*arguments):
    return CliRunner().invoke(program, ["report", "clock", *map(str, arguments)])


def test_for_people(folder):
    """Every check and breach has its line, with times in UTC."""
    done = run(folder / "feed.toml")
    assert done.exit_code == 0, done.output
    text = done.stdout
    assert "4 checks, 3 measured, 2 in tolerance (50.000%)" in text
    assert "longest time without a valid check: 128.000 s" in text
    assert "false ticker: b, in 2 checks" in text
    assert "corrected after 128.000 s" in text
    assert "a  +80.000 ms ± 1.000 ms (limit 50.000 ms)  OUT OF TOLERANCE" in text
    assert "not measured: nobody answered" in text
    assert "leg: too early" in text


def test_for_programs(folder):
    """One object, the same by URL and key."""
    by_url = ("--database", f"sqlite:///{folder / 'audit.db'}", "--key", f"file:{folder / 'audit.key'}")
    told = json.loads(run(*by_url, "--json").stdout)
    assert told == json.loads(run(folder / "feed.toml", "--json").stdout)
    assert told["share_in_tolerance"] == 0.5
    assert told["breaches"][0]["lasted_s"] == 128
    assert told["checks"][0]["sources"][1] == {
        "server": "b",
        "verdict": "false_ticker",
        "offset_ns": 5 * S,
        "bound_ns": MS,
        "detail": "",
    }


def test_a_period(folder):
    """Both ends within."""
    told = json.loads(run(folder / "feed.toml", "--from", at(65), "--to", at(129), "--json").stdout)
    assert [check["at_ns"] for check in told["checks"]] == [at(65), at(129)]
    assert (told["from_ns"], told["to_ns"]) == (at(65), at(129))
    assert told["breaches"][0]["ended_by"] == "log_ends"


def test_wrong_use(folder):
    """Status 2: no log is named, or a time is none."""
    assert run().exit_code == 2
    assert run(folder / "feed.toml", "--from", "yesterday").exit_code == 2
