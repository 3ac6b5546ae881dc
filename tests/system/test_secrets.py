"""Credentials go to the venue and nowhere else: not into a log, an error, a record, a file or a representation."""

import base64
import json
import os
import subprocess
import sys

import msgspec
import pytest
import trio

from system.program import LIMIT_S, run
from ticktrail.testing.venue import Fault
from ticktrail_alpaca.live.provider import AlpacaProvider
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import context, keys, tape
from unit.mock.alpaca_stage import Tape

pytestmark = pytest.mark.anyio
KEY_ID, SECRET = "PKQ7W4ZT9XKEYID", "qZ8vLr3TmN5sYb2WxE6uSECRETpart"
LOUD = """
import logging, runpy, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
sys.argv = ["ticktrail", *sys.argv[1:]]
runpy.run_module("ticktrail", run_name="__main__")
"""
FEED = """\
[feed]
name = "secret"
instruments = ["AAPL"]
channels = ["trades", "quotes"]
[clock]
servers = []
[validation]
max_age_s = false
max_clock_offset_ms = false
[backoff]
first_s = 0.1
cap_s = 0.2
[providers.alpaca]
market = "stocks"
ws_url = "{ws_url}"
rest_url = "{rest_url}"
auth = "{auth}"
key_id = {{ env = "TEST_KEY_ID" }}
secret_key = {{ file = "alpaca.secret" }}
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
"""


def shapes(secret):
    """A text as it may stand somewhere."""
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode(), repr([*raw])[1:-1].encode()]


def find(data):
    """Which of the credentials stand in the bytes, in whatever shape."""
    return [shape for secret in (KEY_ID, SECRET) for shape in shapes(secret) if shape in data]


def loud(folder, *arguments):
    """Run the program with every logger at DEBUG; gives all it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", LOUD, *map(str, arguments)],
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
        cwd=folder,
        env={**os.environ, "TEST_KEY_ID": KEY_ID},
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("auth", ["message", "headers"])
@pytest.mark.parametrize("outcome", ["granted", "refused", "a page"])
async def test_no_credential_in_any_output(tmp_path, auth, outcome):
    """A run with a lost connection and a repair, one that is refused, one that is answered with a page."""
    (tmp_path / "alpaca.secret").write_text(SECRET)
    faults = [Fault(kind="refuse", at_message=100, for_s=1.5), Fault(kind="cut", at_message=100)]
    if outcome == "a page":
        faults.append(Fault(kind="html", at_s=0, count=1_000, status=502))
    known = {"key": KEY_ID, "secret": SECRET if outcome != "refused" else "another"}
    async with serve_alpaca(Tape(rate=300.0), faults=faults, **known) as venue:
        path = tmp_path / "feed.toml"
        path.write_text(FEED.format(ws_url=venue.ws_url(), rest_url=venue.rest_url(), auth=auth))
        commands = [
            ("check", path),
            ("check", path, "--json"),
            ("run", path, "--for", "9s" if outcome == "granted" else "3s"),
        ]
        written = [await trio.to_thread.run_sync(loud, tmp_path, *command) for command in commands]
    written += [loud(tmp_path, "audit", "show", path, "--json"), loud(tmp_path, "audit", "verify", path)]
    ran, shown = written[2], written[3]
    assert b"DEBUG" in ran  # it was loud
    assert json.loads(shown.splitlines()[0])
    if outcome == "refused":
        assert b"check key_id and secret_key" in ran + shown
    else:
        assert (tmp_path / "ticks.jsonl").stat().st_size > 10_000
        assert (b'"backfilled":true' in (tmp_path / "ticks.jsonl").read_bytes()) == (outcome == "granted")
    for one in written:
        assert find(one) == []
    kept = [file for file in tmp_path.iterdir() if file.name != "alpaca.secret"]
    assert len(kept) >= 4
    for file in kept:
        assert find(file.read_bytes()) == [], file.name


async def test_no_credential_in_a_representation(tmp_path):
    """Not of the settings, in any form, nor of what was made of them, nor of what they hold."""
    references = keys(tmp_path, key_id=KEY_ID, secret=SECRET)
    settings = AlpacaSettings(**references)
    asked = context(base_dir=tmp_path)
    provider = AlpacaProvider(settings, asked)
    async with serve_alpaca(tape(), key=KEY_ID, secret=SECRET) as venue:
        at_venue = AlpacaSettings(rest_url=venue.rest_url(), **references)
        async with RestClient(at_venue, "leg", asked.clock, tmp_path, lambda event: None) as client:
            forms = [
                repr(settings),
                str(settings),
                repr(msgspec.to_builtins(settings)),
                msgspec.json.encode(settings).decode(),
                repr(provider),
                repr(vars(provider)),
                repr(client),
                repr(vars(client)),
                repr({name: vars(part) for name, part in vars(client).items() if hasattr(part, "__dict__")}),
            ]
    for form in forms:
        assert find(form.encode()) == []


def test_what_is_looked_for_would_be_found():
    """The search itself finds each shape."""
    for secret in (KEY_ID, SECRET):
        for shape in shapes(secret):
            assert find(b"before " + shape + b" after") == [shape]


def test_a_secret_is_not_taken_from_the_feed_file(tmp_path):
    """Written into the file itself it is refused, without repeating it."""
    path = tmp_path / "feed.toml"
    text = FEED.format(ws_url="ws://127.0.0.1:1", rest_url="http://127.0.0.1:1", auth="message")
    path.write_text(text.replace('{ file = "alpaca.secret" }', f'"{SECRET}"'))
    done = run("check", path, status=2)
    assert "secret_key" in done.stderr
    assert find((done.stdout + done.stderr).encode()) == []
