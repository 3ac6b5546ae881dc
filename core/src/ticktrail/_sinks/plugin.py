"""Declare the built-in sinks, by the hook that any plugin uses."""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail._sinks import console, jsonl, memory
from ticktrail.plugin import SinkSpec, hookimpl

__all__ = ["TICKTRAIL_API", "ticktrail_sinks"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_sinks() -> Iterable[SinkSpec]:
    """Return the sinks of core."""
    return (jsonl.SPEC, console.SPEC, memory.SPEC)
