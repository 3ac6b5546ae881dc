"""Tell what is wrong with a log from what is wrong with its database today.

Owns: the error that no spool and no retry is for.
Never: says what was found; who raises it does.
"""

from __future__ import annotations

from ticktrail.errors import AuditError

__all__ = ["WrongLogError"]


class WrongLogError(AuditError):
    """A log, its keys or a spool is not what was written: no outage that passes, and nothing to go on from."""
