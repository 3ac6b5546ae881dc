"""A desk with a feed, as the pages on recovery find it, and the tools that they name."""

import pytest

from debian import why_without
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


PACKAGES = {
    **dict.fromkeys(("psql", "pg_dump", "pg_restore"), "postgresql-client"),
    "sqlite3": "sqlite3",
    "truncate": "coreutils",
}


def needs(*programs):
    """Skip where a program that a page names is not installed, and cannot be."""
    for name in programs:
        if reason := why_without(name, PACKAGES[name]):
            pytest.skip(reason)


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
