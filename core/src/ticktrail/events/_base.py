"""Give all events their form.

Owns: the base of every event.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

import msgspec

__all__ = ["BaseEvent"]


class BaseEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Something that happened at a time; a subclass has a tag, by which the audit log and `--json` name it."""

    at_ns: int
