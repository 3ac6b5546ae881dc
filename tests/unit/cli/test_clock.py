"""`ticktrail clock`: what it shows, and its exit status."""

import json

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from time_servers import time_server


def run(*arguments):
    return CliRunner().invoke(program, ["clock", *map(str, arguments)])


def feed(tmp_path, *servers, **more):
    keys = {"servers": list(servers), "chrony": "off", **more}
    path = tmp_path / "feed.toml"
    path.write_text("[clock]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items()))
    return path


@pytest.mark.parametrize(
    ("offset_s", "status", "said"), [(0.0, 0, "in tolerance"), (5.0, 1, "OUT OF TOLERANCE")]
)
def test_the_verdict_is_the_exit_status(offset_s, status, said):
    """0 in tolerance, 1 out of it; the source stands above the result."""
    with time_server(offset_s=offset_s) as server:
        done = run("--server", server.address)
    assert done.exit_code == status, done.output
    source, result = done.stdout.splitlines()
    assert source.startswith(f"{server.address}  ")
    assert source.endswith("used")
    assert result.endswith(f"limit 50 ms: {said}")


def test_a_feed_file_says_whom_to_ask_and_the_limit(tmp_path):
    """Its [clock] table; the other tables are not looked at."""
    with time_server(offset_s=1) as server:
        done = run(feed(tmp_path, server.address, max_offset_ms=2000))
    assert done.exit_code == 0, done.output
    assert "limit 2000 ms" in done.stdout


def test_json_holds_every_source(tmp_path):
    """The event as a feed would record it."""
    with (
        time_server() as one,
        time_server(offset_s=5) as liar,
        time_server() as other,
        time_server(mute=True) as mute,
    ):
        servers = (one.address, liar.address, other.address, mute.address)
        done = run(feed(tmp_path, *servers, timeout_s=0.5), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["event"] == "clock_measured"
    assert told["in_tolerance"] is True
    assert told["limit_ns"] == 50_000_000
    verdicts = {source["server"]: source["verdict"] for source in told["sources"]}
    assert verdicts == dict(zip(servers, ["used", "false_ticker", "used", "no_answer"], strict=True))


def test_no_majority_is_a_finding():
    """Both are shown; the status is 1."""
    with time_server() as one, time_server(offset_s=5) as other:
        done = run("--server", one.address, "--server", other.address)
    assert done.exit_code == 1
    assert done.stdout.count("no majority\n") == 2
    assert "clock: not measured: no majority" in done.stdout


def test_a_server_may_be_given_beside_a_feed_file(tmp_path):
    """It is asked instead of the file's."""
    with time_server(mute=True) as mute, time_server() as server:
        done = run(feed(tmp_path, mute.address), "--server", server.address)
    assert done.exit_code == 0, done.output
    assert mute.asked == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--server", "a:b"], "neither a host nor host:port"),
        (["--server", "bad host"], "neither a host nor host:port"),
        (["--server", "a", "--server", "A:123"], "--server a stands twice"),
        (["nowhere.toml"], "nowhere.toml"),
    ],
)
def test_wrong_use(arguments, said):
    """Status 2, and what would be right."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize(
    ("text", "said"),
    [("[clock]\nservers = []\n", "turns the measurement off"), ("[clock]\nserver = 1\n", "servers")],
)
def test_wrong_settings(tmp_path, text, said):
    """Status 2, with file, key and remedy."""
    path = tmp_path / "feed.toml"
    path.write_text(text)
    done = run(path)
    assert done.exit_code == 2
    assert said in done.output
    assert "feed.toml" in done.output
