"""`ticktrail report slo`: what a feed was meant to reach and what it reached, out of its log alone."""

import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import anyio
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import (
    ClockBreachBegun,
    ClockMeasured,
    ClockUnavailable,
    FeedStarted,
    FeedStopped,
    LatencyMeasured,
    OutageBegun,
    OutageEnded,
    QualityMeasured,
)
from ticktrail.model import Flagged
from ticktrail.plugin import Routed
from ticktrail.quality import InstrumentQuality
from ticktrail.testing import make_trade
from ticktrail_compliance.acts import ChecksRun, ControlResult, actor_here
from ticktrail_compliance.objectives.plots import _thinned
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from unit.compliance.logs import TooBig, change, opened, write

S = 10**9
BEGUN_NS = 1_790_000_000 * S
DAY_NS = 86_400 * S
NAMES = ["synthetic", "latency_p50", "latency_p99", "uptime", "invalid", "clock", "checks"]


def a_day(*, out_s=0, flagged=0, late=0, off_ms=1, synthetic=False):
    """A day of a feed with 1,000 ticks: everything within its aims, but for what is asked."""
    at = BEGUN_NS
    named = ("BTC/USDT", "<b>bold</b>")
    own = {"synthetic": True} if synthetic else {}
    trades = [make_trade("1.5", id=n, provider="leg", recv_ns=at + 2 * S, **own) for n in range(1_000)]
    row = InstrumentQuality(
        provider="leg", instrument="BTC/USDT", seen=1_000, rejected=0, flagged=flagged, rules=()
    )
    outage = [
        OutageBegun(at_ns=at + 10 * S, legs={"leg": "cut"}, instruments=named),
        OutageEnded(at_ns=at + (10 + out_s) * S, provider="leg", lasted_s=out_s, instruments=named),
    ]
    return [
        FeedStarted(at_ns=at, feed="day", profile="production", ticktrail="1", settings_sha256="", plan=""),
        ClockMeasured(
            at_ns=at + S, server="a", offset_ns=off_ms * 10**6, bound_ns=10**5, in_tolerance=off_ms < 50
        ),
        Routed(
            provider="leg",
            recv_ns=at + 2 * S,
            delivered=trades,
            flagged=[Flagged(tick=one, violations=(TooBig(size=1),)) for one in trades[:flagged]],
        ),
        *(outage if out_s else ()),
        QualityMeasured(at_ns=at + DAY_NS - 2 * S, from_ns=at, rows=[row]),
        LatencyMeasured(
            at_ns=at + DAY_NS - 2 * S,
            from_ns=at,
            ticks=1_000,
            p50_us=1_000.0,
            p99_us=1_000.0,
            buckets=[(1_000.0, 1_000 - late), *([(250_000.0, late)] if late else [])],
        ),
        FeedStopped(
            at_ns=at + DAY_NS,
            cause="",
            received={},
            delivered={"trades": 1_000},
            rejected={},
            suppressed={},
            undecodable=0,
        ),
    ]


def checked(folder, failed):
    """Add a run of the checks to the log."""
    results = [ControlResult(control="keys.file", found="failed", detail="open", evidence=1)] * failed
    act = ChecksRun(at_ns=BEGUN_NS + 5 * S, actor=actor_here(), failed=failed, results=results)
    with opened(folder, write=True) as log:
        Appender(log, lambda: act.at_ns).append([gathered_act("access", act).draft()])


def told(folder, *arguments):
    """The report as a person's program gets it, and the exit status."""
    named = ["--database", f"sqlite:///{folder / 'audit.db'}", "--key", f"file:{folder / 'audit.key'}"]
    return CliRunner().invoke(program, ["report", "slo", *named, *map(str, arguments)])


def outcomes(done):
    found = json.loads(done.stdout)
    return {one["id"]: (one["value"], one["outcome"]) for one in found["objectives"]}


@pytest.fixture
def a_log(tmp_path):
    def make(*, failed=0, **asked):
        anyio.run(lambda: write(tmp_path, a_day(**asked), segment_ticks=2_000))
        if failed is not None:
            checked(tmp_path, failed)
        return tmp_path

    return make


def test_a_day_within_its_aims(a_log):
    """Each objective has its figure, the entries that prove it, and how it was measured; the status is 0."""
    done = told(a_log(out_s=80, flagged=0, late=5), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["met"]
    assert [one["id"] for one in found["objectives"]] == NAMES
    assert outcomes(done) == {
        "synthetic": (0, "met"),
        "latency_p50": (1.0, "met"),
        "latency_p99": (1.0, "met"),
        "uptime": (pytest.approx(100 * (1 - 80 / 86_400)), "met"),
        "invalid": (0.0, "met"),
        "clock": (1.1, "met"),
        "checks": (0, "met"),
    }
    assert all(one["entries"]["total"] for one in found["objectives"])
    assert all(one["how"] for one in found["objectives"])
    assert found["from_ns"] <= BEGUN_NS


@pytest.mark.parametrize(
    ("asked", "missed", "value"),
    [
        ({"synthetic": True}, "synthetic", 1_000),
        ({"late": 11}, "latency_p99", 250.0),
        ({"late": 501}, "latency_p50", 250.0),
        ({"out_s": 90}, "uptime", pytest.approx(100 * (1 - 90 / 86_400))),
        ({"flagged": 1}, "invalid", pytest.approx(0.1)),
        ({"off_ms": 50}, "clock", 50.1),
        ({"failed": 2}, "checks", 2),
    ],
)
def test_each_objective_can_be_missed(a_log, asked, missed, value):
    """The figure stands there, the outcome is ``missed``, and the exit status is 1."""
    done = told(a_log(**asked), "--json")
    assert done.exit_code == 1, done.output
    assert outcomes(done)[missed] == (value, "missed")
    assert not json.loads(done.stdout)["met"]


def test_what_is_not_recorded_is_neither_met_nor_missed(tmp_path):
    """A log of a feed that never delivered says so, and does not pass for one that was measured."""
    anyio.run(lambda: write(tmp_path, a_day()[:1]))
    done = told(tmp_path)
    assert done.exit_code == 0
    assert "not recorded" in done.stdout
    assert re.search(r"of \d the log records nothing", done.stdout)


@pytest.mark.parametrize("journal", ["none", "rejected"])
def test_what_a_run_did_not_journal_is_not_known(tmp_path, journal):
    """Made-up ticks that nobody kept are no proof of none: killed before it counts, and beside a run that keeps all."""
    day = a_day(synthetic=True)[:-1]
    anyio.run(lambda: write(tmp_path, day, journal=journal))
    found = outcomes(told(tmp_path, "--json"))
    assert found["synthetic"] == (None, "not_recorded")
    assert found["invalid"] == (None, "not_recorded")
    anyio.run(lambda: write(tmp_path, a_day(), segment_ticks=2_000))
    done = told(tmp_path, "--json")
    found = outcomes(done)
    assert found["synthetic"] == (None, "not_recorded")
    assert found["invalid"] == (None, "not_recorded")
    assert "a run did not journal every tick" in done.stdout


def test_a_period_that_ends_amid_an_outage_is_not_without_it(a_log):
    """Nothing is told while all is out: what comes later shows that the feed ran on."""
    folder = a_log(out_s=80_000)
    amid = datetime.fromtimestamp(BEGUN_NS // S + 10_010, tz=UTC).isoformat()
    done = told(folder, "--json", "--to", amid)
    assert outcomes(done)["uptime"] == (pytest.approx(100 * 10 / 10_010, rel=0.01), "missed")
    assert done.exit_code == 1


def test_a_clock_that_went_unmeasured_throughout_is_missed(tmp_path):
    """No figure is no excuse where the feed told that it was without one for too long."""
    day = a_day()
    day[1:2] = [
        ClockUnavailable(at_ns=BEGUN_NS + S, cause="no answer"),
        ClockBreachBegun(
            at_ns=BEGUN_NS + 60 * S, cause="unmeasured", offset_ns=None, bound_ns=None, limit_ns=50 * 10**6
        ),
    ]
    anyio.run(lambda: write(tmp_path, day, segment_ticks=2_000))
    done = told(tmp_path, "--json")
    assert outcomes(done)["clock"] == (None, "missed")
    assert done.exit_code == 1


def test_what_is_left_of_a_period_meets_nothing(a_log):
    """An outage of which the entries were destroyed was an outage: where events are gone, no figure is of the whole."""
    folder = a_log()
    anyio.run(lambda: write(folder, a_day(out_s=80_000), segment_ticks=2_000))
    assert outcomes(told(folder, "--json"))["uptime"][1] == "missed"
    own = schema.keys.c.entry_class == "control", schema.keys.c.writer == 3
    change(folder, schema.keys, {"wrapped": None}, *own)
    done = told(folder, "--json")
    found = outcomes(done)
    for name in ("uptime", "latency_p99", "clock"):
        assert found[name] == (None, "not_recorded"), name
    assert "their contents were destroyed" in done.stdout


def test_controls_that_nobody_could_look_at_are_told(a_log):
    """None failed, and none passed either."""
    folder = a_log()
    results = [ControlResult(control="keys.file", found="unknown", detail="?", evidence=1)] * 3
    act = ChecksRun(at_ns=BEGUN_NS + 6 * S, actor=actor_here(), failed=0, results=results)
    with opened(folder, write=True) as log:
        Appender(log, lambda: act.at_ns).append([gathered_act("access", act).draft()])
    assert "3 of 3 could not be looked at" in told(folder).stdout


def test_a_period_of_which_nothing_is_told_is_refused(a_log):
    """Nothing is not 100 %."""
    done = told(a_log(), "--from", "2031-01-01")
    assert done.exit_code == 2
    assert "no entry tells of the period" in done.output


def test_the_page_holds_every_objective_and_plot(a_log, tmp_path):
    """No script, nothing fetched, no text of the log as markup; each plot is well-formed and has words beside it."""
    page = tmp_path / "slo.html"
    assert told(a_log(out_s=60), "--html", page).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<b>bold</b>" not in text
    assert not re.search(r"(?:src|href)=", text)
    assert not list(tmp_path.glob("*.new"))
    pictures = [ET.fromstring(one) for one in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    assert [one.get("aria-label") for one in pictures] == [
        "How long ticks took, from the socket to the end of a sink's write",
        "Latency over time",
        "What the rules objected to, per cent of ticks",
        "Clock, distance from UTC at most",
        "Outages",
    ]
    assert "&lt;b&gt;bold" in text
    for one in ("Synthetic ticks delivered", "Delivery uptime", "7 of 7 objectives met"):
        assert one in text


def test_a_page_that_cannot_be_written_says_why(a_log, tmp_path):
    """A folder that is not there is the person's to mend."""
    done = told(a_log(), "--html", tmp_path / "nowhere" / "slo.html")
    assert done.exit_code != 0
    assert "name a file in a folder that is there" in done.output


def test_a_plot_keeps_its_highest_points():
    """Of many measurements that share a place the worst is drawn."""
    points = [(float(n), 1.0) for n in range(10_000)]
    points[5_000] = (5_000.0, 99.0)
    thinned = _thinned(points, (0.0, 10_000.0))
    assert len(thinned) <= 601
    assert (5_000.0, 99.0) in thinned
