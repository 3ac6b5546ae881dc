"""Show a person how far a long command got: a bar on a terminal, a line now and then elsewhere.

Owns: rate and time left, and how often a line is worth writing.
Never: writes to standard output, which belongs to the command's result, or where nobody wants it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

__all__ = ["LINE_EVERY_S", "ProgressBar", "duration"]

LINE_EVERY_S: Final = 5.0
"""Where there is no terminal: nothing before so long, and a line at most so often."""
_DRAWS_A_SECOND: Final = 4
_FEW: Final = 1_000
"""A number of things that is done between two looks at the clock."""


class ProgressBar:
    """How far a command got, in one part after another.

    A context manager; the bar is gone when it ends, and the terminal is as it was.

    Args:
        verb: What is done, such as ``verifying``.
        quiet: Show nothing: ``--json`` or ``--quiet`` was given.
        stream: Where it is shown; None: standard error.
        console: The console of a terminal on which others write while the bar stands there; None: one of its own.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        verb: str,
        *,
        quiet: bool = False,
        stream: TextIO | None = None,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._verb = verb
        self._quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._what = ""
        self._total = 0
        self._done = 0
        self._began_s = self._said_s = self._looked_s = 0.0
        self._is_running = False
        self._is_counted = True
        self._note = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def begin(self, what: str, total: int, *, counted: bool = True) -> None:
        """Begin the next part.

        Args:
            what: What is counted, such as ``entries``.
            total: How many there are; 0: nothing is shown.
            counted: Show the count and its rate; else the share alone.
        """
        self._end()
        self._what, self._total, self._done, self._is_counted, self._note = what, total, 0, counted, ""
        self._began_s = self._said_s = self._looked_s = self._clock()
        self._is_running = total > 0 and not self._quiet
        if self._is_running and self._stream.isatty():
            self._open()

    def done(self, count: int, *, note: str = "") -> None:
        """Say that so many of the part are done, all together. Cheap: it may be called for each.

        Args:
            count: How many.
            note: What to say beside, such as what is done at the moment.
        """
        before, self._done, self._note = self._done, count, note
        if not self._is_running:
            return
        if count < self._total and count // _FEW == before // _FEW and self._total > 100 * _FEW:
            return
        now_s = self._clock()
        if self._bar is not None and self._task is not None:
            if now_s - self._looked_s >= 1 / _DRAWS_A_SECOND or count >= self._total:
                self._looked_s = now_s
                rate = count / max(1e-9, now_s - self._began_s)
                said = f"{count:,} of {self._total:,}  {rate:,.0f}/s" if self._is_counted else self._note
                self._bar.update(self._task, completed=count, said=said)
        elif now_s - self._said_s >= LINE_EVERY_S and not self._stream.isatty():
            self._said_s = now_s
            self._stream.write(f"{self._line(now_s)}\n")
            self._stream.flush()

    def advance(self, count: int = 1) -> None:
        """Say that some more are done."""
        self.done(self._done + count)

    def _line(self, now_s: float) -> str:
        rate = self._done / (now_s - self._began_s)
        count = f" ({self._done:,} of {self._total:,}), {rate:,.0f} a second" if self._is_counted else ""
        left = f", {duration((self._total - self._done) / rate)} left" if rate else ""
        note = f", {self._note}" if self._note else ""
        return f"{self._verb} {self._what}: {self._done / self._total:.0%}{count}{left}{note}"

    def _open(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only who is looked at pays for it
        from rich.progress import (  # noqa: PLC0415 - see above
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=self._console or Console(file=self._stream),
            refresh_per_second=_DRAWS_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._bar.start()
        self._task = self._bar.add_task(f"{self._verb} {self._what}", total=self._total, said="")

    def _end(self) -> None:
        self._is_running = False
        if self._bar is not None:
            self._bar.stop()
            self._bar = self._task = None


def duration(seconds: float) -> str:
    """Return a length of time as people say it: ``8 s``, ``2:05 min``, ``3:20 h``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3_600}:{whole % 3_600 // 60:02d} h"
