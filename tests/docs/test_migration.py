"""The steps of the migration page run, one after the other, in one folder and into one audit log."""

import json
import re
import shlex
import time
from itertools import pairwise
from pathlib import Path

import pytest

from system.program import run, running, venue
from ticktrail._host import Host

PAGE = (Path(__file__).parents[2] / "docs/how-to/migrate-a-venue.md").read_text(encoding="utf-8")
FEEDS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]
INSTRUMENTS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
SPOKEN_BY = {
    "old": {"old": 3},
    "shadow": {"old": 3, "new": 0},
    "canary": {"old": 2, "new": 1},
    "hybrid": {"new": 3, "old": 0},
    "new": {"new": 3},
}
LIMIT_S = 60
KINDS = {*SPOKEN_BY} & {"old", "new", *Host.load().routes()}
"""Steps whose kind of route this installation has."""


def step_of(text):
    kind = re.search(r'^kind = "(\w+)"$', text, re.MULTILINE)
    return kind[1] if kind else ("old" if "[providers.old]" in text else "new")


def speakers(feed):
    """Return for how many instruments each leg speaks."""
    status = json.loads(run("ctl", "status", feed, "--json").stdout)
    return status["route"][0]["speakers"] if status["route"] else dict.fromkeys(status["legs"], 3)


def until_spoken(feed, wanted):
    deadline = time.monotonic() + LIMIT_S
    while not (feed.parent / "feed.sock").is_socket() or (found := speakers(feed)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """Take every step as the page says; gives the feed file, the reports by step, and what was promoted to what."""
    folder = tmp_path_factory.mktemp("migration")
    feed = folder / "feed.toml"
    reports, shares = {}, []
    listed = [part for name in INSTRUMENTS for part in ("--instrument", name)]
    with venue("--synthetic", *listed) as addresses:
        there = addresses["ws_url"].removeprefix("ws://")
        for step, text in ((step_of(text), text) for text in FEEDS):
            if step not in KINDS:
                continue
            feed.write_text(text.replace("127.0.0.1:9443", there), encoding="utf-8")
            with running("run", feed, "--json") as process:
                until_spoken(feed, SPOKEN_BY[step])
                if step == "canary":
                    for wanted in ({"old": 1, "new": 2}, {"old": 0, "new": 3}):
                        run("ctl", "promote", feed, "--reason", "no finding")
                        until_spoken(feed, wanted)
                        shares.append(wanted["new"])
                    run("ctl", "roll-back", feed, "--reason", "sizes in lots")
                    until_spoken(feed, {"old": 3, "new": 0})
                if step == "hybrid":
                    run("ctl", "pin", feed, "old")
                    until_spoken(feed, {"new": 0, "old": 3})
                    run("ctl", "unpin", feed)
                    run("ctl", "switch", feed, "new")
                    until_spoken(feed, {"new": 3, "old": 0})
                    run("ctl", "rest", feed, "old")
                run("ctl", "stop", feed)
                assert process.wait(LIMIT_S) == 0, process.stderr.read()
                reports[step] = json.loads(process.stdout.read())
    return feed, reports, shares


def test_every_step_of_the_page_runs(migrated):
    """In the order of the page, each with ticks."""
    _, reports, shares = migrated
    assert [step_of(text) for text in FEEDS] == list(SPOKEN_BY)
    assert list(reports) == [step for step in SPOKEN_BY if step in KINDS]
    assert all(report["delivered"]["trades"] and not report["undecodable"] for report in reports.values())
    assert shares == [2, 3]


def test_no_trade_is_lost_or_repeated_within_a_step(migrated):
    """Whatever was promoted, rolled back, pinned and put to rest: holes are where the feed did not run."""
    feed, reports, _ = migrated
    rows = [json.loads(line) for line in (feed.parent / "ticks.jsonl").read_text().splitlines()]
    trades = [(row["instrument"], row["id"]) for row in rows if row["type"] == "trade"]
    assert len(trades) == len(set(trades)) == sum(one["delivered"]["trades"] for one in reports.values())
    for name in INSTRUMENTS:
        ids = [number for instrument, number in trades if instrument == name]
        assert ids == sorted(ids)
        assert sum(after != before + 1 for before, after in pairwise(ids)) <= len(reports) - 1


def test_one_log_tells_the_whole_migration(migrated):
    """It is whole, and has each order with its reason, each share, and what the rules found of both legs."""
    feed, _, _ = migrated
    run("audit", "verify", feed)

    def told(event):
        shown = run("audit", "show", feed, "--event", event, "--json").stdout
        return [json.loads(line)["record"] for line in shown.splitlines()]

    orders = [(order["order"], order["reason"]) for order in told("control_ordered")]
    assert ("promote", "no finding") in orders
    assert ("roll_back", "sizes in lots") in orders
    assert [move["to_share_pct"] for move in told("canary_moved")] == [50, 100, 0]
    quality = run("report", "quality", feed).stdout
    assert "old" in quality
    assert "new" in quality


@pytest.mark.parametrize("line", sorted(set(COMMANDS)))
def test_every_command_of_the_page_is_one(line):
    """With its options; `--help` alone keeps it from being done."""
    program, *arguments = shlex.split(line)
    assert program == "ticktrail"
    if arguments[1] not in KINDS and arguments[1] in SPOKEN_BY:
        pytest.skip(f"no route of the kind {arguments[1]} is installed")
    assert run(*arguments, "--help").stdout.startswith("Usage: ")
