"""`ticktrail backfill` where the venue will not give what is asked for, and asking again would not change it."""

import json

from system.program import run, running

DAY = "2026-07-17"
FEED = """\
[feed]
name = "past"
profile = "development"
instruments = ["AAPL", "NOPE"]
channels = ["trades"]
[providers.alpaca]
ws_url = "{ws_url}"
rest_url = "{rest_url}"
key_id = {{ file = "id" }}
secret_key = {{ file = "secret" }}
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
"""


def test_stopped_by_a_symbol_that_there_is_not(tmp_path):
    """The same command would stop there again: it says that the cause is to be mended first."""
    trades = [
        {"T": "t", "S": "AAPL", "i": number, "x": "V", "p": 190.1, "s": 3, "t": f"{DAY}T15:00:{number:02}Z"}
        for number in range(10, 20)
    ]
    recording = tmp_path / "day.jsonl"
    recording.write_text(json.dumps({"recv_ns": 1, "kind": "ws", "raw": json.dumps(trades)}) + "\n")
    (tmp_path / "id").write_text("KEY")
    (tmp_path / "secret").write_text("SECRET")
    own = ("--market", "stocks", "--recording", str(recording), "--archive", "--json")
    with running("venue", "alpaca", *own) as venue:
        path = tmp_path / "past.toml"
        path.write_text(FEED.format(**json.loads(venue.stdout.readline())))
        done = run(
            "backfill",
            path,
            "--from",
            f"{DAY}T15:00Z",
            "--to",
            f"{DAY}T15:01Z",
            "--channel",
            "trades",
            status=2,
        )
    said = " ".join((done.stdout + done.stderr).split())
    assert (
        "stopped at 50.0%, 10 ticks fetched: the same command goes on from there once the cause is mended"
        in said
    )
    assert "NOPE trades: Alpaca has nothing of it in the period" in said
