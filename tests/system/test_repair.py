"""The hole of a switch to a cold standby, filled by REST: a real venue, the program, and the audit log.

Both legs ask at the same address: each path of the loopback venue remembers only what it has sent itself.
"""

import json

import pytest

from system.program import run, venue

FEED = """\
[feed]
name = "repaired"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.main]
plugin = "binance"
ws_url = "{ws}/main"
rest_url = "{rest}/main"

[providers.spare]
plugin = "binance"
ws_url = "{ws}/spare"
rest_url = "{rest}/main"

[route]
kind = "hybrid"
primary = "main"
fallback = "spare"
standby = "cold"

[repair]
within_s = 30

[validation]
max_age_s = false
max_clock_offset_ms = false

[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
"""
CUT = """\
[[fault]]
kind = "late_handshake"
path = "/main"
at_message = 1000
for_s = 20

[[fault]]
kind = "cut"
path = "/main"
at_message = 1000
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The feed file, the report, and what the sink's file holds."""
    folder = tmp_path_factory.mktemp("repaired")
    script = folder / "cut.toml"
    script.write_text(CUT)
    feed = folder / "feed.toml"
    with venue("--synthetic", "--rate", "2000", "--faults", script) as addresses:
        feed.write_text(FEED.format(ws=addresses["ws_url"], rest=addresses["rest_url"]), encoding="utf-8")
        report = json.loads(run("run", feed, "--max-ticks", "2000", "--json").stdout)
    rows = [json.loads(line) for line in (folder / "ticks.jsonl").read_text().splitlines()]
    return feed, report, rows


def test_each_trade_comes_once_and_what_the_switch_missed_is_marked(played):
    """From the first id to the last one, in order and without a gap; the second leg fetched what lies between."""
    _, _, rows = played
    trades = [row for row in rows if row["type"] == "trade"]
    ids = [row["id"] for row in trades]
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert not [row for row in rows if row["type"] == "gap"]
    fetched = [row for row in trades if row.get("backfilled")]
    assert fetched
    assert {row["provider"] for row in fetched} == {"spare"}
    live = {
        leg: [row["id"] for row in trades if row["provider"] == leg and not row.get("backfilled")]
        for leg in ("main", "spare")
    }
    assert [row["id"] for row in fetched] == list(range(live["main"][-1] + 1, live["spare"][0]))


def test_the_report_and_the_log_tell_of_it(played):
    """How many were fetched, for which hole; the log is whole."""
    feed, report, rows = played
    fetched = sum(bool(row.get("backfilled")) for row in rows)
    assert report["repairs"] == {"repaired": 1, "left": 0, "ticks": fetched}
    received = sum(sum(kinds.values()) for kinds in report["received"].values())
    brought = report["delivered"]["trades"]
    assert received == brought + report["rejected_ticks"] + sum(report["suppressed"].values())
    run("audit", "verify", feed)
    shown = run("audit", "show", feed).stdout
    assert "hole_repaired" in shown


def test_the_program_shows_the_table(played):
    """In the graph that `check` prints, and in the schema for editors."""
    feed, _, _ = played
    assert "within_s = 30" in run("check", feed).stdout
    assert '"repair"' in run("schema").stdout
