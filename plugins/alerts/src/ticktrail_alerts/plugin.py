"""Declare what this distribution adds to ticktrail.

Owns: the entry point.
Never: opens a connection by being imported.
"""

from __future__ import annotations

__all__ = ["TICKTRAIL_API"]

TICKTRAIL_API = 1
