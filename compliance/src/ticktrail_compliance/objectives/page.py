"""Draw the objectives of a period as a page to be read and printed.

Owns: the page: no script, and nothing is fetched.
Never: decides what is in it.
"""

from __future__ import annotations

import re
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from ticktrail_compliance.evidence.page import OUTCOMES, entries_told, shown
from ticktrail_compliance.evidence.sections.clock import LIMIT_NS
from ticktrail_compliance.evidence.sections.latency import LATENCY_MS
from ticktrail_compliance.objectives.model import Objectives
from ticktrail_compliance.objectives.plots import plots_of
from ticktrail_compliance.words import moment

__all__ = ["page_of", "verdict_of"]

_TEMPLATE = "page.html.jinja"


def page_of(found: Objectives) -> bytes:
    """Return the page, which is the same for the same objectives."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        {
            "shown": shown,
            "moment": lambda at_ns: moment(at_ns)[:19].replace("T", " "),
            "entries": entries_told,
            "coded": _coded,
        }
    )
    text = files("ticktrail_compliance.objectives").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    page = environment.from_string(text).render(
        found=found,
        outcomes=OUTCOMES,
        verdict=verdict_of(found),
        plots=plots_of(found, limit_ms=LATENCY_MS, clock_limit_ms=LIMIT_NS / 1e6),
    )
    return page.encode() + b"\n"


def _coded(text: str) -> Markup:
    """Return a text of ours as markup, escaped, with what stands between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped one step before


def verdict_of(found: Objectives) -> str:
    """Return in a sentence how many objectives were met, missed, and not recorded."""
    counts = {name: sum(one.outcome == name for one in found.objectives) for name in OUTCOMES}
    parts = [f"{counts['met']} of {len(found.objectives)} objectives met"]
    if counts["missed"]:
        parts.append(f"{counts['missed']} missed")
    if counts["not_recorded"]:
        parts.append(f"of {counts['not_recorded']} the log records nothing")
    return ", ".join(parts)
