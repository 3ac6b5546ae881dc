"""Name the plugins that come with core; they register by the same hooks as anyone's.

Owns: the list.
Never: shields them: one that fails to import is core's own defect and is raised as it is.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BUILTIN", "OWN"]

OWN: Final = "ticktrail"
"""The distribution that they come with."""

BUILTIN: Final = {
    "rules": "ticktrail.rules.plugin",
    "sinks": "ticktrail._sinks.plugin",
    "routes": "ticktrail._routes.plugin",
}
"""Plugin name to module."""
