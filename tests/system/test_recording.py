"""A recorded market through the whole system: a real venue process, a real feed process, every character compared."""

import json
import shutil
import sqlite3
from collections import Counter

import pytest

from recordings import recording
from system.program import run, venue, write_feed
from ticktrail_mock.recording import read_recording

TRADES, QUOTES = 19_904, 73_174
FIRST_ID, LAST_ID = 3_735_683_259, 3_735_703_162


@pytest.fixture(scope="module")
def recorded():
    """What the recording holds: trades by id, quotes in order, as the texts that were sent."""
    trades, quotes = {}, []
    for line in read_recording(recording()):
        if line.kind == "ws":
            data = json.loads(line.raw)["data"]
            if data.get("e") == "trade":
                trades[data["t"]] = (data["p"], data["q"], "sell" if data["m"] else "buy")
            elif "e" not in data:
                quotes.append((data["u"], data["b"], data["B"], data["a"], data["A"]))
    assert (len(trades), len(quotes)) == (TRADES, QUOTES)
    return trades, quotes


def play(folder, *options, end):
    with venue("--recording", recording(), "--speed", "max", "--wait", *options) as addresses:
        feed = write_feed(folder, addresses)
        return feed, json.loads(run("run", feed, *end, "--json").stdout)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, recorded):
    """One run over the whole recording."""
    folder = tmp_path_factory.mktemp("whole")
    feed, report = play(folder, end=["--max-ticks", TRADES + QUOTES])
    return folder, feed, report


def lines(folder):
    return [json.loads(line) for line in (folder / "ticks.jsonl").read_text().splitlines()]


def as_recorded(rows):
    """Trades by id and quotes in order, in the recording's form."""
    trades = {row["id"]: (row["price"], row["size"], row["side"]) for row in rows if row["type"] == "trade"}
    quotes = [
        (row["update_id"], row["bid_price"], row["bid_size"], row["ask_price"], row["ask_size"])
        for row in rows
        if row["type"] == "quote"
    ]
    return trades, quotes


def test_every_tick_of_the_recording_is_in_the_file(whole, recorded):
    """Each trade once and in order, each quote, prices and sizes character for character."""
    folder, _, report = whole
    rows = lines(folder)
    assert as_recorded(rows) == recorded
    ids = [row["id"] for row in rows if row["type"] == "trade"]
    assert ids == list(range(FIRST_ID, LAST_ID + 1))
    assert report["received"] == {"binance": {"trades": TRADES, "quotes": QUOTES}}
    assert report["delivered"] == {"trades": TRADES, "quotes": QUOTES}
    assert report["rejected"] == report["suppressed"] == {}
    assert report["undecodable"] == 0


def test_the_audit_log_holds_the_same_ticks(whole, recorded):
    """Verified, and what it gives back is what the sink's file holds, tick for tick."""
    folder, feed, report = whole
    told = json.loads(run("audit", "verify", feed, "--json").stdout)
    assert told["sound"]
    assert told["ticks"] == report["audit"]["ticks"] == TRADES + QUOTES
    shown = run("audit", "show", feed, "--event", "routed", "--json").stdout.splitlines()
    ticks = [tick for line in shown for tick in json.loads(line)["record"]["delivered"]]
    assert ticks == lines(folder)


def test_cuts_lose_and_repeat_nothing(tmp_path, recorded):
    """Cut every 20,000 messages, the venue going on from where it was: all of it, once, holes marked."""
    script = tmp_path / "cuts.toml"
    script.write_text('[[fault]]\nkind = "cut"\nevery_messages = 20000\n')
    _, report = play(tmp_path, "--faults", script, end=["--max-ticks", TRADES + QUOTES + 4])
    rows = lines(tmp_path)
    assert as_recorded(rows) == recorded
    assert report["reconnects"] == {"binance": 4}
    gaps = [row for row in rows if row["type"] == "gap"]
    assert Counter((gap["channel"], gap["cause"]) for gap in gaps) == {("quotes", "reconnect"): 4}
    assert all(gap["from_ns"] < gap["to_ns"] for gap in gaps)


@pytest.mark.parametrize("repair", [True, False], ids=["fetched", "marked"])
def test_a_market_that_goes_on(tmp_path, recorded, repair):
    """The same where the venue does not wait: missing trades are fetched, or are exactly what the gaps say."""
    script = tmp_path / "cuts.toml"
    script.write_text('[[fault]]\nkind = "cut"\nevery_messages = 20000\n')
    with venue("--recording", recording(), "--speed", "60", "--faults", script) as addresses:
        feed = write_feed(
            tmp_path,
            addresses,
            provider=f"repair_trades = {str(repair).lower()}",
            more="[backoff]\nfirst_s = 0.2\ncap_s = 0.2\n",
        )
        report = json.loads(run("run", feed, "--for", "14s", "--json").stdout)
    rows = lines(tmp_path)
    trades = [row["id"] for row in rows if row["type"] == "trade"]
    assert trades == sorted(set(trades))
    missing = set(range(trades[0], trades[-1])) - set(trades)
    marked = {
        number
        for row in rows
        if row["type"] == "gap" and row["channel"] == "trades"
        for number in range(row["from_id"], row["to_id"] + 1)
    }
    assert marked == missing
    backfilled = [row["id"] for row in rows if row["type"] == "trade" and row.get("backfilled")]
    if repair:
        assert not missing
        assert backfilled
    else:
        assert missing
        assert not backfilled
    assert report["reconnects"]["binance"] >= 3
    everything, _ = recorded
    assert all(
        everything[row["id"]][:2] == (row["price"], row["size"]) for row in rows if row["type"] == "trade"
    )


ATTACKS = {
    "a byte of a segment": [
        "UPDATE audit_entries SET body = CAST(x'00' || substr(body, 2) AS BLOB) WHERE seq = {seq}"
    ],
    "a row deleted": ["DELETE FROM audit_entries WHERE seq = {seq}"],
    "two rows swapped": [
        "UPDATE audit_entries SET seq = -1 WHERE seq = {seq}",
        "UPDATE audit_entries SET seq = {seq} WHERE seq = {next}",
        "UPDATE audit_entries SET seq = {next} WHERE seq = -1",
    ],
}
SIXTH_SEGMENT = "SELECT seq FROM audit_entries WHERE entry_class = 'journal' ORDER BY seq LIMIT 1 OFFSET 5"


@pytest.mark.parametrize("attack", ATTACKS)
def test_tampering_is_found_and_named(whole, tmp_path, attack):
    """One byte, one row, two rows: status 1, and the entry by its number."""
    folder, _, _ = whole
    for name in ("feed.toml", "audit.db", "audit-keys.db", "audit.key"):
        shutil.copy(folder / name, tmp_path / name)
    with sqlite3.connect(tmp_path / "audit.db") as database:
        (seq,) = database.execute(SIXTH_SEGMENT).fetchone()
        for statement in ATTACKS[attack]:
            database.execute(statement.format(seq=seq, next=seq + 1))
    database.close()
    told = json.loads(run("audit", "verify", tmp_path / "feed.toml", "--json", status=1).stdout)
    assert not told["sound"]
    assert told["findings"][0]["seq"] == seq
    assert f"entry {seq}" in run("audit", "verify", tmp_path / "feed.toml", status=1).stderr
