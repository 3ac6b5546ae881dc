"""Entries get to where they are written, in order, and nobody ever waits for that."""

import errno
import json
import logging
import os
import stat
import threading
import time

import pytest

from ticktrail import events
from ticktrail._logs.form import as_json
from ticktrail._logs.library import libraries_into
from ticktrail._logs.outlet import LogFile
from ticktrail._logs.pipe import LogPipe
from ticktrail._logs.settings import LogSettings
from ticktrail.errors import ConfigError
from ticktrail.plugin import Routed

PATIENCE_S = 30


def up(number):
    return events.LegUp(at_ns=number, provider=f"leg-{number}", reconnects=0)


class Held:
    """An outlet that keeps what it is given, and can be made to hang or to fail."""

    name = "the outlet"

    def __init__(self):
        self.lines = []
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.error = None
        self.closed = False

    def write(self, lines):
        self.entered.set()
        assert self.go.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.lines += [json.loads(line) for line in lines.splitlines()]

    def close(self):
        self.closed = True


def pipe(outlet, **settings):
    return LogPipe(LogSettings(**settings), outlet, as_json("f"))


def until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_each_event_is_a_line_and_no_tick_is():
    """In order; what became of ticks is passed over."""
    held = Held()
    log = pipe(held)
    for number in range(100):
        log.hear(up(number))
        log.hear(Routed(provider="a", recv_ns=0))
    assert log.close() == 0
    assert [line["provider"] for line in held.lines] == [f"leg-{number}" for number in range(100)]
    assert {line["event"] for line in held.lines} == {"leg_up"}
    assert held.closed


def test_levels():
    """What is below the least level is not written; another may be said of a kind of event."""
    held = Held()
    log = pipe(held, level="warning", levels={"leg_up": "info"})
    log.hear(up(1))
    log.hear(events.ConnectionRotated(at_ns=2, provider="a", cause="c", overlap_ms=1.0, repeated=0))
    log.hear(events.SinkFailed(at_ns=3, sink="s", cause="c", dropped=0))
    log.close()
    assert [line["event"] for line in held.lines] == ["leg_up", "sink_failed"]


def test_an_outlet_that_hangs_holds_nobody_up():
    """Every call returns at once; what has no room is counted, and told once there is room again."""
    held = Held()
    held.go.clear()
    log = pipe(held, queue_lines=10, fold_s=0.0)
    log.hear(up(0))
    assert held.entered.wait(PATIENCE_S)
    for number in range(1, 1_001):  # none of these may wait, or this test would never end
        log.hear(up(number))
    held.go.set()
    until(lambda: any(line["event"] == "log_dropped" for line in held.lines))
    (told,) = [line for line in held.lines if line["event"] == "log_dropped"]
    written = [line for line in held.lines if line["event"] == "leg_up"]
    assert told["count"] == 1_001 - len(written) > 900
    assert log.close() == 0


def test_the_end_does_not_wait_for_ever():
    """An outlet that never takes anything costs two seconds, and what was not written is known."""
    held = Held()
    held.go.clear()
    log = pipe(held)
    log.hear(up(0))
    assert held.entered.wait(PATIENCE_S)
    log.hear(up(1))
    assert log.close() == 1
    held.go.set()


def test_an_outlet_that_fails_is_told_of_once():
    """Lines are lost meanwhile and counted; afterwards the log says how many."""
    held, told = Held(), []
    held.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    log = LogPipe(LogSettings(), held, as_json("f"), tell=told.append)
    for number in range(3):
        log.hear(up(number))
        held.entered.clear()
        assert held.entered.wait(PATIENCE_S)
    until(lambda: told)
    held.error = None
    until(lambda: held.lines)
    log.close()
    assert told == ["the outlet cannot be written (No space left on device): lines of the log are lost"]
    dropped = [line["count"] for line in held.lines if line["event"] == "log_dropped"]
    assert sum(dropped) == 3


def test_a_warning_that_an_event_has_told_is_not_told_twice():
    """One line, with the event's name and the sentence; a warning of its own is a line of its own."""
    held = Held()
    log = LogPipe(LogSettings(), held, as_json("f"), sentence=lambda event: f"leg {event.provider} is up")
    log.hear(up(1))
    log.warn("leg leg-1 is up")
    log.warn("another")
    log.close()
    assert [(line["event"], line["text"]) for line in held.lines] == [
        ("leg_up", "leg leg-1 is up"),
        ("warning", "another"),
    ]


def test_a_flood_is_folded():
    """A thousand of the same are six lines."""
    held = Held()
    log = pipe(held)
    for _ in range(1_000):
        log.hear(up(7))
    log.close()
    assert len(held.lines) == 6
    assert held.lines[-1]["folded"] == 995


def test_libraries_go_the_same_way():
    """From `warning` on, or as `levels` says; their loggers are afterwards as they were."""
    held = Held()
    settings = LogSettings(levels={"noisy.part": "debug"}, fold_s=0.0)
    log = LogPipe(settings, held, as_json("f"))
    noisy, other = logging.getLogger("noisy.part.inner"), logging.getLogger("other")
    before = logging.getLogger("noisy.part").level
    with libraries_into(log, settings):
        noisy.debug("one")
        other.info("unheard")
        other.warning("two")
        logging.getLogger("ticktrail.rules").info("three")
    other.warning("after")
    log.close()
    assert [(line["logger"], line["level"], line["text"]) for line in held.lines] == [
        ("noisy.part.inner", "debug", "one"),
        ("other", "warning", "two"),
        ("ticktrail.rules", "info", "three"),
    ]
    assert logging.getLogger("noisy.part").level == before


def test_the_file_is_private_and_grows(tmp_path):
    """Mode 0600 whatever the umask; an earlier run's lines stay."""
    path = tmp_path / "feed.log"
    for number in range(2):
        before = os.umask(0)
        try:
            log = pipe(LogFile(path))
        finally:
            os.umask(before)
        log.hear(up(number))
        log.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().splitlines()) == 2


def test_a_file_that_is_moved_away_is_made_anew(tmp_path):
    """As logrotate does it; nothing of either is lost."""
    path = tmp_path / "feed.log"
    log = pipe(LogFile(path))
    log.hear(up(1))
    until(lambda: path.stat().st_size)
    path.rename(tmp_path / "feed.log.1")
    log.hear(up(2))
    until(path.exists)
    until(lambda: path.stat().st_size)
    path.unlink()
    log.hear(up(3))
    until(path.exists)
    log.close()
    assert "leg-1" in (tmp_path / "feed.log.1").read_text()
    assert "leg-3" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("kind", ["folder", "pipe", "missing"])
def test_a_file_that_cannot_be_one(tmp_path, kind):
    """Told at once, with the key and the remedy; a named pipe is not waited for."""
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = path / "deep" / "feed.log"
    with pytest.raises(
        ConfigError, match=r"\[log\] file: .* cannot be opened for writing .*: make its folder"
    ):
        LogFile(path)


def test_a_line_that_cannot_be_made_costs_no_other():
    """A defect in the sentence or the form of one is told once, and counted; the thread goes on."""
    held, told = Held(), []

    def sentence(event):
        if event.reconnects == 1:
            raise LookupError("no words")

    def render(entry):
        if entry.fields.get("reconnects") == 2:
            raise ValueError("no form")
        return as_json("f")(entry)

    log = LogPipe(LogSettings(), held, render, sentence=sentence, tell=told.append)
    for number in range(4):
        log.hear(events.LegUp(at_ns=number, provider=f"leg-{number}", reconnects=number))
    log.close()
    assert [line["provider"] for line in held.lines if "provider" in line] == ["leg-0", "leg-3"]
    assert sum(line["count"] for line in held.lines if line["event"] == "log_dropped") == 2
    assert told == ["a line of the log cannot be made, by a defect: LookupError: no words"]


def test_a_teller_that_fails_ends_no_log():
    """What could not be told of the log stands in it, once it can be written again."""
    held = Held()
    held.error = OSError(errno.ENOSPC, "no room")

    def tell(_text):
        held.error = None
        raise BrokenPipeError("nobody reads")

    log = LogPipe(LogSettings(), held, as_json("f"), tell=tell)
    log.hear(up(1))
    until(lambda: held.error is None)
    log.hear(up(2))
    until(lambda: any(line.get("provider") == "leg-2" for line in held.lines))
    log.close()
    (said,) = [line["text"] for line in held.lines if line["event"] == "warning"]
    assert "the outlet cannot be written (no room)" in said
    assert "BrokenPipeError" in said
