"""Show a plugin's report card to people: as lines, and as a badge.

Owns: the words and the picture.
Never: runs a check.
"""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final
from xml.sax.saxutils import escape

import click

from ticktrail.testing.card import Card, LawCard, Outcome
from ticktrail.text import one_line

__all__ = ["badge_of", "lines_of"]

_WIDEST: Final = 110
_INDENT: Final = " " * 15
_COLOURS: Final[Mapping[Outcome, str]] = {"kept": "green", "broken": "red", "skipped": "yellow"}
_LETTER_PX: Final = 6.6
"""Of the badge's font, on average; the text is stretched to what was reckoned."""
_BADGE: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="ticktrail: {said}">
  <title>ticktrail: {said}</title>
  <rect width="{width}" height="20" rx="3" fill="#444"/>
  <path d="M{left} 0h{right_less}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>
  <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
    <text x="{left_middle}" y="14" textLength="{left_text}">ticktrail</text>
    <text x="{right_middle}" y="14" textLength="{right_text}">{said}</text>
  </g>
</svg>
"""


def lines_of(card: Card) -> Iterator[str]:
    """Yield the card as a table for each suite, and a last line that says whether all of it conforms."""
    width = min(shutil.get_terminal_size().columns, _WIDEST)
    for suite in card.suites:
        yield click.style(one_line(f"{suite.suite}: {suite.kind} {suite.name}".rstrip()), bold=True)
        for law in suite.laws:
            yield from _law_lines(law, width)
        yield ""
    for text in card.refused:
        yield from textwrap.wrap(one_line(text), width, subsequent_indent="  ", break_long_words=False)
    yield _verdict(card)


def badge_of(card: Card) -> str:
    """Return an SVG picture that says how many laws the plugin keeps, of which API version, or what is against it."""
    broken = _broken(card)
    if card.conforms:
        outcomes = [law.outcome for suite in card.suites for law in suite.laws]
        said = f"keeps {outcomes.count('kept')} of {len(outcomes)} laws, API {card.api}"
        colour = "#2a7f3f"
    elif card.refused:
        said, colour = "cannot be loaded", "#b3261e"
    elif broken:
        said, colour = f"{broken} {'law' if broken == 1 else 'laws'} broken", "#b3261e"
    else:
        said, colour = "nothing checked", "#77767b"
    left_text, right_text = (round(len(text) * _LETTER_PX) for text in ("ticktrail", said))
    left, right = left_text + 12, right_text + 12
    return _BADGE.format(
        width=left + right,
        left=left,
        right_less=right - 3,
        colour=colour,
        left_middle=left / 2,
        right_middle=left + right / 2,
        left_text=left_text,
        right_text=right_text,
        said=escape(said),
    )


def _law_lines(law: LawCard, width: int) -> Iterator[str]:
    outcome = click.style(f"{law.outcome:<8}", fg=_COLOURS[law.outcome])
    first, *others = textwrap.wrap(one_line(law.what), max(width - len(_INDENT), 30)) or [""]
    yield f"  {law.number}  {outcome} {first}"
    said = law.detail.splitlines()[:1] if law.outcome != "kept" else []
    for line in others:
        yield f"{_INDENT}{line}"
    for text in said:
        for line in textwrap.wrap(one_line(text), max(width - len(_INDENT) - 2, 30), break_long_words=False):
            yield f"{_INDENT}  {click.style(line, dim=law.outcome == 'skipped')}"


def _verdict(card: Card) -> str:
    counts = Counter(law.outcome for suite in card.suites for law in suite.laws)
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in _COLOURS if counts[outcome])
    if card.conforms:
        return click.style(f"conforms to API {card.api} of ticktrail {card.ticktrail}: {told}", fg="green")
    if card.refused:
        return click.style("does not conform: no feed could load it", fg="red")
    numbers = sorted({number for suite in card.suites for number in suite.numbers("broken")})
    named = f": {', '.join(numbers)}" if numbers else ""
    return click.style(f"does not conform: {told or 'nothing was checked'}{named}", fg="red")


def _broken(card: Card) -> int:
    return len({(suite.suite, number) for suite in card.suites for number in suite.numbers("broken")})
