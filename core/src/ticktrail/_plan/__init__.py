"""Turn a feed file into a composed feed, without opening a socket."""

from __future__ import annotations

from ticktrail._plan.compose import compose
from ticktrail._plan.render import as_json, render

__all__ = ["as_json", "compose", "render"]
