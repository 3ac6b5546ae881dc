"""Nothing that a feed recorded stands in the open: not in its database, write-ahead log, spool or log file."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

import msgspec

from system.program import LIMIT_S, PROGRAM, run, venue

FEED = """\
[feed]
name = "plain"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[providers.binance]
ws_url = "{ws_url}"
rest_url = "{rest_url}"
[backoff]
first_s = 0.1
cap_s = 0.2
[validation]
max_age_s = false
max_clock_offset_ms = false
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "{ticks}"
[compliance]
key = {{ env = "TEST_AUDIT_KEY" }}
on_failure = "spool"
segment_s = 0.2
"""
SECRET = base64.b64encode(bytes(range(7, 39))).decode()
PATIENCE_S = 60.0


def shapes(text):
    """A text as it may stand somewhere: as it is, UTF-16, MessagePack, hexadecimal, base64 at each alignment."""
    raw = text.encode()
    found = {
        raw,
        text.encode("utf-16-le"),
        text.encode("utf-16-be"),
        msgspec.msgpack.encode(text),
        raw.hex().encode(),
    }
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw)
        found.add(encoded[(8 * shift + 5) // 6 : 8 * (shift + len(raw)) // 6])
    return found


def recorded(path):
    """Instruments, prices and ids as a sink outside of the folder had them, in every shape."""
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    texts = {row["instrument"] for row in rows if "instrument" in row} | {SECRET}
    for row in rows[-200:]:
        texts |= {row[name] for name in ("price", "bid_price", "ask_price") if len(row.get(name) or "") > 6}
    ids = [row["id"] for row in rows if row["type"] == "trade"][-50:]
    keyed = {msgspec.msgpack.encode({"id": one})[1:] for one in ids} | {b'"id":%d,' % one for one in ids}
    return {shape for text in texts for shape in shapes(text)} | {one for one in keyed if len(one) > 6}


def until(condition, process):
    """Wait for something that the feed must come to."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.1)


def size(path):
    return path.stat().st_size if path.is_file() else 0


def test_nothing_recorded_stands_in_the_open(tmp_path):
    """A feed that loses its venue, then its database, and is killed while what it spooled waits there."""
    own, outside, scratch = tmp_path / "own", tmp_path / "outside", tmp_path / "tmp"
    for folder in (own, outside, scratch):
        folder.mkdir()
    ticks, faults, feed = outside / "ticks.jsonl", tmp_path / "faults.toml", own / "feed.toml"
    faults.write_text('[[fault]]\nkind = "cut"\nat_message = 300\n')
    environment = {**os.environ, "TEST_AUDIT_KEY": SECRET, "TMPDIR": str(scratch)}
    with venue("--synthetic", "--rate", "500", "--faults", faults) as addresses:
        feed.write_text(FEED.format(ticks=ticks, **addresses))
        told = (own / "feed.log").open("wb")
        command = [*PROGRAM, "--debug", "run", str(feed), "--json"]
        with (
            told,
            subprocess.Popen(
                command, cwd=own, env=environment, stdout=told, stderr=subprocess.PIPE
            ) as process,
        ):
            until(lambda: size(ticks) > 200_000, process)
            with sqlite3.connect(own / "audit.db", isolation_level=None) as holding:
                holding.execute("BEGIN IMMEDIATE")  # nobody else can write now
                spool = own / "audit-spool"
                until(lambda: spool.is_dir() and sum(map(size, spool.iterdir())) > 10_000, process)
                process.send_signal(signal.SIGKILL)
                (own / "feed.err").write_bytes(process.stderr.read())
                process.wait(LIMIT_S)
                looked_at = search(own, scratch, recorded(ticks))
    assert {"audit.db", "audit.db-wal", "audit-keys.db", "feed.log"} <= {path.name for path in looked_at}
    assert any(path.parent.name == "audit-spool" for path in looked_at)
    run("audit", "verify", feed, env={"TEST_AUDIT_KEY": SECRET})


def search(own, scratch, shapes_wanted):
    """See that none of the shapes stands in any file but the feed file; gives the files."""
    assert len(shapes_wanted) > 200
    looked_at = []
    for path in sorted(path for folder in (own, scratch) for path in folder.rglob("*")):
        if path.is_file() and path.name != "feed.toml":
            data = path.read_bytes()
            assert [shape for shape in shapes_wanted if shape in data] == [], path
            looked_at.append(path)
    return looked_at


def test_what_is_looked_for_would_be_found(tmp_path):
    """The same search, where a price, an instrument and the secret do stand in a file."""
    row = {"type": "trade", "instrument": "BTC/USDT", "price": "61837.63000000", "id": 123_456_789}
    path = Path(tempfile.mkdtemp(dir=tmp_path), "ticks.jsonl")
    path.write_text(json.dumps(row, separators=(",", ":")) + "\n")
    wanted = recorded(path)
    for text in ("BTC/USDT", "61837.63000000", SECRET):
        raw = text.encode()
        for shape in (raw, text.encode("utf-16"), msgspec.msgpack.encode(text), base64.b64encode(b"x" + raw)):
            assert [one for one in wanted if one in shape]
    assert [one for one in wanted if one in msgspec.msgpack.encode(row)]
