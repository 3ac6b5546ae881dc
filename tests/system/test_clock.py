"""The clock in whole runs of the program: measured, recorded, reported, and halting."""

import json
import time
from contextlib import ExitStack

import pytest

from chrony import shifted_chronyds
from system.program import run, running
from time_servers import time_server

MS = 1_000_000


@pytest.fixture(scope="module", params=["chronyd", "the tests' own server"])
def shifted(request):
    """Addresses of time servers by their shift in milliseconds: real chronyds, and without those our own."""
    shifts_ms = (30, 80, 5000)
    with ExitStack() as stack:
        if request.param == "chronyd":
            found = stack.enter_context(shifted_chronyds(*(shift_ms / 1000 for shift_ms in shifts_ms)))
            addresses = [address for address, _ in found]
        else:
            servers = [stack.enter_context(time_server(offset_s=shift_ms / 1000)) for shift_ms in shifts_ms]
            addresses = [server.address for server in servers]
        yield dict(zip(shifts_ms, addresses, strict=True))


def write_feed(folder, servers, **clock):
    keys = {"servers": list(servers), "chrony": "off", "samples": 4, **clock}
    lines = "\n".join(f"{key} = {value!r}" for key, value in keys.items())
    path = folder / "feed.toml"
    path.write_text(
        f"""\
[feed]
name = "clocked"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[clock]
{lines}

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
"""
    )
    return path


def report(feed):
    return json.loads(run("report", "clock", feed, "--json").stdout)


def test_a_clock_in_tolerance_is_proven_by_the_log(tmp_path, shifted):
    """One server 30 ms off, a limit of 50 ms: checks again and again, every one in tolerance."""
    feed = write_feed(tmp_path, [shifted[30]], every_min_s=0.2, every_max_s=0.4)
    run("run", feed, "--for", "2s")
    found = report(feed)
    assert len(found["checks"]) >= 3
    assert found["share_in_tolerance"] == 1
    assert found["breaches"] == []
    for check in found["checks"]:
        assert abs(check["offset_ns"] - 30 * MS) < max(
            2 * MS, check["bound_ns"]
        )  # a busy machine's admits to more
    assert "in tolerance (100.000%)" in run("report", "clock", feed).stdout
    assert "sound" in run("audit", "verify", feed).stdout


def test_a_breach_is_flagged_and_recorded(tmp_path, shifted):
    """80 ms against 50 ms: the feed runs, the breach begins, and the report says that nobody corrected it."""
    feed = write_feed(tmp_path, [shifted[80]])
    done = run("run", feed, "--for", "1s", "--json")
    assert "warning: the clock is out of tolerance: offset +" in done.stderr
    assert json.loads(done.stdout)["delivered"]["trades"] > 0
    found = report(feed)
    assert found["share_in_tolerance"] == 0
    (breach,) = found["breaches"]
    assert (breach["cause"], breach["ended_by"]) == ("offset", "feed_stopped")
    assert abs(breach["offset_ns"] - 80 * MS) < max(2 * MS, breach["bound_ns"])


def test_a_breach_halts_the_feed_where_set(tmp_path, shifted):
    """Status 3, before any tick; the log holds the reason."""
    feed = write_feed(tmp_path, [shifted[80]], on_unsynchronised="halt")
    done = run("run", feed, "--for", "20s", status=3)
    assert "error: the clock is out of tolerance: offset +" in done.stderr
    assert "max_offset_ms = 50" in done.stderr
    assert len(report(feed)["breaches"]) == 1
    (stopped,) = run("audit", "show", feed, "--event", "feed_stopped", "--json").stdout.splitlines()
    record = json.loads(stopped)["record"]
    assert "out of tolerance" in record["cause"]
    assert record["delivered"] == {}


def test_a_liar_of_three_is_thrown_out_and_named_in_the_report(tmp_path, shifted):
    """One of them is five seconds off: the feed set to halt runs on, by the word of the two others."""
    with time_server() as one, time_server() as other:
        servers = [one.address, shifted[5000], other.address]
        feed = write_feed(tmp_path, servers, on_unsynchronised="halt", max_offset_ms=500.0)
        run("run", feed, "--for", "1s")
        found = report(feed)
    assert found["false_tickers"] == {shifted[5000]: len(found["checks"])}
    assert found["share_in_tolerance"] == 1


def test_a_clock_that_is_corrected_has_a_time_to_correct(tmp_path):
    """The server's second off is taken back while the feed runs: begin, end and what lay between."""
    with time_server(offset_s=1) as server:
        feed = write_feed(tmp_path, [server.address], every_min_s=0.05, every_max_s=0.05, max_offset_ms=500.0)
        with running("run", feed) as process:
            assert server.wait_asked(20)
            server.offset_s = 0.0
            assert server.wait_asked(server.asked + 20)
        assert process.returncode == 0
        found = report(feed)
    (breach,) = found["breaches"]
    assert breach["ended_by"] == "corrected"
    assert breach["lasted_s"] > 0
    assert abs((breach["ended_ns"] - breach["begun_ns"]) / 1e9 - breach["lasted_s"]) < 0.5
    assert len(found["steps"]) == 1


def test_ctrl_c_does_not_wait_for_a_time_server(tmp_path):
    """Interrupted while the first measurement waits for a server that will not answer for a minute."""
    with time_server(mute=True) as server:
        feed = write_feed(tmp_path, [server.address], timeout_s=60.0)
        with running("run", feed, "--json") as process:
            assert server.wait_asked()
            interrupted = time.monotonic()
        assert time.monotonic() - interrupted < 30  # the stop's own deadline is 10 s
    assert process.returncode == 0


def test_the_command_measures_once(shifted):
    """`ticktrail clock` in a process of its own, by its exit status."""
    done = json.loads(run("clock", "--server", shifted[30], "--json").stdout)
    assert abs(done["offset_ns"] - 30 * MS) < max(2 * MS, done["bound_ns"])
    assert "OUT OF TOLERANCE" in run("clock", "--server", shifted[80], status=1).stdout
