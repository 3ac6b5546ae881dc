"""`ticktrail report quality`: what the rules found, out of a log, for people and programs."""

import json

import anyio
import pytest
from click.testing import CliRunner

from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.cli.program import program
from ticktrail.events import QualityMeasured, RuleFailing
from ticktrail.quality import Example, InstrumentQuality, RuleQuality
from ticktrail.testing import make_trade
from ticktrail_compliance.reports.quality import quality_report
from ticktrail_compliance.reports.quality_text import quality_lines
from ticktrail_compliance.words import moment
from unit.compliance.logs import NOW_NS, write
from unit.engine import stage

HEAD = """\
[feed]
name = "judged"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades"]
[clock]
servers = []
[validation]
max_age_s = false
max_backwards_ms = false
jump_confirm_s = 0
quality_every_s = 0.02
[validation.rules.price_range]
action = "quarantine"
severity = "critical"
[providers.a]
plugin = "scripted"
script = "a"
[compliance]
key = { file = "audit.key" }
"""


async def prices(session):
    """Good ones, one beyond all price in one instrument, and a market that moves in the other."""
    session.up()
    for number in range(1, 31):
        bitcoin = "5000000" if number == 15 else "100"
        ether = "10" if number < 20 else "20"
        await session.ticks(
            make_trade(bitcoin, id=number, provider=session.name),
            make_trade(ether, id=number, provider=session.name, instrument="ETH/USDT"),
        )
        await anyio.sleep(0.005)


@pytest.fixture
def log(tmp_path):
    """Run a feed over two instruments; gives the path of its file."""
    path = tmp_path / "feed.toml"
    path.write_text(HEAD, encoding="utf-8")
    stage.STAGE.scripts["a"] = prices
    plan = compose(path, Host.load(plugins={"stage": stage}))
    anyio.run(stage.run, plan, backend="trio")
    return path


def run_program(*arguments):
    done = CliRunner().invoke(program, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def told(*arguments):
    return run_program("report", "quality", *arguments)


def test_machines_get_all_of_it(log):
    """Counts of all periods added up, with what tripped each rule; events beside them."""
    found = json.loads(told(log, "--json"))
    rows = {row["instrument"]: row for row in found["rows"]}
    bitcoin, ether = rows["BTC/USDT"], rows["ETH/USDT"]
    assert (found["seen"], bitcoin["seen"], ether["seen"]) == (60, 30, 30)
    assert bitcoin["rejected"] == 16  # the one, and what came while the instrument was kept apart
    rules = {rule["rule"]: rule for rule in bitcoin["rules"]}
    assert (rules["price_range"]["rejected"], rules["price_range"]["severity"]) == (1, "critical")
    assert rules["price_range"]["first"]["tick"]["id"] == 15
    assert rules["price_range"]["first"]["violation"]["price"] == "5000000"
    assert (rules["quarantined"]["rejected"], rules["quarantined"]["last"]["tick"]["id"]) == (15, 30)
    (jump,) = ether["rules"]
    assert (jump["rule"], jump["rejected"]) == ("price_jump", 4)
    assert [one["rule"] for one in found["critical"]] == ["price_range"]
    assert [(one["from_price"], one["to_price"], one["refused"]) for one in found["levels"]] == [
        ("10", "20", 4)
    ]
    assert [one["instrument"] for one in found["quarantines"]] == ["BTC/USDT"]
    assert found["failures"] == []


def test_people_get_lines(log):
    """Each rule with its share, and its first and last example."""
    lines = told(log).splitlines()
    assert lines[1] == "60 ticks seen, 20 (33.333%) rejected, 0 flagged"
    assert "  price_range (critical): 1 (3.333%) rejected" in lines
    assert any("a trade 15: field price, price 5000000" in line for line in lines)
    assert any("price_level_confirmed: provider a, instrument ETH/USDT" in line for line in lines)


def test_a_rule_of_the_route_tells_the_legs():
    """How many of each, added up over the periods; of one leg too, since the row itself names none."""
    example = Example(recv_ns=1, tick={"provider": "a", "type": "trade"}, violation={"rule": "cross_venue"})

    def measured(**by_provider):
        count = sum(by_provider.values())
        rule = RuleQuality(
            rule="cross_venue",
            severity="warning",
            rejected=0,
            flagged=count,
            first=example,
            last=example,
            by_provider=by_provider,
        )
        row = InstrumentQuality(
            provider=None, instrument="BTC/USDT", seen=10, rejected=0, flagged=count, rules=[rule]
        )
        return QualityMeasured(at_ns=2, from_ns=1, rows=[row])

    found = quality_report([measured(a=2, b=1), measured(b=1)])
    assert found.rows[0].rules[0].by_provider == {"a": 2, "b": 2}
    assert "  cross_venue (warning): 4 (20.000%) flagged (2 of a, 2 of b)" in list(quality_lines(found))
    assert "  cross_venue (warning): 2 (20.000%) flagged (2 of a)" in list(
        quality_lines(quality_report([measured(a=2)]))
    )


def test_what_a_plugin_says_forges_no_line(tmp_path):
    """Line breaks in an error stand written out, in the report and in `audit show`."""
    path = tmp_path / "feed.toml"
    path.write_text(HEAD, encoding="utf-8")
    counts = QualityMeasured(at_ns=NOW_NS, from_ns=NOW_NS, rows=[])
    failing = RuleFailing(
        at_ns=NOW_NS,
        provider="a",
        rule="picky",
        error="ValueError: \x1b[2Kno\ncritical findings:\n  all well",
    )
    anyio.run(write, tmp_path, [counts, failing])
    for lines in (told(path).splitlines(), run_program("audit", "show", path).splitlines()):
        (line,) = (line for line in lines if "picky" in line)
        assert r"\x1b[2Kno\ncritical findings:\n  all well" in line
        assert all(line.isprintable() for line in lines)


def test_an_instrument_that_is_clean_has_its_row():
    """A reader sees that it was judged, and that nothing was found."""
    row = InstrumentQuality(provider="a", instrument="BTC/USDT", seen=10, rejected=0, flagged=0, rules=[])
    lines = list(quality_lines(quality_report([QualityMeasured(at_ns=2, from_ns=1, rows=[row])])))
    assert "a BTC/USDT: 10 seen, clean" in lines


def test_a_period_in_which_nobody_ran_says_so(log):
    """It is empty, and no error; what the log covers stands beside it, for programs too."""
    line = told(log, "--to", "2020-01-01").strip()
    assert line.startswith("no run wrote anything in this period; the log covers ")
    found = json.loads(told(log, "--to", "2020-01-01", "--json"))
    assert found["ran"] is False
    assert found["log_from_ns"] < found["log_to_ns"]
    assert all(moment(found[end]) in line for end in ("log_from_ns", "log_to_ns"))


def test_a_run_without_counts_says_why(tmp_path):
    """One that was killed wrote something, and no counts."""
    path = tmp_path / "feed.toml"
    path.write_text(HEAD, encoding="utf-8")
    failing = RuleFailing(at_ns=NOW_NS, provider="a", rule="picky", error="ValueError")
    anyio.run(write, tmp_path, [failing])
    assert told(path).startswith("the log has no counts in this period, though a feed ran in it: ")


@pytest.mark.parametrize(
    ("command", "options"),
    [
        (("report", "quality"), ("--from", "--to")),
        (("report", "clock"), ("--from", "--to")),
        (("report", "shadow"), ("--from", "--to")),
        (("audit", "show"), ("--since", "--until")),
    ],
)
def test_a_period_that_ends_before_it_begins_is_refused(log, command, options):
    """With both options and the remedy, by every command that takes a period."""
    first, last = options
    done = CliRunner().invoke(program, [*command, str(log), first, "2026-02-01", last, "2026-01-01"])
    assert done.exit_code == 2
    assert f"{first} lies after {last}: give the times the other way round" in done.output
