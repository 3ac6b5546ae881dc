"""The command line adds a dashboard, tells where it is, and refuses one that strangers could read."""

import json
import re
import socket
import subprocess
import sys

import httpx
import pytest

from ticktrail_mock.demo import stage
from unit.dashboard.stage import FEED, PATIENCE_S

FILE = FEED.replace('[dashboard]\naddress = "127.0.0.1:0"\n', "").format(
    route="", providers='[providers.one]\nplugin = "synthetic"\n', rest=""
)


def ticktrail(*arguments):
    return [sys.executable, "-m", "ticktrail", *map(str, arguments)]


@pytest.fixture
def feed_file(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FILE)
    return path


def test_a_run_tells_where_it_can_be_watched(feed_file):
    """The address stands on the terminal, and answers while the feed runs; the report is told as ever."""
    command = ticktrail("run", feed_file, "--dashboard", "127.0.0.1:0", "--for", "60s", "--json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as feed:
        try:
            line = feed.stderr.readline()
            url = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:\d+/)\n", line)[1]
            with httpx.Client(trust_env=False, timeout=PATIENCE_S) as client:
                assert client.get(url).status_code == 200
        finally:
            feed.terminate()
            out, _ = feed.communicate(timeout=PATIENCE_S)
    assert json.loads(out)["received"]["one"]
    assert feed.returncode == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [("0.0.0.0:8787", "set token"), ("nowhere", "is not HOST:PORT"), ("192.0.2.1:0", "set token")],
)
def test_an_address_that_is_not_safe_is_refused(feed_file, address, told):
    """Status 2 before anything is opened; the message names the table and the remedy."""
    done = subprocess.run(
        ticktrail("run", feed_file, "--dashboard", address), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "[dashboard]" in done.stderr
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_ends_the_run_at_once(feed_file):
    """No leg is opened; key and remedy are told."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            ticktrail("run", feed_file, "--dashboard", address), capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert "[dashboard] address: nothing can be served at" in " ".join(done.stderr.split())


def test_the_demonstration_takes_a_port_that_is_free():
    """The usual one, or another where something listens there: this test, at the latest."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", stage.DASHBOARD_PORT))
            other.listen()
        except OSError:
            pass  # another one listens there already, which is as good
        address = stage.find_dashboard_address()
    host, _, port = address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) not in (0, stage.DASHBOARD_PORT)


def test_the_demonstration_works_where_nothing_serves_pages(tmp_path, monkeypatch):
    """Without the distribution its feed file has no table that nobody would know."""
    monkeypatch.setattr(stage, "entry_points", lambda **_: ())
    assert stage.find_dashboard_address() is None
    feed = {"instruments": ["A/B"], "channels": ["trades"], "ws_url": "ws://x", "rest_url": "http://x"}
    assert "[dashboard]" not in stage.set_up(tmp_path / "without", **feed).feed_file.read_text()
    with_one = stage.set_up(tmp_path / "with", **feed, dashboard="127.0.0.1:1").feed_file.read_text()
    assert with_one.endswith('[dashboard]\naddress = "127.0.0.1:1"\n')
