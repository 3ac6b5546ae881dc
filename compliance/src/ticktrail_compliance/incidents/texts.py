"""Bound what may be written of an incident.

Owns: how long each text may be.
Never: shortens what a person wrote: it is refused, and a file takes it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

__all__ = ["MOST_CHARS", "clipped", "too_long"]

MOST_CHARS: Mapping[str, int] = {
    "all_told": 8_000,
    "batch": 200,
    "by": 200,
    "detail": 8_000,
    "ground": 8_000,
    "information": 2_000,
    "measures": 8_000,
    "name": 255,
    "note": 1_000,
    "outcome": 8_000,
    "owner": 200,
    "provider": 200,
    "recipients": 1_000,
    "subject": 200,
    "systems": 200,
    "text_sha256": 64,
    "title": 200,
}
"""The most characters of each field of an act; of `systems`, of each."""

MOST_SYSTEMS = 100


def clipped(text: str, field: str) -> str:
    """Return a text that a program wrote, no longer than the field of an act may be."""
    most = MOST_CHARS[field]
    return text if len(text) <= most else f"{text[: most - 2]} …"


def too_long(act: msgspec.Struct) -> str | None:
    """Return which text of an act is too long, with the remedy; None: none is."""
    for field, most in MOST_CHARS.items():
        held = getattr(act, field, "")
        texts = [held] if isinstance(held, str) else list(held)
        if len(texts) > MOST_SYSTEMS:
            return f"{field}: {len(texts)} are named, and {MOST_SYSTEMS} is the most; name what holds several of them"
        longest = max((len(text) for text in texts), default=0)
        if longest > most:
            return (
                f"{field}: {longest:,} characters are more than the {most:,} that it may have; write them to a file, "
                "and attach it (`ticktrail incident attach`)"
            )
    return None
