"""Draw the report of an incident as a page to be printed.

Owns: the page. Every text of the record is escaped; there is no script, and nothing is fetched.
Never: decides what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from zoneinfo import ZoneInfo

from ticktrail.text import one_line
from ticktrail_compliance.incidents.deadlines import in_zone
from ticktrail_compliance.incidents.view import View, facts, step_line, tag_of

__all__ = ["html_of"]

_STYLE = """
body { font: 11pt/1.4 serif; max-width: 48em; margin: 2em auto; color: #000; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25em .75em .25em 0; border-bottom: 1px solid #ccc }
td { overflow-wrap: anywhere; white-space: pre-wrap }
th { font-weight: bold; white-space: nowrap }
@media print { body { margin: 0 } tr { break-inside: avoid } }
"""


def html_of(view: View, place: ZoneInfo, *, log: str, firm: str, now_ns: int) -> str:
    """Return the page.

    Args:
        view: The incident.
        place: The firm's zone.
        log: The name of the log.
        firm: Whose; empty: no policy names it.
        now_ns: When it was drawn.
    """
    return "\n".join(_lines(view, place, log, firm, now_ns)) + "\n"


def _lines(view: View, place: ZoneInfo, log: str, firm: str, now_ns: int) -> Iterator[str]:
    title = f"Incident {view.number}: {view.title}"
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield f"<title>{_cell(title)}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>{_cell(title)}</h1>"
    of = f"{firm}, audit log {log}" if firm else f"Audit log {log}"
    yield f"<p>{_cell(of)}; drawn at {_cell(in_zone(now_ns, place))}</p>"
    yield "<h2>What is known</h2><table>"
    for name, value in facts(view, place):
        if value:
            yield f"<tr><th>{_cell(name)}</th><td>{_cell(value)}</td></tr>"
    yield "</table><h2>What was done</h2>"
    yield "<table><tr><th>entry</th><th>when</th><th>what</th><th>it tells</th></tr>"
    for step in view.steps:
        cells = (str(step.seq), in_zone(step.act.at_ns, place), tag_of(step.act), step_line(step, place))
        yield "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in cells) + "</tr>"
    yield "</table>"
    yield "<p>Each entry stands sealed in the log under its number; <code>ticktrail audit prove</code> proves it.</p>"
    yield "</body></html>"


def _cell(text: str) -> str:
    """Return a text as HTML: line by line as it is, and no character that could be anything else."""
    return escape("\n".join(one_line(line) for line in text.split("\n")), quote=True)
