"""Know which secrets were resolved in this process, so that no line of a log holds one.

Owns: those values, in memory alone, and their removal from a text.
Never: gives a value to anybody.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

__all__ = ["HIDDEN", "remember", "without_secrets"]

HIDDEN: Final = "[secret]"
"""What stands in a secret's place."""
_SHORTEST: Final = 4
"""A shorter value would be found in every other word, and protects nothing."""
_MOST: Final = 1_000
"""Forms that are kept; a process has a handful of secrets, and one that resolves new ones for ever drops the oldest."""

_forms: dict[str, None] = {}


def remember(value: str) -> None:
    """Keep a secret out of every log of this process from now on."""
    if len(value) < _SHORTEST:
        return
    for form in _shapes(value):
        _forms[form] = None
    while len(_forms) > _MOST:
        _forms.pop(next(iter(_forms)), None)


def without_secrets(text: str) -> str:
    """Return the text with `HIDDEN` for every secret that was resolved, as it is or as it is often encoded."""
    forms = list(_forms)  # another thread may resolve one meanwhile
    for form in sorted(forms, key=len, reverse=True):  # one may be a part of another
        if form in text:
            text = text.replace(form, HIDDEN)
    return text


def _shapes(value: str) -> Iterator[str]:
    raw = value.encode()
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value)[1:-1]
    yield quote(value, safe="")
    yield raw.hex()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode("ascii").rstrip("=")
    yield from (line for line in value.splitlines() if len(line) > _SHORTEST * 4)  # a PEM, line by line
