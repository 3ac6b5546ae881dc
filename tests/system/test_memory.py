"""Sinks that hang, lag and fail cost the others nothing, and the process no memory."""

import json
import os
import re
import socket
import time
from pathlib import Path

import pytest

from system.program import running
from unit.host.installed import install

RATE, TICKS, QUEUE = 20_000, 400_000, 5_000
SETTLED = TICKS // 5
MOST_MORE_KB = 50 * 1024
LIMIT_S = 240
FEED = f"""
[plugins]
allow = ["troubled-sinks"]
[feed]
name = "memory"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
channels = ["trades", "quotes"]
[providers.synthetic]
rate = {RATE}
ticks = {TICKS}
[validation]
max_rate = false
max_age_s = false
[clock]
servers = []
[limits]
stop_s = 2
[control]
[[sinks]]
plugin = "fast"
path = "seen.json"
[[sinks]]
plugin = "hanging"
queue_ticks = {QUEUE}
max_block_s = 0.5
[[sinks]]
plugin = "slow"
queue_ticks = {QUEUE}
on_overflow = "drop_oldest"
[[sinks]]
plugin = "raising"
queue_ticks = {QUEUE}
"""


def ask(feed):
    """Return the feed's status, or None where it does not listen, or not any more."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(LIMIT_S)
            line.connect(str(feed.parent / "feed.sock"))
            line.sendall(b'{"do":"status"}\n')
            return json.loads(line.makefile().readline() or "{}").get("status")
    except OSError:
        return None


def resident_kb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)[1])


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The memory at each look from when all queues were full, the report, what the fast sink saw, the last status."""
    folder = tmp_path_factory.mktemp("memory")
    site = folder / "site"
    site.mkdir()
    source = Path(__file__).with_name("troubled.py").read_text(encoding="utf-8")
    install(site, "troubled-sinks", "troubled", source)
    feed = folder / "feed.toml"
    feed.write_text(FEED, encoding="utf-8")
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    looks, last = [], None
    deadline = time.monotonic() + LIMIT_S
    with running("run", feed, "--json", env={**os.environ, "PYTHONPATH": path}) as process:
        while process.poll() is None and time.monotonic() < deadline:
            status = ask(feed)
            if status is not None and status["sinks"]["fast"]["written"] >= SETTLED:
                last = status
                looks.append((status["sinks"]["fast"]["written"], resident_kb(process)))
            time.sleep(0.2)
        assert process.poll() == 0, process.stderr.read()
        report = json.loads(process.stdout.read())
    return looks, report, json.loads((folder / "seen.json").read_text()), last


def test_the_fast_sink_gets_everything(played):
    """Each trade once and in order, without a gap; all that was delivered is written to it."""
    _, report, seen, _ = played
    assert sum(report["received"]["synthetic"].values()) == TICKS
    assert sum(report["delivered"].values()) == TICKS
    assert report["sinks"]["fast"] == {"written": TICKS, "dropped": 0}
    assert seen == {"ticks": TICKS, "gaps": 0, "trades": report["delivered"]["trades"], "out_of_line": 0}


def test_the_others_are_each_in_their_trouble(played):
    """One has written nothing, one has failed, one is behind with its whole queue; what each lost is counted."""
    _, report, _, last = played
    delivered = sum(report["delivered"].values())
    assert report["sinks"]["hanging"] == {"written": 0, "dropped": delivered}
    assert report["sinks"]["raising"] == {"written": 0, "dropped": delivered}
    assert 0 < report["sinks"]["slow"]["written"] < delivered // 10
    assert sum(report["sinks"]["slow"].values()) == delivered
    assert last["sinks"]["hanging"]["queued"] >= QUEUE
    assert last["sinks"]["slow"]["queued"] >= QUEUE // 2
    assert "ZeroDivisionError" in last["sinks"]["raising"]["failed"]


def test_memory_stays_where_it_was_once_the_queues_were_full(played):
    """No look is 50 MB above the first, though four times as much has flowed since."""
    looks, _, _, _ = played
    (first, base), (last, _) = looks[0], looks[-1]
    assert last >= 2 * first
    assert max(kb for _, kb in looks) - base < MOST_MORE_KB, looks
