"""Say that something kept everything else in the feed waiting.

Owns: the event of code that blocks the event loop.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail.events._base import BaseEvent

__all__ = ["LoopBlocked"]


class LoopBlocked(BaseEvent, frozen=True, tag="loop_blocked"):
    """Code ran for so long without giving way that nothing else in the feed could: no tick was read meanwhile.

    Told when it is over; the log has a line of it while it goes on. What happens again and again in one place is told
    once a minute.

    Attributes:
        plugin: Whose code it is: a plugin's name, ``ticktrail`` itself, or ``program``: that of who embeds the feed.
        distribution: The plugin's; empty where a program brought it along, and of a program.
        where: The place in that code: file, line and function.
        for_s: For how long; of several, the longest.
        stack: The calls that led there and beyond, outermost first: files, lines and functions, no values.
        blocks: How many blocks of this place the event stands for.
    """

    plugin: str
    distribution: str
    where: str
    for_s: float
    stack: Sequence[str]
    blocks: int = 1
