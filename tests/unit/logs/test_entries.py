"""Every event is one line with its name, its level and its fields; the page of the reference says so."""

import logging
import runpy
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ticktrail import events
from ticktrail._logs.entry import Entry, entry_of, entry_of_library
from ticktrail._logs.form import as_json, as_text
from ticktrail._logs.levels import LEVELS, level_of
from ticktrail._logs.settings import RANK, LogSettings
from ticktrail.moments import rfc3339_of_ns

DOCS = Path(__file__).parents[3] / "docs"
DOWN = events.LegDown(
    at_ns=1_796_000_000_123_456_789,
    provider="a",
    cause="lost",
    detail="the line\nwas cut",
    permanent=False,
    failures=2,
    retry_in_s=1.5,
)


def test_every_event_has_a_level():
    """The table has each kind of the bus, and no other."""
    assert set(LEVELS) == set(get_args(events.Event))
    assert set(LEVELS.values()) <= set(RANK)


@pytest.mark.parametrize(
    ("severity", "level"), [("information", "info"), ("warning", "warning"), ("critical", "error")]
)
def test_a_notice_is_as_grave_as_it_says(severity, level):
    """Its level is that of its severity."""
    notice = events.Notice(at_ns=1, source="s", name="n", severity=severity, text="t")
    assert level_of(notice) == level


def test_a_notice_says_its_text_under_text():
    """What people read stands under one name in every line, as the reference says; no line of a notice has `text_`."""
    notice = events.Notice(at_ns=1, source="s", name="n", severity="information", text="seen at 7")
    found = msgspec.json.decode(as_json("f")(entry_of(notice)))
    assert found["text"] == "seen at 7"
    assert "text_" not in found
    assert "text=" in as_text(coloured=False)(entry_of(notice))


def test_one_json_object_a_line():
    """Time with nine digits, level, one event name, the feed, then the event's fields as they are."""
    line = as_json("f")(entry_of(DOWN, "leg a is lost"))
    assert "\n" not in line
    found = msgspec.json.decode(line)
    assert list(found)[:4] == ["time", "level", "event", "feed"]
    assert found["time"] == "2026-11-30T00:53:20.123456789Z"
    assert (found["level"], found["event"], found["feed"]) == ("warning", "leg_down", "f")
    assert (found["detail"], found["retry_in_s"], found["permanent"]) == ("the line\nwas cut", 1.5, False)
    assert found["text"] == "leg a is lost"
    assert "at_ns" not in found


def test_no_field_of_an_event_hides_the_line_s_own():
    """No event has a field of a name that a line needs for itself; `text` and `feed` mean the same in both."""
    for kind in get_args(events.Event):
        names = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert names.isdisjoint({"time", "level", "event", "exception", "folded", "folded_s"}), kind


def test_a_line_for_people_is_one_line():
    """Whatever a venue wrote into it: no break and no escape sequence gets through."""
    line = as_text(coloured=False)(
        entry_of(msgspec.structs.replace(DOWN, detail="cut\n2026 error: \x1b[31mforged"))
    )
    assert "\n" not in line
    assert "\x1b" not in line
    assert line.startswith("2026-11-30T00:53:20.123456789Z warning: leg_down provider=a cause=lost")
    told = as_text(coloured=False)(entry_of(DOWN, "leg a is lost"))
    assert told == "2026-11-30T00:53:20.123456789Z warning: leg a is lost name=leg_down"
    assert "\x1b[" in as_text(coloured=True)(entry_of(DOWN))


def test_a_library_s_record_is_an_entry():
    """Its module, its level, its words, and the traceback."""
    raised = ValueError("x")
    record = logging.LogRecord(
        "httpx", logging.CRITICAL, "f.py", 1, "asked %s", ("y",), (ValueError, raised, None)
    )
    entry = entry_of_library(record)
    assert (entry.level, entry.event, entry.text, entry.fields) == (
        "error",
        "library",
        "asked y",
        {"logger": "httpx"},
    )
    assert entry.exception.endswith("ValueError: x\n")
    assert as_text(coloured=False)(entry).splitlines()[-1] == "  ValueError: x"
    broken = logging.LogRecord("l", logging.INFO, "f.py", 1, "%d", ("no number",), None)
    assert "TypeError" in entry_of_library(broken).text


def test_levels_by_the_first_words():
    """The longest name that fits decides; a part of a word is none."""
    settings = LogSettings(
        level="info", levels={"clock": "error", "clock_breach": "debug", "httpx": "warning"}
    )
    assert settings.least("clock_measured") == "error"
    assert settings.least("clock_breach_begun") == "debug"
    assert settings.least("httpx.client") == "warning"
    assert settings.least("clockwork") == "info"


def test_times():
    """Nanoseconds are kept, to the last digit."""
    assert rfc3339_of_ns(1) == "1970-01-01T00:00:00.000000001Z"


def test_the_page_is_what_the_code_says():
    """`python docs/write_logs.py` writes it anew."""
    written = runpy.run_path(str(DOCS / "write_logs.py"))["page"]()
    assert (DOCS / "reference" / "logs.md").read_text(encoding="utf-8") == written
    assert "| `leg_down` | warning | The leg lost its venue" in written


def test_an_entry_of_odd_things_is_written_all_the_same():
    """A lone surrogate, bytes or an object in a field end no thread."""
    entry = Entry(at_ns=0, level="info", event="odd", fields={"a": "\ud800", "b": object(), "c": {"d": b"x"}})
    for render in (as_json("f"), as_text(coloured=False)):
        render(entry).encode("utf-8")


def test_what_a_venue_sent_forges_no_line():
    """An exception's text stands indented and escaped below its line, so that nothing in it passes for another."""
    forged = "2026-01-01T00:00:00.000000000Z error: forged"
    entry = Entry(
        at_ns=0,
        level="error",
        event="library",
        text="x",
        exception=f"ValueError: \x1b[2J\n{forged}\x85{forged}\n",
    )
    first, *rest = as_text(coloured=False)(entry).split("\n")
    assert first.endswith("x")
    assert rest == ["  ValueError: \\x1b[2J", f"  {forged}", f"  {forged}"]
