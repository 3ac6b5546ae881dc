"""The `ticktrail` program."""

from __future__ import annotations

from ticktrail.cli.program import main

__all__ = ["main"]
