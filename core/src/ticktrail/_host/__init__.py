"""Find, check and hold plugins, and answer for what they declare."""

from __future__ import annotations

from ticktrail._host.host import Host

__all__ = ["Host"]
