"""Name the classes of entries, and what becomes of what they hold.

Owns: the words, and the number of each class in a header (docs/reference/audit-format.md).
Never: needs a cipher: the commands' help names them as well.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

__all__ = ["CLASSES", "OUTCOMES", "EntryClass", "Outcome"]

EntryClass: TypeAlias = Literal["control", "journal", "access", "clock", "incident", "retention"]

CLASSES: dict[EntryClass, int] = {
    "control": 1,
    "journal": 2,
    "access": 3,
    "clock": 4,
    "incident": 5,
    "retention": 6,
}
"""The number of each class in a header."""

Outcome: TypeAlias = Literal["event", "delivered", "rejected", "suppressed", "flagged"]
"""What a row tells of: an event, or what became of a tick."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
