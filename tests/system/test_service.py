"""A feed as a service: systemd is told when it has started and that it stops; `ctl ready` says whether to go by it."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from system.program import PROGRAM, run, running

UNIT = Path(__file__).parents[2] / "docs/how-to/files/ticktrail@.service"
LIMIT_S = 90
FEED = """
[feed]
name = "served"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[providers.a]
plugin = "synthetic"
[clock]
servers = []
chrony = "off"
[control]
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
"""


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FEED)
    return path


def test_systemd_hears_the_whole_life_of_a_feed(feed, tmp_path):
    """Started, alive again and again, how it fares, stopping: from the process itself."""
    address = tmp_path / "notify"
    said, all_said = [], []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(address))
        line.settimeout(LIMIT_S)

        def hear(wanted):
            while not any(one.startswith(wanted) for one in said):
                lines = line.recv(4_096).decode().split("\n")
                said.extend(lines)
                all_said.extend(lines)

        environ = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "400000", "PATH": "/usr/bin:/bin"}
        with running("run", feed, "--json", env=environ):
            hear("READY=1")
            said.clear()
            for _ in range(3):
                hear("WATCHDOG=1")
                said.remove("WATCHDOG=1")
            hear("STATUS=ready; a live; ")
        hear("STOPPING=1")
    assert all_said.count("READY=1") == all_said.count("STOPPING=1") == 1


def test_a_feed_that_cannot_start_is_not_started(feed, tmp_path):
    """It ends with the status of wrong settings, and READY was never told."""
    feed.write_text(FEED.replace('plugin = "synthetic"', 'plugin = "nobody"'))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        run("run", feed, status=2, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        line.setblocking(False)
        with pytest.raises(BlockingIOError):
            line.recv(4_096)


def test_ctl_ready_says_whether_to_go_by_a_feed(feed):
    """0 where it is ready; 1 with the reasons, for people and for programs; 2 where no feed runs."""
    assert "no feed listens on" in run("ctl", "ready", feed, status=2).stderr

    def ready(*options):
        done = subprocess.run(
            [*PROGRAM, "ctl", "ready", str(feed), *options],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout

    with running("run", feed, "--json"):
        deadline = time.monotonic() + LIMIT_S
        while ready() != (0, "ready\n"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert json.loads(ready("--json")[1])["ready"]
        run("ctl", "rest", feed, "a", "--reason", "maintenance")
        while (found := ready("--json"))[0] != 1:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (reason,) = json.loads(found[1])["reasons"]
        assert (reason["code"], reason["about"]) == ("outage", ["BTC/USDT"])
        status, told = ready("--closed")
        assert status == 1
        assert told.startswith("outage: No leg delivers BTC/USDT: leg a is resting.")


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    """`systemd-analyze` finds nothing wrong with it, and little that it leaves open."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here (Debian package systemd)")
    unit = tmp_path / "ticktrail@btc.service"
    text = UNIT.read_text()
    assert "/opt/ticktrail/bin/ticktrail" in text
    unit.write_text(text.replace("/opt/ticktrail/bin/ticktrail", "/bin/true"))  # which has to be there
    for command in (["verify"], ["security", "--offline=true", "--threshold=20"]):
        done = subprocess.run(
            ["systemd-analyze", *command, str(unit)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert command != ["verify"] or not done.stderr
