"""The demonstration keeps its promises, on a made-up market and on a recorded one."""

import json
import re
import subprocess
import sys
import time

import httpx

from recordings import recording
from system.program import run


def test_the_demonstration_keeps_its_promises(tmp_path):
    """Status 0 and every promise kept; its files can be verified afterwards by anybody."""
    told = json.loads(run("demo", "--json", "--out", tmp_path / "demo").stdout)
    assert told["kept"]
    assert [promise["name"] for promise in told["promises"] if not promise["kept"]] == []
    assert len(told["promises"]) == 8
    assert told["report"]["audit"]["ticks"] == told["verification"]["ticks"] > 1_000
    run("audit", "verify", told["files"]["feed"])
    text = run("audit", "show", told["files"]["feed"], "--event", "leg_switched").stdout
    assert text.count("leg_switched") == 4


def test_the_demonstration_on_a_recorded_market(tmp_path):
    """The same against real messages, their times moved to now."""
    told = json.loads(run("demo", "--json", "--recording", recording(), "--out", tmp_path / "demo").stdout)
    assert [promise for promise in told["promises"] if not promise["kept"]] == []


def test_a_recording_that_is_none_is_told(tmp_path):
    """Path and reason, status 2, no traceback."""
    done = run("demo", "--recording", tmp_path / "none.jsonl", "--out", tmp_path / "demo", status=2)
    assert "none.jsonl" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demonstration_can_be_watched(tmp_path):
    """It tells an address on the terminal, at which the feed is seen while it runs."""
    command = [sys.executable, "-m", "ticktrail", "demo", "--out", str(tmp_path / "demo")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        url = next(found[1] for line in demo.stdout if (found := re.search(r"dashboard: (http://\S+)", line)))
        with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
            while True:
                try:
                    with client.stream("GET", "/api/events") as events:
                        first = next(line for line in events.iter_lines() if line.startswith("data: "))
                    break
                except httpx.ConnectError:  # told just before it is served
                    time.sleep(0.1)
        demo.stdout.read()
    assert demo.returncode == 0
    frame = json.loads(first.removeprefix("data: "))
    assert (frame["whole"], frame["feed"]) == (True, "demo")
