"""Show a person how far a long command got.

Owns: that ``--json`` and ``--quiet`` keep it away.
Never: draws (`ticktrail.progress` does).
"""

from __future__ import annotations

from typing import Self

from ticktrail.progress import ProgressBar
from ticktrail_compliance.options import is_quiet
from ticktrail_compliance.verify.whole import Progress

__all__ = ["Bars"]


class Bars(Progress):
    """A bar for each part of what is done: on a terminal; elsewhere a line now and then.

    Args:
        verb: What is done, such as ``verifying``.
        shown: Whether anybody wants it: not with ``--json``. With ``--quiet`` nothing is shown whatever this says.
    """

    def __init__(self, verb: str, *, shown: bool) -> None:
        self._bar = ProgressBar(verb, quiet=not shown or is_quiet())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.__exit__(None, None, None)

    def begin(self, what: str, entries: int) -> None:
        """Show the next bar."""
        self._bar.begin(what, entries)

    def done(self, entries: int) -> None:
        """Move it."""
        self._bar.done(entries)
