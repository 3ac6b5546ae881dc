"""What a person sees while a feed runs: a table that fits, and a terminal that is left as it was found."""

import json
import re
import sys

import pytest

from terminal import Terminal

FEED = """\
[feed]
name = "seen"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[providers.synthetic]
ticks = 100000
rate = 400
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
"""
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
SHOW_CURSOR, HIDE_CURSOR = "\x1b[?25h", "\x1b[?25l"


@pytest.fixture
def feed(tmp_path):
    path = tmp_path / "feed.toml"
    path.write_text(FEED)
    return path


def command(feed, *more):
    return [sys.executable, "-m", "ticktrail", "run", str(feed), *more]


def bare(drawn):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)


def frames(drawn):
    """Each screen that was drawn, without colours."""
    inside = drawn[drawn.index(ENTER) :].split(LEAVE)[0]
    return [bare(frame) for frame in inside.split("\x1b[H")[1:]]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 10), (200, 60)])
def test_the_table_fits(feed, columns, lines):
    """Nothing is wider or higher than the terminal, and the feed, its legs and its lanes are there."""
    with Terminal(command(feed), columns=columns, lines=lines) as terminal:
        terminal.until("live", "sink jsonl")
        terminal.interrupt()
        assert terminal.to_the_end() == 0
    drawn = terminal.seen.decode()
    last = next(frame for frame in reversed(frames(drawn)) if "sink jsonl" in frame)
    rows = last.replace("\r", "").split("\n")
    assert len(rows) <= lines
    assert max(map(len, rows)) <= columns
    assert "seen (development)" in last
    assert re.search(r"synthetic +live", last)


def test_the_terminal_is_left_as_it_was(feed):
    """After Ctrl-C: out of the other screen, the cursor shown, and the report on the screen as before."""
    with Terminal(command(feed)) as terminal:
        terminal.until("live")
        terminal.interrupt()
        assert terminal.to_the_end() == 0
    drawn = terminal.seen.decode()
    assert drawn.count(ENTER) == drawn.count(LEAVE) == 1
    after = drawn[drawn.index(LEAVE) :]
    assert drawn.rindex(SHOW_CURSOR) > drawn.rindex(HIDE_CURSOR)
    assert "what became of every tick" in after
    assert "\x1b[?1049h" not in after


def test_a_resize_is_survived(feed):
    """The next screen is drawn for the new size."""
    with Terminal(command(feed), columns=120, lines=30) as terminal:
        terminal.until("sink jsonl")
        terminal.resize(50, 12)
        seen = len(terminal.seen)
        terminal.until("sink jsonl", "\x1b[H", after=seen + 5_000)
        terminal.interrupt()
        assert terminal.to_the_end() == 0
    last = frames(terminal.seen.decode())[-1].replace("\r", "").split("\n")
    assert len(last) <= 12
    assert max(map(len, last)) <= 50


def test_a_warning_stays(feed):
    """What a person must know is on the screen, and below the report when it is gone."""
    feed.write_text(FEED.replace('"ticks.jsonl"', '"/dev/full"'))
    with Terminal(command(feed, "--for", "20s")) as terminal:
        terminal.to_the_end()
    drawn = terminal.seen.decode()
    after = bare(drawn[drawn.index(LEAVE) :])
    assert "warning: sink jsonl has failed" in after.replace("\r\n", " ")


def test_where_a_page_is_served_is_no_warning(feed):
    """The address stays on the screen as what it is."""
    with Terminal(command(feed, "--dashboard", "127.0.0.1:0")) as terminal:
        terminal.until("live", "sink jsonl", "dashboard: http://127.0.0.1:")
        terminal.interrupt()
        assert terminal.to_the_end() == 0
    last = frames(terminal.seen.decode())[-1]
    assert "dashboard: http://127.0.0.1:" in last
    assert "! dashboard" not in last


def test_lines_where_there_is_no_terminal(feed):
    """With standard output on the terminal and a log asked for: lines, and no table."""
    with Terminal(command(feed, "--max-ticks", "50", "--log", "text")) as terminal:
        assert terminal.to_the_end() == 0
    drawn = terminal.seen.decode()
    assert ENTER not in drawn
    assert re.search(r"info.*: .*leg_up.*provider.*synthetic", bare(drawn))


def test_quiet_with_json(feed, tmp_path):
    """One object on standard output, and nothing on the terminal."""
    asked = command(feed, "--max-ticks", "50", "--json")
    with (tmp_path / "out.json").open("wb") as out, Terminal(asked, stdout=out) as terminal:
        assert terminal.to_the_end() == 0
    assert terminal.seen == b""
    assert json.loads((tmp_path / "out.json").read_text())["delivered"]
