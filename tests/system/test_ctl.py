"""A running feed is seen and told what to do, by its own user alone, and the audit knows who did."""

import getpass
import hashlib
import json
import os
import socket
import stat
import time

import pytest

from system.program import run, running, venue, write_feed

FEED = """
[feed]
name = "told"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[providers.a]
plugin = "synthetic"
seed = 1
[providers.b]
plugin = "synthetic"
seed = 2
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
[clock]
servers = []
[control]
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = { file = "audit.key" }
"""
LIMIT_S = 60


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FEED)
    return path


def until_it_listens(feed):
    deadline = time.monotonic() + LIMIT_S
    while not (feed.parent / "feed.sock").is_socket():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return status(feed)


def status(feed):
    return json.loads(run("ctl", "status", feed, "--json").stdout)


def speakers(feed):
    (node,) = status(feed)["route"]
    return node["speakers"]


def until(told, feed, wanted):
    deadline = time.monotonic() + LIMIT_S
    while (found := told(feed)) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def test_a_person_switches_pins_and_stops(feed):
    """Each order is done, shows in the status, and stands in the audit with the person's name and reason."""
    with running("run", feed, "--json") as process:
        assert until_it_listens(feed)["legs"]["a"]["breaker"] == "closed"
        until(speakers, feed, {"a": 2, "b": 0})
        run("ctl", "switch", feed, "b", "--instrument", "ETH/USDT", "--reason", "thin here")
        until(speakers, feed, {"a": 1, "b": 1})
        assert "b: ETH/USDT" in run("ctl", "status", feed).stdout
        run("ctl", "pin", feed, "b")
        until(speakers, feed, {"a": 0, "b": 2})
        run("ctl", "unpin", feed)
        run("ctl", "rest", feed, "b", "--reason", "maintenance")
        until(speakers, feed, {"a": 2, "b": 0})
        assert status(feed)["legs"]["b"]["state"] == "resting"
        run("ctl", "wake", feed, "b")
        until(lambda path: status(path)["legs"]["b"]["state"], feed, "live")
        run("ctl", "stop", feed)
        assert process.wait(LIMIT_S) == 0
        out = process.stdout.read()
    assert json.loads(out)["delivered"]["switches"] >= 4
    assert not (feed.parent / "feed.sock").exists()
    shown = run("audit", "show", feed, "--event", "control_ordered", "--json").stdout
    orders = [json.loads(line)["record"] for line in shown.splitlines()]
    assert [order["order"] for order in orders] == ["switch", "pin", "unpin", "rest", "wake", "stop"]
    assert {order["done"] for order in orders} == {True}
    assert orders[0]["actor"].startswith(f"{getpass.getuser()} (uid {os.getuid()}, pid ")
    assert (orders[0]["instruments"], orders[0]["reason"]) == (["ETH/USDT"], "thin here")


def test_a_feed_is_changed_while_it_runs(feed):
    """Instruments, a leg that is drained, and the file: each shows in the status and stands in the audit."""
    with running("run", feed, "--json") as process:
        before = until_it_listens(feed)
        assert before["instruments"] == ["BTC/USDT", "ETH/USDT"]
        until(speakers, feed, {"a": 2, "b": 0})
        out = run("ctl", "subscribe", feed, "SOL/USDT", "XRP/USDT", "--reason", "wanted").stdout
        assert out == "applied: [feed] instruments: +SOL/USDT +XRP/USDT\ndone\n"
        until(speakers, feed, {"a": 4, "b": 0})
        run("ctl", "unsubscribe", feed, "ETH/USDT", "XRP/USDT")
        until(speakers, feed, {"a": 2, "b": 0})
        run("ctl", "drain", feed, "a")
        until(speakers, feed, {"a": 0, "b": 2})
        assert "nobody can take over from b" in run("ctl", "drain", feed, "b", status=2).stderr
        run("ctl", "wake", feed, "a")
        feed.write_text(FEED.replace("[clock]", "[validation]\nmax_spread = 0.5\n[clock]"))
        told = run("ctl", "reload", feed, "--dry-run").stdout
        assert "would be applied: [feed] instruments: +ETH/USDT -SOL/USDT" in told
        assert "would be applied: [validation] added" in told
        assert status(feed)["instruments"] == ["BTC/USDT", "SOL/USDT"]
        run("ctl", "reload", feed, "--reason", "the file's word")
        after = status(feed)
        assert after["instruments"] == ["BTC/USDT", "ETH/USDT"]
        assert after["settings_sha256"] == hashlib.sha256(feed.read_bytes()).hexdigest()
        assert after["settings_sha256"] != before["settings_sha256"]
        run("ctl", "stop", feed)
        assert process.wait(LIMIT_S) == 0
        report = json.loads(process.stdout.read())
    assert report["rejected"].get("not_asked") is None
    shown = run("audit", "show", feed, "--event", "feed_reloaded", "--json").stdout
    reloads = [json.loads(line)["record"] for line in shown.splitlines()]
    assert [(one["added"], one["removed"]) for one in reloads] == [
        (["SOL/USDT", "XRP/USDT"], []),
        ([], ["ETH/USDT", "XRP/USDT"]),
        (["ETH/USDT"], ["SOL/USDT"]),
    ]
    assert (reloads[-1]["from_sha256"], reloads[-1]["to_sha256"]) == (
        before["settings_sha256"],
        after["settings_sha256"],
    )
    names = {
        json.loads(line)["instrument"] for line in (feed.parent / "ticks.jsonl").read_text().splitlines()
    }
    assert names == {"BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT"}
    run("audit", "verify", feed)


def test_what_needs_a_restart_is_told_with_its_lines(feed):
    """All of it, with status 2; a fault is told as `ticktrail check` tells it; nothing has changed."""
    with running("run", feed, "--json"):
        before = until_it_listens(feed)
        feed.write_text(FEED.replace("seed = 2", "seed = 3") + "[limits]\nintake_batches = 5\n")
        done = run("ctl", "reload", feed, status=2)
        assert "feed.toml:12: [providers.b] seed: changed, which needs a restart" in done.stderr
        assert "[limits]: added, which needs a restart" in done.stderr
        feed.write_text(FEED.replace("seed = 2", "sead = 2"))
        assert run("ctl", "reload", feed, status=2).stderr == run("check", feed, status=2).stderr
        assert run("ctl", "reload", feed, "--dry-run", status=2).stderr == run("check", feed, status=2).stderr
        assert status(feed)["settings_sha256"] == before["settings_sha256"]


def test_a_venue_is_asked_for_other_instruments(tmp_path):
    """A leg at a loopback Binance opens another session for them, and takes no instrument that is none of its form."""
    with venue("--synthetic") as addresses:
        path = write_feed(tmp_path, addresses, more="[control]\n")
        with running("run", path, "--json") as process:
            until_it_listens(path)
            until(lambda feed: status(feed)["legs"]["binance"]["state"], path, "live")
            done = run("ctl", "subscribe", path, "ETH/USDT")
            assert "applied" in done.stdout
            until(lambda feed: status(feed)["legs"]["binance"]["sessions"], path, 2)
            refused = run("ctl", "subscribe", path, "no instrument", status=2)
            assert "[providers.binance]" in refused.stderr
            ticks = tmp_path / "ticks.jsonl"
            until(lambda feed: '"ETH/USDT"' in ticks.read_text(), path, wanted=True)
            run("ctl", "stop", path)
            assert process.wait(LIMIT_S) == 0
            process.stdout.read()
        run("audit", "verify", path)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (["subscribe", "BTC/USDT"], "the feed has BTC/USDT already"),
        (["unsubscribe", "SOL/USDT"], "the feed has no SOL/USDT"),
        (["drain", "c"], "there is no leg c"),
        (["switch", "c"], "there is no leg c; there is a, b"),
        (["switch", "b", "--instrument", "SOL/USDT"], "the feed has no SOL/USDT"),
        (["promote"], "a hybrid node has no candidate to promote"),
        (["reset", "c"], "there is no leg c"),
    ],
)
def test_what_cannot_be_done_is_told(feed, order, why):
    """With what can be, status 2; nothing has changed."""
    with running("run", feed, "--json"):
        until_it_listens(feed)
        done = run("ctl", order[0], feed, *order[1:], status=2)
        assert why in done.stderr
        assert status(feed)["switches"] == 0


def test_nobody_else_may_connect(feed):
    """The socket is the user's own."""
    with running("run", feed, "--json"):
        until_it_listens(feed)
        assert stat.S_IMODE((feed.parent / "feed.sock").stat().st_mode) == 0o600


def test_a_feed_that_does_not_run_is_told(feed):
    """And so is one whose file has no such table."""
    assert "no feed listens on" in run("ctl", "status", feed, status=2).stderr
    feed.write_text(FEED.replace("[control]\n", ""))
    assert "[control] is missing" in run("ctl", "status", feed, status=2).stderr


def test_two_feeds_do_not_share_a_socket(feed):
    """The second is refused, the first goes on; what a killed one left is removed."""
    other = feed.parent / "other.toml"
    other.write_text(FEED.split("[compliance]", maxsplit=1)[0].replace("ticks.jsonl", "others.jsonl"))
    with running("run", feed, "--json") as process:
        until_it_listens(feed)
        done = run("run", other, "--json", status=2)
        assert "another feed listens on" in done.stderr
        assert status(feed)["feed"] == "told"
        process.kill()
        process.wait(LIMIT_S)
    assert (feed.parent / "feed.sock").is_socket()
    assert "no feed listens on" in run("ctl", "status", feed, status=2).stderr
    assert json.loads(run("run", other, "--json", "--for", "2s").stdout)["received"]
    assert not (feed.parent / "feed.sock").exists()


def test_nonsense_is_answered_and_hurts_nobody(feed):
    """Whatever is written to the socket."""
    with running("run", feed, "--json"):
        until_it_listens(feed)
        for nonsense in (b"\n", b"{}\n", b'{"do":"fly"}\n', b"\xff" * 70_000, b""):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
                line.settimeout(LIMIT_S)
                line.connect(str(feed.parent / "feed.sock"))
                line.sendall(nonsense)
                line.shutdown(socket.SHUT_WR)
                assert b'"done":false' in line.recv(65_536)
        assert status(feed)["feed"] == "told"
