"""Number what a plugin must keep, and say it in one place.

Owns: the number, the words and the kind of each law, and that a broken one is told by its number.
Never: knows what a law is about; the suites do.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ParamSpec

__all__ = ["KINDS", "Law", "law", "law_of", "laws_of"]

P = ParamSpec("P")

KINDS: Mapping[str, str] = MappingProxyType(
    {"P": "provider", "H": "history", "V": "validator", "S": "sink", "R": "route", "O": "observer"}
)
"""By the letter of a law's number, the kind of plugin that it binds."""

_NUMBER = re.compile(rf"[{''.join(KINDS)}]\d\d")
_MARK = "__ticktrail_law__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law of the kit.

    Attributes:
        number: Such as ``P07``; never given to another law.
        what: What must hold, in a sentence.
        provoked: How the kit tries to break it.
        skipped: When it does not apply; empty: never.
    """

    number: str
    what: str
    provoked: str
    skipped: str = ""

    @property
    def kind(self) -> str:
        """Whom it binds: a ``provider``, a ``sink`` and so on."""
        return KINDS[self.number[0]]


def law(number: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Make a check of a suite a law: its docstring is the law's words.

    The first paragraph says what must hold; a paragraph that begins ``Provoked:`` says how the check tries to break it,
    one that begins ``Skipped:`` when it does not apply. A failure begins with the number and what must hold.

    Raises:
        ValueError: The number or the docstring is not of that form.
    """

    def wrap(check: Callable[P, None]) -> Callable[P, None]:
        made = _read(number, inspect.getdoc(check) or "")

        @functools.wraps(check)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                check(*args, **kwargs)
            except AssertionError as exc:
                raise AssertionError(f"{made.number}: {made.what}\n{exc}") from exc

        setattr(checked, _MARK, made)
        return checked

    return wrap


def law_of(check: object) -> Law | None:
    """Return the law that a function or method of a suite checks, None where it is none."""
    found = getattr(check, _MARK, None)
    return found if isinstance(found, Law) else None


def laws_of(suite: type) -> Iterator[Law]:
    """Yield the laws of a suite, by number."""
    found = (law_of(getattr(suite, name)) for name in dir(suite) if name.startswith("test_"))
    yield from sorted((one for one in found if one is not None), key=lambda one: one.number)


def _read(number: str, text: str) -> Law:
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"{number!r} is no law's number; write one of {', '.join(KINDS)} and two digits")
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    said = {
        word: part.removeprefix(f"{word}:").strip()
        for part in paragraphs[1:]
        for word in ("Provoked", "Skipped")
        if part.startswith(f"{word}:")
    }
    if not paragraphs[0] or "Provoked" not in said:
        raise ValueError(f"law {number}: its docstring needs what must hold, and a paragraph 'Provoked: …'")
    return Law(number=number, what=paragraphs[0], provoked=said["Provoked"], skipped=said.get("Skipped", ""))
