"""Say what an observer has to tell everybody: a deadline that comes near, a log that cannot be written.

Owns: the event of a notice.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from typing import Literal

from ticktrail.events._base import BaseEvent

__all__ = ["Notice"]


class Notice(BaseEvent, frozen=True, tag="notice"):
    """An observer tells something that people should know.

    Attributes:
        source: The observer, by its name.
        name: What kind of thing it is, such as ``incident_due``: one word for all notices of the kind. ``served`` tells
            where people find what the observer serves; the command line prints it.
        about: Which one it is about, such as an incident's number; empty where there is only one.
        severity: ``information``: no one need act; ``warning``: somebody should; ``critical``: somebody must, now.
        text: It, in one paragraph. No secret, and nothing that the log keeps encrypted.
        is_over: What an earlier notice of the same source, name and subject told is so no more.
    """

    source: str
    name: str
    severity: Literal["information", "warning", "critical"]
    text: str
    about: str = ""
    is_over: bool = False
