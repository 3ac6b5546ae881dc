"""Draw the summary of a pack as a page to be read and printed.

Owns: how values look, and that every text of the log is escaped: there is no script, and nothing is fetched.
Never: decides what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files

import jinja2

from ticktrail.text import one_line
from ticktrail_compliance.evidence.model import Cell, Entries, Kind, Summary
from ticktrail_compliance.words import counted, moment

__all__ = ["page_of"]

_TEMPLATE = "page.html.jinja"

OUTCOMES = {"met": "met", "missed": "MISSED", "not_recorded": "not recorded"}

LONG_WORD = 28

NAMED = 12
"""So many entries are named on paper; summary.json names more."""


def page_of(summary: Summary) -> bytes:
    """Return the page, which is the same for the same summary."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        {"shown": shown, "moment": _time, "entries": entries_told, "line": one_line, "unbroken": _is_unbroken}
    )
    text = files("ticktrail_compliance.evidence").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(text).render(summary=summary, outcomes=OUTCOMES).encode() + b"\n"


def shown(value: Cell, kind: Kind) -> str:
    """Return a value as people read it; a text as one line, in which nothing but printable characters stand."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return one_line(value)
    return _FORMS.get(kind, str)(value)


def entries_told(found: Entries) -> str:
    """Return which entries prove something: ``entries 5, 9 and 12``."""
    if not found.total:
        return "no entry"
    named = [str(seq) for seq in found.named[:NAMED]]
    if found.total > len(named):
        return f"{found.total:,} entries: {', '.join(named)} … {found.last}"
    if len(named) == 1:
        return f"entry {named[0]}"
    return f"entries {', '.join(named[:-1])} and {named[-1]}"


def _is_unbroken(value: Cell) -> bool:
    """Tell whether a text holds a word that is too long for a column, such as a hash: it may be broken anywhere."""
    return isinstance(value, str) and max(map(len, value.split()), default=0) > LONG_WORD


def _time(at_ns: int) -> str:
    """Return a moment to the second, UTC; its fraction stands in summary.json and in the records."""
    return moment(at_ns)[:19].replace("T", " ")


def _seconds(value: float) -> str:
    if value < 120:
        return f"{value:,.3f} s"
    minutes = round(value / 60)
    hours, days = minutes // 60 % 24, minutes // 1_440
    parts = [
        (counted(days, "day") if days else ""),
        (f"{hours} h" if days or hours else ""),
        f"{minutes % 60} min",
    ]
    return " ".join(part for part in parts if part)


_FORMS: Mapping[Kind, Callable[[int | float], str]] = {
    "count": lambda value: f"{value:,}",
    "time": lambda value: _time(int(value)),
    "seconds": _seconds,
    "percent": lambda value: f"{value:.4f} %",
    "ms": lambda value: f"{value:,.3f} ms",
}
