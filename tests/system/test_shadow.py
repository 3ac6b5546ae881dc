"""A candidate in the shadow of a speaker, from feed file to report: real processes, one venue, two ways to it."""

import json
import tomllib

import pytest

from system.program import run, venue

SKIPPED = 12
FAULTS = f"""\
[[fault]]
kind = "skip"
path = "/b"
stream = "@trade"
at_s = 4
count = {SKIPPED}
[[fault]]
kind = "lie"
path = "/b"
stream = "@bookTicker"
factor = 1.0001
at_s = 4
"""


@pytest.fixture(scope="module")
def shadowed(tmp_path_factory):
    """Run the feed; gives its file and its report."""
    folder = tmp_path_factory.mktemp("shadow")
    (folder / "faults.toml").write_text(FAULTS)
    path = folder / "feed.toml"
    with venue("--synthetic", "--start-at", "4", "--faults", folder / "faults.toml") as addresses:
        path.write_text(
            f"""\
[feed]
name = "shadow"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]
[providers.today]
plugin = "binance"
ws_url = "{addresses["ws_url"]}/a"
rest_url = "{addresses["rest_url"]}"
[providers.tomorrow]
plugin = "binance"
ws_url = "{addresses["ws_url"]}/b"
rest_url = "{addresses["rest_url"]}"
repair_trades = false
[route]
kind = "shadow"
speaker = "today"
candidate = "tomorrow"
window_s = 2
report_every_s = 1.5
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
"""
        )
        report = json.loads(run("run", path, "--for", "9s", "--json").stdout)
    return path, report


def test_nothing_of_the_candidate_is_delivered_and_all_of_it_is_recorded(shadowed):
    """The file has the speaker's trades without a hole; the log has the candidate's as suppressed."""
    path, report = shadowed
    rows = [json.loads(line) for line in (path.parent / "ticks.jsonl").read_text().splitlines()]
    assert {row["provider"] for row in rows} == {"today"}
    ids = [row["id"] for row in rows if row["type"] == "trade"]
    assert ids == list(range(ids[0], ids[-1] + 1))
    candidates = sum(report["received"]["tomorrow"].values())
    kept_back = sum(row["rejected"] for row in report["quality"] if row["provider"] == "tomorrow")
    assert report["suppressed"]["shadow"] == candidates - kept_back > 0
    assert json.loads(run("audit", "verify", path, "--json").stdout)["sound"]


def test_the_report_says_what_was_missed(shadowed):
    """Exactly the trades that were left out on the way, none more, and by how much the prices were wrong."""
    path, report = shadowed
    found = json.loads(run("report", "shadow", path, "--json").stdout)
    (pair,) = found["pairs"]
    assert (pair["speaker"]["child"], pair["candidate"]["child"]) == ("today", "tomorrow")
    totals = {line["counts"]["channel"]: line for line in pair["totals"]}
    counts = totals["trades"]["counts"]
    assert counts["matched_by"] == "ids"
    assert (counts["missing"], counts["extra"]) == (SKIPPED, 0)
    speaker, candidate = counts["speaker"], counts["candidate"]
    assert speaker["ticks"] == report["received"]["today"]["trades"]
    assert speaker["ticks"] == counts["matched"] + counts["missing"] + speaker["uncompared"]
    assert candidate["ticks"] == counts["matched"] + counts["extra"] + candidate["uncompared"]
    assert totals["quotes"]["figures"]["price_max_abs_bp"] >= 0.99
    assert counts["first"]["speaker"] + counts["first"]["candidate"] + counts["first"]["together"] > 0
    text = run("report", "shadow", path, "--from", "2020-01-01").stdout
    assert text.startswith("tomorrow in the shadow of today: ")
    assert f"{SKIPPED} trades missing, 0 extra" in text
    assert "\n  BTC/USDT    trades " in text


def test_check_and_schema_know_the_node(shadowed):
    """The plan says who never speaks; an editor's schema has the keys."""
    path, _ = shadowed
    assert "tomorrow (never speaks): provider binance" in run("check", path).stdout
    schema = json.loads(run("schema").stdout)
    (kind,) = [
        one
        for one in schema["properties"]["route"]["anyOf"]
        if one.get("properties", {}).get("kind", {}).get("const") == "shadow"
    ]
    assert set(tomllib.loads(path.read_text())["route"]) <= set(kind["properties"])
