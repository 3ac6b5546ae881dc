"""A desk with a feed, as the pages on recovery find it, and the tools that they name."""

import os
import shutil

import pytest

from drills.walking import Walk

FEED = """\
[feed]
name = "desk"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.venue]
plugin = "synthetic"

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[clock]
servers = []

[control]
socket = "feed.sock"

[compliance]
key = { file = "audit.key" }
"""
POLICY = """\
[compliance]
firm = "Example Securities LLC"
"""


def needs(*programs):
    """Skip where a program that a page names is not installed; fail where services are required."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing and os.environ.get("TICKTRAIL_REQUIRE_SERVICES") == "1":
        pytest.fail(f"not installed, and services are required: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """The folder of a firm's feed, which has not run yet."""
    (tmp_path / "feed.toml").write_text(FEED)
    (tmp_path / "policy.toml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def reader(desk):
    """Make a reader of a page at the desk; each is closed at the end."""
    made = []

    def read(page, **more):
        made.append(Walk(page, desk, **more))
        return made[-1]

    yield read
    for walk in made:
        walk.close()
