"""`ticktrail audit`: what a person and a program are told, and the exit status."""

import json

import anyio
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from unit.compliance.logs import attacked, sample

FEED = """\
[feed]
name = "x"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[compliance]
key = { file = "audit.key" }
"""


@pytest.fixture
def folder(tmp_path):
    anyio.run(sample, tmp_path)
    (tmp_path / "feed.toml").write_text(FEED)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(program, ["audit", *map(str, arguments)])


def by_file(folder):
    return [folder / "feed.toml"]


def by_url(folder):
    return ["--database", f"sqlite:///{folder / 'audit.db'}", "--key", f"file:{folder / 'audit.key'}"]


@pytest.mark.parametrize("named", [by_file, by_url])
def test_a_sound_log(folder, named):
    """Status 0, counts and head, for people and machines."""
    done = run("verify", *named(folder))
    assert done.exit_code == 0, done.output
    assert "sound: 6 entries, 3 events, 11 ticks in 3 segments" in done.stdout
    told = json.loads(run("verify", *named(folder), "--json").stdout)
    assert told["sound"]
    assert told["head"] in done.stdout


def test_a_log_that_was_changed(folder):
    """Status 1, the first bad entry by number."""
    with attacked(folder) as database:
        database.execute("DELETE FROM audit_entries WHERE seq = 3")
    done = run("verify", folder / "feed.toml")
    assert done.exit_code == 1
    assert "entry 3 is missing" in done.stderr
    told = json.loads(run("verify", folder / "feed.toml", "--json").stdout)
    assert told["findings"][0]["seq"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "--database", "sqlite:///x"],
        ["verify", "none.toml"],
        ["show", "--key", "file:x"],
    ],
)
def test_wrong_use(arguments):
    """Status 2, no traceback."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("c2VjcmV0", "never stands on a command line"),
        ("env:c2VjcmV0==", "--key env: is no name of an environment variable"),
    ],
)
def test_a_key_itself_is_refused(folder, key, says):
    """A key never stands on a command line, nor in place of a variable's name."""
    done = run("verify", "--database", f"sqlite:///{folder / 'audit.db'}", "--key", key)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "c2VjcmV0" not in done.output


def test_a_feed_without_a_log(tmp_path):
    """The missing table is named."""
    (tmp_path / "feed.toml").write_text(FEED.partition("[compliance]")[0])
    done = run("verify", tmp_path / "feed.toml")
    assert done.exit_code == 2
    assert "compliance" in done.stderr


def test_show(folder):
    """Each tick with what became of it; events with their fields."""
    text = run("show", folder / "feed.toml").stdout
    assert "leg_down: provider leg, cause cut" in text
    assert "rejected    trade id=3" in text
    assert "by too_big" in text
    assert "suppressed  trade id=0" in text
    assert "price=61837.63000000" in text


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        (["--event", "leg_up"], [1, 6]),
        (["--from", 4], [4, 5, 6]),
        (["--to", 1], [1]),
        (["--limit", 2], [1, 2]),
        (["--since", "2026-09-21T14:13:20.000000004Z"], None),
    ],
)
def test_show_a_range(folder, options, seqs):
    """By event, by number, by time, at most so many; one JSON object a record."""
    done = run("show", folder / "feed.toml", "--json", *options)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if seqs is not None:
        assert [row["seq"] for row in rows] == seqs
    assert all(row["record"]["event"] for row in rows)


def test_a_time_that_is_none(folder):
    """The form is told."""
    done = run("show", folder / "feed.toml", "--since", "yesterday")
    assert done.exit_code == 2
    assert "2026-11-23T14:30:00Z" in done.stderr
