"""`ticktrail backfill` as its users run it: a real venue process, interrupted and killed, and gone on from."""

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from recordings import recording
from system.program import LIMIT_S, PROGRAM, run, venue
from ticktrail_mock.recording import read_recording

FROM, TO = "2024-08-08T23:54:00Z", "2024-08-09T00:06:00Z"
PAGE = 1_000


@pytest.fixture(scope="module")
def recorded():
    """Every trade of the recording, as the texts that were sent."""
    trades = []
    for line in read_recording(recording()):
        if line.kind == "ws":
            data = json.loads(line.raw)["data"]
            if data.get("e") == "trade":
                trades.append((data["t"], data["p"], data["q"]))
    return trades


def write_feed(folder, addresses, more="", channels='"trades"'):
    path = folder / "past.toml"
    path.write_text(
        f"""\
[feed]
name = "past"
instruments = ["BTC/USDT"]
channels = [{channels}]
[providers.binance]
ws_url = "{addresses["ws_url"]}"
rest_url = "{addresses["rest_url"]}"
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
{more}"""
    )
    return path


def lines(folder):
    path = folder / "ticks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def texts(rows):
    return [(row["id"], row["price"], row["size"]) for row in rows]


def places(folder):
    return sorted(folder.glob(".backfill-*.json"))


def backfill(feed, *more, status=0):
    return run("backfill", feed, "--from", FROM, "--to", TO, *more, status=status)


def slow(tmp_path):
    """A fault script that answers each request 0.1 s late: time to interrupt in."""
    script = tmp_path / "slow.toml"
    script.write_text('[[fault]]\nkind = "late_rest"\nat_s = 0\nfor_s = 0.1\ncount = 100000\n')
    return script


def wait_for_a_part(folder, process, at_least):
    until = time.monotonic() + LIMIT_S
    while len(lines(folder)) < at_least:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)


def begin(feed):
    return subprocess.Popen(
        [*PROGRAM, "backfill", str(feed), "--from", FROM, "--to", TO],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_whole_period(tmp_path, recorded):
    """Each trade once and in order, character for character; the log is sound and has them; no place is left."""
    with venue("--recording", recording(), "--archive") as addresses:
        feed = write_feed(tmp_path, addresses)
        told = json.loads(backfill(feed, "--json").stdout)
    rows = lines(tmp_path)
    assert texts(rows) == recorded
    assert all(row["backfilled"] for row in rows)
    assert told["complete"]
    assert not told["resumed"]
    assert told["ticks"] == len(recorded)
    assert told["report"]["delivered"] == {"trades": len(recorded)}
    assert [(one["instrument"], one["channel"], one["complete"]) for one in told["series"]] == [
        ("BTC/USDT", "trades", True)
    ]
    assert places(tmp_path) == []
    verified = json.loads(run("audit", "verify", feed, "--json").stdout)
    assert verified["sound"]
    assert verified["ticks"] == len(recorded)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["INT", "TERM", "KILL"])
def test_interrupted_and_gone_on(tmp_path, recorded, how):
    """After Ctrl-C nothing is fetched twice; after a kill the page at hand at most; in the end all is there."""
    with venue("--recording", recording(), "--archive", "--faults", slow(tmp_path)) as addresses:
        feed = write_feed(tmp_path, addresses)
        with begin(feed) as process:
            wait_for_a_part(tmp_path, process, 3 * PAGE)
            process.send_signal(how)
            output, _ = process.communicate(timeout=LIMIT_S)
        first = texts(lines(tmp_path))
        assert first == recorded[: len(first)]
        assert len(places(tmp_path)) == 1
        if how != signal.SIGKILL:
            assert process.returncode == 130
            assert "the same command goes on from there" in " ".join(output.split())
        done = backfill(feed)
    assert "going on where an earlier run stopped" in done.stderr
    assert "complete: 19,904 ticks fetched" in done.stdout
    found = texts(lines(tmp_path))
    repeated = len(found) - len(recorded)
    assert repeated == 0 or (how == signal.SIGKILL and repeated == PAGE)
    assert found[: len(first)] + found[len(first) + repeated :] == recorded
    assert places(tmp_path) == []
    assert json.loads(run("audit", "verify", feed, "--json").stdout)["sound"]


def test_begun_anew(tmp_path, recorded):
    """--restart fetches all of it again, whatever there was."""
    with venue("--recording", recording(), "--archive", "--faults", slow(tmp_path)) as addresses:
        feed = write_feed(tmp_path, addresses)
        with begin(feed) as process:
            wait_for_a_part(tmp_path, process, PAGE)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=LIMIT_S)
        first = len(lines(tmp_path))
        told = json.loads(backfill(feed, "--restart", "--json").stdout)
    assert not told["resumed"]
    assert texts(lines(tmp_path))[first:] == recorded


def test_what_a_person_sees(tmp_path):
    """At a terminal a bar says what is fetched and how much of it is done; a trouble is told as it happens."""
    script = tmp_path / "troubles.toml"
    script.write_text('[[fault]]\nkind = "html"\nat_s = 1.2\ncount = 2\n' + slow(tmp_path).read_text())
    with venue("--recording", recording(), "--archive", "--faults", script) as addresses:
        feed = write_feed(tmp_path, addresses, "[backoff]\nfirst_s = 0.2\ncap_s = 0.4\n")
        parent, child = pty.openpty()
        with subprocess.Popen(
            [*PROGRAM, "backfill", str(feed), "--from", FROM, "--to", TO],
            stdout=child,
            stderr=child,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "160"},
        ) as process:
            os.close(child)
            shown = b""
            while True:
                try:
                    shown += os.read(parent, 65_536)
                except OSError:  # the other end is closed
                    break
            process.wait(LIMIT_S)
        os.close(parent)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert process.returncode == 0, text
    assert re.search(r"fetching the period .* \d+% .*BTC/USDT trades.*[\d,]+ ticks", text)
    assert "HTTP status 503" in text
    assert "trying again in" in text
    assert "complete: 19,904 ticks fetched" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "yesterday"], "is no date or time; write 2026-11-01"),
        (["--from", "2024-08-09", "--to", "2024-08-08"], "--from must lie before --to"),
        (["--from", "2999-01-01"], "lies in the future"),
        (["--from", "2024-08-08", "--channel", "quotes"], 'no history of "quotes"; it has agg_trades, bars, trades'),
        (["--from", "2024-08-08", "--into", "parquet"], 'no sink "parquet"; it has jsonl'),
        (["--from", "2024-08-08", "--instrument", "X/Y"], 'no instrument "X/Y"; it has BTC/USDT'),
        ([], "Missing option '--from'"),
    ],
)  # fmt: skip
def test_wrong_use(tmp_path, arguments, says):
    """Status 2, and what would be right; no place is kept."""
    feed = write_feed(tmp_path, {"ws_url": "ws://127.0.0.1:9", "rest_url": "http://127.0.0.1:9"})
    done = run("backfill", feed, *arguments, status=2)
    assert says in " ".join(done.stderr.split())
    assert places(tmp_path) == []


def test_a_venue_that_is_not_there(tmp_path):
    """Status 2 with the address and the remedy, at once."""
    feed = write_feed(tmp_path, {"ws_url": "ws://127.0.0.1:9", "rest_url": "http://127.0.0.1:9"})
    done = backfill(feed, status=2)
    assert "could not be asked at http://127.0.0.1:9" in " ".join(done.stderr.split())
    assert "check rest_url" in " ".join(done.stderr.split())
