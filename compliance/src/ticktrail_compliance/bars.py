"""Show a person how far a long command got.

Owns: bars on the terminal.
Never: writes where nobody looks on.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

import click

from ticktrail_compliance.verify.whole import Progress

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

__all__ = ["Bars"]


class Bars(Progress):
    """A bar for each part of what is done, where somebody looks on.

    Args:
        verb: What is done, such as ``verifying``.
        shown: Whether somebody looks on.
    """

    def __init__(self, verb: str, *, shown: bool) -> None:
        self._verb = verb
        self._shown = shown
        self._bar: ProgressBar[int] | None = None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def begin(self, what: str, entries: int) -> None:
        """Show the next bar."""
        self._end()
        self._done = 0
        if self._shown and entries:
            self._bar = click.progressbar(length=entries, label=f"{self._verb} {what}", file=sys.stderr)
            self._bar.__enter__()

    def done(self, entries: int) -> None:
        """Move it."""
        if self._bar is not None:
            self._bar.update(entries - self._done)
        self._done = entries

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None
