"""Ask other parts of the programme what only they know.

Owns: the two questions: what is on hold, and which incidents are overdue.
Never: answers by itself: where nobody keeps such a thing, nothing is held and nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.checks.facts import Facts

__all__ = ["is_held", "overdue_incidents"]


def is_held(facts: Facts, entry_class: str, month: str) -> bool:
    """Tell whether the entries of a class and month (``YYYY-MM``) are on hold, and rightly readable for longer."""
    del facts, entry_class, month  # no hold can be placed yet
    return False


def overdue_incidents(facts: Facts) -> Sequence[str] | None:
    """Return what is overdue of each incident, a sentence each; None: nobody keeps incidents yet."""
    del facts
    return None
