"""Whatever is wrong outside: one paragraph with place and remedy, status 2, no traceback, nothing sealed is lost."""

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import time

import pytest
import trio
import trio_websocket
import trustme

from system.program import PROGRAM, run, venue, write_feed

NOWHERE = {"ws_url": "ws://127.0.0.1:1", "rest_url": "http://127.0.0.1:1"}


def fails(*arguments, says, status=2, **more):
    """Run a command that must end with one paragraph."""
    done = run(*arguments, status=status, **more)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, done.stderr
    for words in says:
        assert words in errors[0]
    assert "Traceback" not in done.stderr
    return done


def test_a_refused_port(tmp_path):
    """Host, port, and what to look at."""
    fails("run", write_feed(tmp_path, NOWHERE), says=["127.0.0.1:1", "check rest_url"])


def test_the_traceback_is_there_for_who_asks(tmp_path):
    """--debug shows it, before the same paragraph."""
    done = run("--debug", "run", write_feed(tmp_path, NOWHERE), status=2)
    assert "Traceback" in done.stderr
    assert "error:" in done.stderr


def test_an_instrument_that_is_not_listed(tmp_path):
    """What comes near is named."""
    with venue("--synthetic", "--instrument", "BTC/USDC") as addresses:
        feed = write_feed(tmp_path, addresses)
        fails("run", feed, says=['"BTC/USDT" is not listed', 'did you mean "BTC/USDC"', "[feed]"])


def test_a_certificate_that_is_not_to_be_trusted(tmp_path):
    """TLS failure: the host, and what it may be."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    script = tmp_path / "server.py"
    script.write_text("")

    async def serve_and_fail():
        async def never(request):
            raise AssertionError("the handshake went through")

        async with trio.open_nursery() as nursery:
            server = await nursery.start(
                lambda task_status: trio_websocket.serve_websocket(
                    never, "127.0.0.1", 0, context, task_status=task_status
                )
            )
            with_tls = {
                "ws_url": f"wss://127.0.0.1:{server.port}",
                "rest_url": f"https://127.0.0.1:{server.port}",
            }
            feed = write_feed(tmp_path, with_tls)
            done = await trio.run_process(
                [*PROGRAM, "run", str(feed)], capture_stdout=True, capture_stderr=True, check=False
            )
            nursery.cancel_scope.cancel()
        return done

    done = trio.run(serve_and_fail)
    assert done.returncode == 2
    assert b"certificate" in done.stderr.lower()
    assert b"Traceback" not in done.stderr


def test_garbled_and_unknown_messages_are_counted_and_recorded(tmp_path):
    """Data that cannot be read is no error: a rejected value, in report and audit log, with the raw bytes."""
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nkind = "garble"\nevery_messages = 100\n')
    with venue("--synthetic", "--rate", "2000", "--faults", script) as addresses:
        feed = write_feed(tmp_path, addresses)
        report = json.loads(run("run", feed, "--max-ticks", "1000", "--json").stdout)
    assert report["undecodable"] >= 9
    shown = run("audit", "show", feed, "--event", "routed", "--json").stdout.splitlines()
    rejected = [one for line in shown for one in json.loads(line)["record"].get("rejected", [])]
    assert sum(one["tick"]["type"] == "undecodable" for one in rejected) == report["undecodable"]
    run("audit", "verify", feed)


def test_a_key_that_cannot_be_used(tmp_path):
    """Open to others: refused with the command that mends it."""
    feed = write_feed(tmp_path, NOWHERE)
    (tmp_path / "audit.key").write_text("x")
    (tmp_path / "audit.key").chmod(0o644)
    fails("run", feed, says=["audit.key", "chmod 600"])


def test_a_key_that_is_a_folder(tmp_path):
    """Unreadable as a file."""
    (tmp_path / "audit.key").mkdir()
    fails("run", write_feed(tmp_path, NOWHERE), says=["audit.key", "no file"])


def test_a_locked_database(tmp_path):
    """Held by somebody else: named, with the remedy, before anything is received."""
    feed = write_feed(tmp_path, NOWHERE)
    run("run", feed, status=2)
    holder = sqlite3.connect(tmp_path / "audit.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        fails("run", feed, says=["audit.db", "another process holds it"])
    finally:
        holder.close()


def test_a_folder_that_is_missing(tmp_path):
    """For the database and for a sink's file: the path, and what to do."""
    text = write_feed(tmp_path, NOWHERE).read_text()
    feed = tmp_path / "feed.toml"
    feed.write_text(text.replace("key = {", 'database = "sqlite:///nowhere/audit.db"\nkey = {'))
    fails("run", feed, says=["nowhere", "folder"])


def test_a_plugin_that_fails_to_import(tmp_path):
    """Named with its reason where the feed needs it; without that need, the feed does not care."""
    site = tmp_path / "site"
    info = site / "sick_ticktrail-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sick-ticktrail\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ticktrail]\nsick = sick_plugin\n")
    (site / "sick_plugin.py").write_text("import something_that_is_not_there\n")
    env = {"PYTHONPATH": str(site)}
    text = write_feed(tmp_path, NOWHERE).read_text()
    feed = tmp_path / "sick.toml"
    allow = '[plugins]\nallow = ["sick-ticktrail"]\n'
    feed.write_text(text.replace("[providers.binance]", '[providers.binance]\nplugin = "sick"') + allow)
    fails("check", feed, says=["sick", "something_that_is_not_there", "quarantined"], env=env)
    feed.write_text(text + allow)
    assert "quarantined" in run("check", feed, env=env).stdout
    misspelt = "@hookimpl\ndef ticktrail_provider():\n    return []\n"
    (site / "sick_plugin.py").write_text(
        f"from ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n{misspelt}"
    )
    fails("check", feed, says=["ticktrail_provider", "sick"], env=env)


def test_one_ctrl_c_ends_in_good_order(tmp_path):
    """Everything that was received is delivered and sealed; the report is printed; status 0."""
    with venue("--synthetic", "--rate", "500") as addresses:
        feed = write_feed(tmp_path, addresses)
        process = subprocess.Popen(
            [*PROGRAM, "run", str(feed), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _wait_for_ticks(tmp_path)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    report = json.loads(out)
    written = len((tmp_path / "ticks.jsonl").read_text().splitlines())
    assert report["sinks"]["jsonl"]["written"] == written > 0
    told = json.loads(run("audit", "verify", feed, "--json").stdout)
    assert told["ticks"] == report["audit"]["ticks"] >= written


def test_a_killed_feed_loses_nothing_that_was_sealed(tmp_path):
    """SIGKILL: the log is sound, and the next run goes on from it."""
    with venue("--synthetic", "--rate", "2000") as addresses:
        feed = write_feed(tmp_path, addresses)
        process = subprocess.Popen(
            [*PROGRAM, "run", str(feed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        _wait_for_ticks(tmp_path, most=5_000)
        process.kill()
        process.communicate()
        first = json.loads(run("audit", "verify", feed, "--json").stdout)
        assert first["sound"]
        assert first["ticks"] > 0
        run("run", feed, "--max-ticks", "500", "--json")
    second = json.loads(run("audit", "verify", feed, "--json").stdout)
    assert second["sound"]
    assert second["ticks"] >= first["ticks"] + 500


def _wait_for_ticks(folder, most=200):
    """Wait until the sink's file has so many lines."""
    path = folder / "ticks.jsonl"
    for _ in range(600):
        if path.exists() and path.read_bytes().count(b"\n") >= most:
            return
        time.sleep(0.05)
    raise AssertionError("no tick came")


def test_the_venue_ends_on_ctrl_c():
    """No traceback, status 0."""
    command = [*PROGRAM, "venue", "binance", "--synthetic"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "listens on" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [["venue", "binance"], ["venue", "binance", "--synthetic", "--recording", "x"]]
)
def test_a_venue_without_a_tape(arguments):
    """One of the two, said in words."""
    done = run(*arguments, status=2)
    assert "--recording FILE or --synthetic" in done.stderr


def test_a_recording_that_is_missing(tmp_path):
    """The path, before a port is opened."""
    done = run("venue", "binance", "--recording", tmp_path / "none.jsonl.gz", status=2)
    assert "none.jsonl.gz" in done.stderr
    assert os.linesep not in done.stderr.strip()
