"""`ticktrail run` with a log: each event of the bus is a line, and a reader that does not read costs nothing."""

import json
import os
import stat
import subprocess
import sys

import pytest

from ticktrail._logs.entry import OWN
from ticktrail._logs.levels import LEVELS

PATIENCE_S = 120
FEED = """\
[feed]
name = "logged"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]
[providers.synthetic]
ticks = 500
rate = 20000
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "{path}"
{more}
"""


@pytest.fixture
def run(tmp_path):
    def run(*options, more="", path="ticks.jsonl", stderr=subprocess.PIPE):
        feed = tmp_path / "feed.toml"
        feed.write_text(FEED.format(path=path, more=more))
        return subprocess.run(
            [sys.executable, "-m", "ticktrail", "run", str(feed), *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            timeout=PATIENCE_S,
            check=False,
            cwd=tmp_path,
        )

    return run


def objects(data):
    return [json.loads(line) for line in data.splitlines()]


def test_a_file_of_json_by_the_table(run, tmp_path):
    """Every line is an object with one known name; ticks are none; standard error has the warnings alone."""
    done = run(more='[log]\nfile = "feed.log"\nlevel = "debug"\nlevels = { asyncio = "error" }')
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    path = tmp_path / "feed.log"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = objects(path.read_bytes())
    names = [line["event"] for line in found if line["event"] != "library"]
    assert set(names) <= {str(kind.__struct_config__.tag) for kind in LEVELS} | set(OWN)
    assert {"plugin_loaded", "feed_started", "leg_up", "leg_down", "feed_stopping", "feed_stopped"} <= set(
        names
    )
    assert len([name for name in names if name == "feed_stopped"]) == 1
    assert {line["feed"] for line in found} == {"logged"}
    assert b"BTC/USDT" not in b"".join(
        json.dumps(line).encode() for line in found if line["event"] in {"leg_up", "feed_stopped"}
    )


def test_options_go_before_the_table(run, tmp_path):
    """`--log-level` and `--log-file`; the path is from where the program runs."""
    more = '[log]\nfile = "not-this.log"\nlevel = "debug"\nformat = "text"'
    done = run("--log", "json", "--log-level", "warning", "--log-file", "own.log", more=more)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "not-this.log").exists()
    levels = {line["level"] for line in objects((tmp_path / "own.log").read_bytes())}
    assert levels <= {"warning", "error"}


def test_lines_on_standard_error(run):
    """Without a terminal: text for people, and what failed is a warning with its sentence, once."""
    done = run(path="/dev/full")
    said = done.stderr.decode()
    assert "info: feed_started feed=logged" in said
    assert said.count("error: sink jsonl has failed") == 1
    assert "name=sink_failed" in said


def test_json_on_standard_error(run):
    """Each line is an object; the report is on standard output alone."""
    done = run("--log", "json", "--json")
    assert done.returncode == 0
    assert {"leg_up", "feed_stopped"} <= {line["event"] for line in objects(done.stderr)}
    assert json.loads(done.stdout)["delivered"]


@pytest.mark.parametrize("options", [("--json",), ("--quiet",), ("--log", "off")])
def test_quiet(run, options):
    """Nothing where nothing must be told."""
    done = run(*options)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (("--log", "json", "--json"), ""),
        (("--json",), '[log]\nfile = "feed.log"\n[dashboard]\naddress = "127.0.0.1:0"'),
    ],
    ids=["the log", "what is said beside it"],
)
def test_a_reader_that_does_not_read(run, options, more):
    """Standard error is a pipe that is full: every tick is delivered, and the feed ends."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        while True:
            try:
                os.write(writer, b"x" * 65_536)
            except BlockingIOError:
                break
        os.set_blocking(writer, True)
        done = run(*options, more=more, stderr=writer)
    finally:
        os.close(reader)
        os.close(writer)
    assert sum(json.loads(done.stdout)["delivered"].values()) == 500


def test_a_file_that_cannot_be_opened(run):
    """Told before anything runs, with the key and the remedy."""
    done = run(more='[log]\nfile = "no/such/folder/feed.log"')
    assert done.returncode == 2
    assert b"[log] file:" in done.stderr
    assert b"make its folder" in done.stderr


def test_a_secret_is_in_no_line(run, tmp_path, monkeypatch):
    """Not even where a plugin's log names it outright."""
    monkeypatch.setenv("LOGGED_SECRET", "qZ8vLr3TmN5sYb2WxE6u")
    more = '[log]\nfile = "feed.log"\nlevel = "debug"\n[compliance]\nkey = { env = "LOGGED_SECRET" }\n'
    done = run(more=more)
    assert done.returncode == 2  # it is no key
    assert b"qZ8vLr3TmN5sYb2WxE6u" not in done.stderr + (tmp_path / "feed.log").read_bytes()


def test_a_reader_of_standard_error_that_has_gone_ends_no_feed(run):
    """What was to be said there is said to nobody; the feed goes on to its end, and its report comes whole."""
    reads, writes = os.pipe()
    os.close(reads)
    try:
        more = '[log]\nfile = "feed.log"\n[dashboard]\naddress = "127.0.0.1:0"'
        done = run("--json", more=more, stderr=writes)
    finally:
        os.close(writes)
    assert done.returncode == 0
    assert sum(json.loads(done.stdout)["delivered"].values()) == 500
