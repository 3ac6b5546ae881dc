"""Word what somebody wants to see of a log: which command, which range, which filters.

Owns: the form of `what` in the acts of access control.
Never: holds content, a key or a password.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ticktrail_compliance.words import moment

__all__ = ["asked", "sayable"]

IN_NS = "_ns"


def asked(command: str, **filters: int | str | Path | Collection[str] | Collection[int] | None) -> str:
    """Return a command with its filters, by their names; those that are None, empty or False are left out.

    A name that ends in ``_ns`` is of a moment.
    """
    parts = [command]
    for name, found in filters.items():
        if found is None or found is False or (isinstance(found, Collection) and not found):
            continue
        label = name.removesuffix(IN_NS).replace("_", " ")
        if found is True:
            parts.append(label)
        elif isinstance(found, int):
            parts.append(f"{label} {moment(found) if name.endswith(IN_NS) else found}")
        elif isinstance(found, str | Path):
            parts.append(f"{label} {found}")
        else:
            parts.append(f"{label} {', '.join(sorted(map(str, found)))}")
    return sayable("; ".join(parts))


def sayable(text: str) -> str:
    """Return a text as the log can hold it: bytes of a command line that are no text stand there escaped."""
    return text.encode(errors="backslashreplace").decode()
