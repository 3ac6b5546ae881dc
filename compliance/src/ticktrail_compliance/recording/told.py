"""Say what a duty tells of, be it to one person or to everybody.

Owns: its shape.
Never: tells it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Told"]


class Told(NamedTuple):
    """What a duty tells of; as `ticktrail.events.Notice` has it.

    Attributes:
        name: What kind of thing it is.
        text: It, in a sentence. It leaves the log: nothing stands in it that people wrote into an entry.
        about: Which one it is about.
        severity: Who has to act.
        is_over: What was told of the same thing before is so no more.
    """

    name: str
    text: str
    about: str = ""
    severity: Literal["information", "warning", "critical"] = "warning"
    is_over: bool = False
