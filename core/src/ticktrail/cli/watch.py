"""Show a feed that runs: a live table on a terminal, the log elsewhere, and warnings wherever it is.

Owns: which of these a run gets, and that the terminal is left as it was found.
Never: holds the feed up: what may block is done in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import anyio
import anyio.to_thread
from rich.console import Console
from rich.live import Live
from rich.markup import escape

from ticktrail._contracts.observer import Record, Routed
from ticktrail._engine.runner import Runner
from ticktrail._logs.form import as_json, as_text
from ticktrail._logs.library import libraries_into
from ticktrail._logs.outlet import LogFile, StandardError
from ticktrail._logs.pipe import LogPipe
from ticktrail._plan.model import Plan
from ticktrail.cli.aside import Aside
from ticktrail.cli.told import failure_of, sentence_of
from ticktrail.cli.view import View
from ticktrail.events import Notice
from ticktrail.text import one_line

__all__ = ["Watch", "warn", "watching"]

_DRAW_EVERY_S: Final = 0.25
_COUNT_EVERY_S: Final = 60.0


class _StandardError(Console):
    """Standard error: where its reader has gone, nobody is told any more, and the feed goes on."""

    def __init__(self) -> None:
        super().__init__(stderr=True)

    def on_broken_pipe(self) -> None:
        """Fall silent; what a console does otherwise ends the program, and standard output with it."""
        self.quiet = True


class Watch:
    """What shows one run.

    Args:
        console: Standard error, on which warnings are told.
        pipe: The log; None: there is none.
        logs_here: Whether the log goes to standard error, so that a warning is a line of it.
        view: The live table; None: there is none.
    """

    def __init__(self, console: Console, pipe: LogPipe | None, *, logs_here: bool, view: View | None) -> None:
        self.console = console
        self._pipe = pipe
        self._logs_here = logs_here
        self._view = view
        self._kept: list[str] = []
        self._aside = Aside(console)

    def hear(self, record: Record) -> None:
        """Take a record of the bus: the runner's listener."""
        if type(record) is Routed:
            return
        if self._pipe is not None:
            self._pipe.hear(record)
        if self._view is not None:
            self._view.hear(record)  # type: ignore[arg-type] # all that is no `Routed` is an event
        if type(record) is Notice and record.name == "served":
            self._say(record.text)
        told = failure_of(record)
        if told is not None:
            self._tell(told)

    def warn(self, text: str) -> None:
        """Take a warning: the runner's `warn`."""
        if self._pipe is not None:
            self._pipe.warn(text)
        self._tell(text)

    def _tell(self, text: str) -> None:
        if self._view is not None:
            self._view.warn(text)
            self._kept.append(text)  # the table is gone at the end; this must not be
        elif not self._logs_here:
            self._aside.say(_warning(text))

    def _say(self, text: str) -> None:
        """Tell what is no warning, but what a person needs to know all the while."""
        if self._view is not None:
            self._view.serve(text)
        elif not self._logs_here:
            self._aside.say(escape(one_line(text)))

    def close(self) -> None:
        """Write what waits for standard error."""
        self._aside.close()

    async def show(self, runner: Runner) -> None:
        """Show how the feed stands until cancelled."""
        if self._view is not None:
            await self._draw(runner, self._view)
        elif self._pipe is not None and self._logs_here:
            await self._count(runner, self._pipe)
        else:
            await anyio.sleep_forever()

    async def _draw(self, runner: Runner, view: View) -> None:
        one = anyio.CapacityLimiter(1)
        live = Live(
            view,
            console=self.console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        try:
            live.start(refresh=True)
            while True:
                view.take(runner.status())
                # A terminal that was stopped (Ctrl-S) blocks whoever writes to it: never the feed.
                await anyio.to_thread.run_sync(live.refresh, limiter=one, abandon_on_cancel=True)
                await anyio.sleep(_DRAW_EVERY_S)
        finally:
            live.stop()
            for text in self._kept:
                warn(self.console, text)

    async def _count(self, runner: Runner, pipe: LogPipe) -> None:
        while True:
            await anyio.sleep(_COUNT_EVERY_S)
            tally = runner.tally
            pipe.progress(
                {
                    "received": sum(sum(kinds.values()) for kinds in tally.received.values()),
                    "delivered": tally.delivered_ticks,
                    "rejected": tally.rejected_ticks,
                    "suppressed": sum(tally.suppressed.values()),
                }
            )


@contextmanager
def watching(plan: Plan, *, quiet: bool, draws: bool = True) -> Iterator[Watch]:
    """Open what shows a run: the log that ``[log]`` asks for, or the live table.

    Args:
        plan: The feed's.
        quiet: ``--json`` or ``--quiet``: nothing but warnings, unless a log was asked for.
        draws: Whether a table may be drawn; else something else draws on the terminal already.

    Raises:
        ConfigError: The log's file cannot be opened.
    """
    console = _StandardError()
    settings = plan.log
    here = _logs_here(plan, console, quiet=quiet)
    drawn = draws and console.is_terminal and not quiet and not here
    with ExitStack() as stack:
        pipe: LogPipe | None = None
        if settings.format != "off" and (settings.file is not None or here):
            outlet = StandardError() if settings.file is None else LogFile(plan.base_dir / settings.file)
            machine = settings.format == "json" or (settings.format == "auto" and settings.file is not None)
            coloured = here and console.color_system is not None and not console.no_color
            pipe = LogPipe(
                settings,
                outlet,
                as_json(plan.name) if machine else as_text(coloured=coloured),
                sentence=sentence_of,
                tell=_teller(console) if settings.file is not None else _to_nobody,
            )
            stack.callback(_close, pipe, None if settings.file is None else console)
            stack.enter_context(libraries_into(pipe, settings))
        view = View(f"ticktrail: {plan.name}") if drawn else None
        watch = Watch(console, pipe, logs_here=here, view=view)
        stack.callback(watch.close)
        yield watch


def warn(console: Console, text: str) -> None:
    """Tell a person something that they must know."""
    console.print(_warning(text), highlight=False, soft_wrap=True)


def _warning(text: str) -> str:
    return f"[yellow]warning:[/yellow] {escape(one_line(text))}"


def _logs_here(plan: Plan, console: Console, *, quiet: bool) -> bool:
    """Tell whether the log goes to standard error."""
    settings = plan.log
    if settings.file is not None or settings.format == "off":
        return False
    return settings.format in {"json", "text"} or not (quiet or console.is_terminal)


def _teller(console: Console) -> Callable[[str], None]:
    return lambda text: warn(console, text)


def _to_nobody(_text: str) -> None:
    """Standard error itself is gone: there is nobody to tell; `_close` counts."""


def _close(pipe: LogPipe, console: Console | None) -> None:
    lost = pipe.close()
    if (
        lost and console is not None
    ):  # where standard error itself takes nothing, another word to it would hang as well
        warn(console, f"{lost:,} lines of the log were not written")
