"""Show the latest prices to the person who runs the feed.

Owns: how often it is shown, and that the terminal is left as it was found.
Never: writes a tick by itself (the board is redrawn a few times a second, whatever the rate), or to standard output,
which belongs to a command's result.

On a terminal it is a live table; elsewhere (a log, a pipe) plain lines, one an instrument, every `lines_every_s`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
from rich.console import Console
from rich.live import Live

from ticktrail._sinks._board import Board
from ticktrail.errors import SinkError
from ticktrail.model import Tick
from ticktrail.plugin import Clock, Settings, SinkContext, sink_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SPEC", "ConsoleSettings", "ConsoleSink", "Screen", "open_console"]

_MIN_PERIOD_S = 0.05
_MAX_PERIOD_S = 3_600.0
_MAX_ROWS = 1_000


class ConsoleSettings(Settings, frozen=True):
    """Periods in seconds, and how many instruments are shown."""

    refresh_s: float = 0.25
    """How often the live table is drawn, in a terminal."""
    lines_every_s: float = 5.0
    """How often lines are written where there is no terminal."""
    max_rows: int = 50
    """How many instruments are shown."""

    def __post_init__(self) -> None:
        """Refuse what would flood a terminal, or never draw."""
        for key, value in (("refresh_s", self.refresh_s), ("lines_every_s", self.lines_every_s)):
            if not _MIN_PERIOD_S <= value <= _MAX_PERIOD_S:
                raise ValueError(
                    f"{key} must be {_MIN_PERIOD_S} to {_MAX_PERIOD_S:.0f} seconds; it is {value}"
                )
        if not 1 <= self.max_rows <= _MAX_ROWS:
            raise ValueError(f"max_rows must be 1 to {_MAX_ROWS}; it is {self.max_rows}")


class Screen(Console):
    """A console whose reader may go away: that is an error to report, not the end of the process."""

    def on_broken_pipe(self) -> None:
        """Raise what the write raised; the library would end the process here."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class ConsoleSink:
    """Brings the board up to date; somebody else draws it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.broken: OSError | None = None

    async def write(self, ticks: Sequence[Tick]) -> None:
        """Take the ticks.

        Raises:
            SinkError: The terminal or pipe behind the console is gone.
        """
        await anyio.lowlevel.checkpoint()
        if self.broken is not None:
            raise _gone(self.broken) from self.broken
        self._board.take(ticks)


@asynccontextmanager
async def open_console(
    settings: ConsoleSettings, *, title: str, clock: Clock, screen: Screen
) -> AsyncIterator[ConsoleSink]:
    """Draw on the screen while the sink is open, once more at the end, and leave the terminal sane.

    What the body raises comes out as it is, not in the group of the task that draws.

    Raises:
        SinkError: The terminal or pipe was gone when the table was opened or closed.
    """
    board = Board(max_rows=settings.max_rows)
    sink = ConsoleSink(board)
    live = screen.is_terminal
    show = _live(screen) if live else _plain(screen)
    period_s = settings.refresh_s if live else settings.lines_every_s
    failure: Exception | None = None
    try:
        with show as draw:

            def draw_once() -> None:
                board.count(clock.mono_ns())
                try:
                    draw(board, title, clock.now_ns())
                except OSError as exc:
                    sink.broken = exc

            async def keep_drawing() -> None:
                while sink.broken is None:
                    await anyio.sleep(period_s)
                    draw_once()

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_drawing)
                try:
                    yield sink
                except Exception as exc:  # noqa: BLE001 - raised again below, outside of the group
                    failure = exc
                finally:
                    tasks.cancel_scope.cancel()
                    if sink.broken is None:
                        draw_once()
    except OSError as exc:
        if failure is None:
            raise _gone(exc) from exc
        failure.add_note(str(_gone(exc)))
    if failure is not None:
        raise failure


def _gone(exc: OSError) -> SinkError:
    return SinkError(
        f"the console cannot be written ({exc.strerror}): whoever read it is gone; run with a terminal or a log "
        "file, or remove the console sink"
    )


@contextmanager
def _live(screen: Screen) -> Iterator[Callable[[Board, str, int], None]]:
    # Redirection would take standard output away from the command that runs the feed.
    with Live(console=screen, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        yield lambda board, title, now_ns: live.update(board.table(title, now_ns), refresh=True)


@contextmanager
def _plain(screen: Screen) -> Iterator[Callable[[Board, str, int], None]]:
    def draw(board: Board, title: str, now_ns: int) -> None:
        for line in board.lines(now_ns):
            screen.print(f"{title}  {line}", markup=False, highlight=False, soft_wrap=True)

    yield draw


@asynccontextmanager
async def _open(settings: ConsoleSettings, context: SinkContext) -> AsyncIterator[ConsoleSink]:
    title = f"ticktrail: {context.feed}"
    async with open_console(settings, title=title, clock=context.clock, screen=Screen(stderr=True)) as sink:
        yield sink


SPEC = sink_spec(
    name="console",
    summary="a live table of the latest prices on a terminal, plain lines elsewhere",
    settings=ConsoleSettings,
    open=_open,
)
