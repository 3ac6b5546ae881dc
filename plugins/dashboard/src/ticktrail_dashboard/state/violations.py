"""Say in words what a rule found.

Owns: how the fields of a violation read, of whichever rule it is.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from ticktrail.model import Violation

__all__ = ["MOST_TEXT", "said"]

MOST_TEXT: Final = 300
_UNITS: Final = {"_ms": "ms", "_s": "s", "_pct": "%"}
_LIMITS: Final = {"max_": "at most", "min_": "at least"}


def said(violation: Violation) -> str:
    """Return what was found: first what was wrong, then what it was held against.

    Such as ``mid 150: last price 100, price jump at most 0.1, 3 in a row agree``.
    """
    fields = {name: value for name, value in msgspec.structs.asdict(violation).items() if value is not None}
    field = fields.pop("field", None)
    parts = []
    for name, value in fields.items():
        if isinstance(field, str):  # it names the value that follows
            parts.append(f"{field.replace('_', ' ')} {value}")
            field = None
        elif text := _said_of(name, value):
            parts.append(text)
    text = ": ".join([parts[0], ", ".join(parts[1:])]) if len(parts) > 1 else "".join(parts)
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _said_of(name: str, value: object) -> str:
    """Return one field in words; empty where it says nothing."""
    if isinstance(value, bool):
        return name.replace("_", " ") if value else ""
    if name == "candidates":
        return f"{value} in a row agree"
    if isinstance(value, Mapping):
        value = " and ".join(f"{key} {one}" for key, one in value.items())
    if name.endswith("_ns") and isinstance(value, int):
        at = datetime.fromtimestamp(value // 1_000_000_000, UTC)
        return (
            f"{name.removesuffix('_ns').replace('_', ' ')} {at:%H:%M:%S}.{value // 1_000_000 % 1_000:03d} UTC"
        )
    unit = next((ending for ending in _UNITS if name.endswith(ending)), "")
    limit = next((beginning for beginning in _LIMITS if name.startswith(beginning)), "")
    words = [name.removeprefix(limit).removesuffix(unit).replace("_", " ")]
    words += [_LIMITS[limit]] if limit else []
    words += [str(value), _UNITS[unit]] if unit else [str(value)]
    return " ".join(words)
