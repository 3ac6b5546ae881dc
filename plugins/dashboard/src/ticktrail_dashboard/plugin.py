"""Declare what this distribution adds to ticktrail.

Owns: the entry point.
Never: imports a web server before a feed asks for one.
"""

from __future__ import annotations

__all__ = ["TICKTRAIL_API"]

TICKTRAIL_API = 1
