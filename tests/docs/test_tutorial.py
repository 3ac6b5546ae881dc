"""The tutorial on a first feed is walked from top to bottom, as a newcomer does, against the loopback venue."""

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from docs.reading import DOCS
from ticktrail.cli.program import program

PAGE = (DOCS / "tutorial/first-feed.md").read_text(encoding="utf-8")
PART = re.compile(
    r"^```(?P<language>\w+)\n(?P<text>.*?)^```$|^<!-- status: (?P<status>\d) -->$|^## (?P<heading>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)
NOT_HERE = {
    "make sync": "the tests run in what it makes",
    ". .venv/bin/activate": "the tests run in what it makes",
    "make demo": "tests/system/test_demo.py runs it",
    "mkdir first-feed": "a new folder is there",
    "cd first-feed": "a new folder is there",
    "ticktrail run btc-live.toml --for 1m": "a real venue",
    "ticktrail audit verify btc-live.toml": "a real venue",
    "ticktrail report clock btc-live.toml": "a real venue",
}
FILES = {'"btc"': "btc.toml", "[[fault]]": "faults.toml", '"btc-live"': "btc-live.toml"}
TIMES = {"--for 20s": "--for 2s", "--for 12s": "--for 25s"}
"""The first is done when it has begun; in the second a connection is cut, and a busy machine may come back late."""
LIMIT_S = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Do all of it, in order; gives what each heading's commands printed, and the lines that were run."""
    folder = tmp_path_factory.mktemp("first-feed")
    port, printed, done, venues = free_port(), {}, [], []

    def here(text):
        return text.replace("9443", port)

    def run(line, status):
        for said, taken in TIMES.items():
            line = line.replace(said, taken)
        if line.startswith("ticktrail venue "):
            venues.append(start(line))
            return ""
        if line.startswith("ticktrail "):
            told = CliRunner().invoke(program, shlex.split(line)[1:])
            found, text = told.exit_code, told.output
        else:
            told = subprocess.run(
                ["bash", "-euc", line],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
            found, text = told.returncode, told.stdout + told.stderr
        assert found == status, f"{line}\n{text}"
        return text

    def start(line):
        words = [sys.executable, "-m", "ticktrail", *shlex.split(line)[1:]]
        process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert f"127.0.0.1:{port}" in process.stdout.readline()
        return process

    def stop_venue():
        process = venues.pop()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT_S)

    heading, status = "", 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        try:
            for part in PART.finditer(PAGE):
                if part["heading"]:
                    heading = part["heading"]
                    if heading == "Let it fail":  # as the page says there: end it with Ctrl-C
                        stop_venue()
                elif part["status"]:
                    status = int(part["status"])
                elif part["language"] == "toml":
                    (name,) = (name for word, name in FILES.items() if word in part["text"])
                    (folder / name).write_text(here(part["text"]))
                elif part["language"] == "sh":
                    for line in part["text"].splitlines():
                        if line not in NOT_HERE:
                            printed[heading] = printed.get(heading, "") + run(here(line), status)
                        done.append(line)
                    status = 0
        finally:
            while venues:
                stop_venue()
    return folder, printed, done


def test_every_line_of_it_runs(walked):
    """But for those that are named with their reason, each of which is on the page."""
    _, _, done = walked
    assert set(NOT_HERE) <= set(done)
    assert len(done) > 2 * len(NOT_HERE)


def test_what_it_says_is_printed(walked):
    """Each line of each block of text, in that order, in what the commands of its part printed."""
    _, printed, _ = walked
    heading, seen = "", 0
    for part in PART.finditer(PAGE):
        heading = part["heading"] or heading
        if part["language"] == "text":
            rest = printed[heading]
            for line in part["text"].splitlines():
                assert line in rest, f"{heading}: {line}\n{printed[heading]}"
                rest = rest.partition(line)[2]
            seen += 1
    assert seen == 3


def test_what_was_missed_is_fetched(walked):
    """As the page promises of a venue that was away: the leg came back, and no trade of the run is missing."""
    folder, printed, _ = walked
    assert printed["Let it fail"].count("leg_up") == 3
    assert "leg_down" in printed["Let it fail"]
    rows = [json.loads(line) for line in (Path(folder) / "ticks.jsonl").read_text().splitlines()]
    ids = [row["id"] for row in rows if row["type"] == "trade"]
    second = ids[max(at for at in range(1, len(ids)) if ids[at] < ids[at - 1]) :]
    assert second == list(range(second[0], second[-1] + 1))
    assert any(row.get("backfilled") for row in rows)
