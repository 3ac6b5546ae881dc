"""Write the record of an incident as lines of text.

Owns: the form of the text that `ticktrail incident show` and `report` print, and that an evidence pack holds.
Never: decides what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from ticktrail.text import one_line
from ticktrail_compliance.incidents.deadlines import in_zone
from ticktrail_compliance.incidents.view import View, facts, step_line, tag_of

__all__ = ["facts_lines", "record_lines"]


def facts_lines(view: View, place: ZoneInfo) -> Iterator[str]:
    """Yield what is known of an incident, line by line; times in UTC and in the firm's zone."""
    yield one_line(f"incident {view.number}: {view.title}")
    for name, value in facts(view, place):
        if value:
            yield one_line(f"  {name:<20} {value}")


def record_lines(view: View, place: ZoneInfo, log: str, firm: str) -> Iterator[str]:
    """Yield the whole record: what is known, and every step with its entry.

    Args:
        view: The incident.
        place: The firm's zone.
        log: The name of the log.
        firm: Whose; empty: no policy names it.
    """
    yield one_line(f"{firm}, audit log {log}" if firm else f"audit log {log}")
    yield from facts_lines(view, place)
    yield "what was done, each by its entry of the log:"
    for step in view.steps:
        yield one_line(
            f"{step.seq:>6}  {in_zone(step.act.at_ns, place)}  {tag_of(step.act)}: {step_line(step, place)}"
        )
