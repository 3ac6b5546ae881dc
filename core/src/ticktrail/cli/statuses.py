"""Name the exit statuses that stand for more than done (0) and a finding (1).

Owns: the numbers.
Never: imports anything that takes time: the way out of an interrupted import needs one of them.
"""

from __future__ import annotations

from typing import Final

__all__ = ["DEFECT", "HALTED", "INTERRUPTED", "WRONG_USE"]

WRONG_USE: Final = 2
"""Settings, a plugin, a venue or a path is not as it must be; the message says what would be right."""
HALTED: Final = 3
"""The feed stopped itself: what it did could not be recorded, or not with times that can be proven."""
DEFECT: Final = 70
"""ticktrail itself is at fault (the number that sysexits.h gives to an internal software error)."""
INTERRUPTED: Final = 130
"""Ctrl-C: 128 and the number of the signal."""
