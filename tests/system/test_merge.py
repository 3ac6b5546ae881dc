"""Three legs that speak at the same time, by the program: two connections to one venue, and a market of its own."""

import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from system.program import run, venue

FEED = """\
[feed]
name = "merged"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]

[route]
kind = "merge"
legs = ["first", "second", "other"]

[providers.first]
plugin = "binance"
ws_url = "{ws}/first"
rest_url = "{rest}/first"

[providers.second]
plugin = "binance"
ws_url = "{ws}/second"
rest_url = "{rest}/second"

[providers.other]
plugin = "synthetic"
rate = 200

[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
"""
TWINS = {"first", "second"}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The feed file, the report, and what the sink's file holds."""
    folder = tmp_path_factory.mktemp("merged")
    feed = folder / "feed.toml"
    with venue("--synthetic", "--rate", "200") as addresses:
        feed.write_text(FEED.format(ws=addresses["ws_url"], rest=addresses["rest_url"]), encoding="utf-8")
        report = json.loads(run("run", feed, "--max-ticks", "1500", "--json").stdout)
    rows = [json.loads(line) for line in (folder / "ticks.jsonl").read_text().splitlines()]
    return feed, report, rows


def test_each_trade_of_a_venue_comes_once_and_both_venues_bring_theirs(played):
    """Ids of the twins are one count without a hole; those of the other leg are another."""
    _, report, rows = played
    ids = {True: [], False: []}
    for row in rows:
        if row["type"] == "trade":
            ids[row["provider"] in TWINS].append(row["id"])
    for count in ids.values():
        assert len(count) > 50
        assert count == list(range(count[0], count[-1] + 1))
    assert report["suppressed"]["later copy"] > 50
    assert {row["cause"] for row in rows if row["type"] == "gap" and row["channel"] == "trades"} == set()


def test_every_quote_says_whose_its_sides_are_and_differs_from_the_one_before(played):
    """A side has one leg; a market that is crossed is marked."""
    _, report, rows = played
    quotes = [row for row in rows if row["type"] == "quote"]
    assert len(quotes) > 50
    shown = [
        tuple(row.get(f"{side}_{what}") for side in ("bid", "ask") for what in ("price", "size", "provider"))
        for row in quotes
    ]
    assert all(one != next_one for one, next_one in pairwise(shown))
    assert all(row["bid_provider"] and row["ask_provider"] and "update_id" not in row for row in quotes)
    crossed = [row for row in quotes if Decimal(row["bid_price"]) >= Decimal(row["ask_price"])]
    assert all(row["flagged"] for row in crossed)
    assert report["flagged"].get("crossed_market", 0) == len(crossed)


def test_every_tick_is_accounted_for_and_the_log_is_whole(played):
    """Received and made are delivered, rejected or suppressed."""
    feed, report, rows = played
    received = sum(sum(kinds.values()) for kinds in report["received"].values())
    delivered = Counter(row["type"] for row in rows)
    assert sum(report["delivered"].values()) == len(rows)
    brought = delivered["trade"] + delivered["quote"]
    suppressed = sum(report["suppressed"].values())
    assert received + report["derived_ticks"] == brought + report["rejected_ticks"] + suppressed
    run("audit", "verify", feed)


def test_the_program_shows_and_describes_the_node(played):
    """In the graph that `check` prints, and in the schema for editors."""
    feed, _, _ = played
    assert "merge: " in run("check", feed).stdout
    assert '"merge"' in run("schema").stdout
