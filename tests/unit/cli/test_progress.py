"""How far a command got: lines now and then where there is no terminal, a bar where there is one, else nothing."""

import io
import re
import sys

import pytest

from terminal import Terminal
from ticktrail.progress import LINE_EVERY_S, ProgressBar, duration

BAR = """
import time
from ticktrail.progress import ProgressBar
with ProgressBar("verifying") as bar:
    bar.begin("entries", 1000)
    for done in range(1001):
        bar.done(done)
        time.sleep(0.002)
print("done")
"""


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def played(*, quiet=False, seconds=60, total=600):
    """What is written while so many are done, evenly."""
    clock, stream = Clock(), io.StringIO()
    with ProgressBar("verifying", quiet=quiet, stream=stream, clock=clock) as bar:
        bar.begin("entries", total)
        for done in range(1, total + 1):
            clock.now_s += seconds / total
            bar.done(done)
    return stream.getvalue().splitlines()


def test_lines_where_there_is_no_terminal():
    """One each five seconds: share, count, rate, time left."""
    lines = played()
    assert len(lines) == pytest.approx(60 / LINE_EVERY_S, abs=1)
    assert re.fullmatch(r"verifying entries: 5\d% \(30\d of 600\), 10 a second, \d\d s left", lines[5])


def test_a_short_one_says_nothing():
    """Who waits for less than five seconds needs no word."""
    assert played(seconds=4) == []


def test_quiet():
    """With `--json` or `--quiet` nothing is written."""
    assert played(quiet=True) == []


def test_nothing_of_nothing():
    """A part of nothing shows nothing, and nothing is divided by it."""
    stream = io.StringIO()
    with ProgressBar("verifying", stream=stream) as bar:
        bar.begin("entries", 0)
        bar.done(0)
        bar.advance()
    assert stream.getvalue() == ""


def test_many_are_cheap():
    """Of a million the clock is looked at a thousand times."""
    clock, looked = Clock(), []
    bar = ProgressBar("x", stream=io.StringIO(), clock=lambda: looked.append(1) or clock.now_s)
    bar.begin("y", 1_000_000)
    for done in range(1_000_001):
        bar.done(done)
    assert len(looked) < 1_100


def test_a_bar_on_a_terminal():
    """With what, share and rate; it is gone at the end, and the cursor is there."""
    with Terminal([sys.executable, "-c", BAR]) as terminal:
        assert terminal.to_the_end() == 0
    drawn = terminal.seen.decode()
    assert "verifying entries" in drawn
    assert re.search(r"\d+%", drawn)
    assert re.search(r"of 1,000 .*/s", drawn)
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")
    assert "done" in drawn.splitlines()[-1]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (125, "2:05 min"), (12_000, "3:20 h")]
)
def test_times(seconds, text):
    """As people say them."""
    assert duration(seconds) == text
