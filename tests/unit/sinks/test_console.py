"""What the console shows, and how it leaves the terminal."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from ticktrail._sinks._board import Board
from ticktrail._sinks.console import ConsoleSettings, ConsoleSink, Screen, open_console
from ticktrail.errors import SinkError
from ticktrail.model import Tick
from ticktrail.testing import ManualClock, make_bar, make_gap, make_quote, make_ticker, make_trade
from ticktrail.testing._ticks import RECV_NS

NOW = RECV_NS + 2_500_000_000


def cells(*ticks: Tick) -> tuple[str, ...]:
    board = Board(max_rows=5)
    board.take(ticks)
    return board.rows[0].cells(NOW)


def test_a_row_shows_the_latest_of_each() -> None:
    """Last from trades, sides from quotes, spread to the digit, age from the last tick of any kind."""
    assert cells(make_trade("0.00000010"), make_quote("0.00000009", "0.00000011"), make_gap()) == (
        "BTC/USDT",
        "0.00000010",
        "0.00000009",
        "0.00000011",
        "0.00000002",
        "3",
        "-",
        "2.5 s",
        "test",
    )


def test_tickers_and_bars_have_prices_too() -> None:
    """A feed without trades still shows a last price."""
    assert cells(make_ticker("7", bid="6", ask="8"))[1:5] == ("7", "6", "8", "2")
    assert cells(make_bar("9.5"))[1:5] == ("9.5", "-", "-", "-")


def test_the_rate_is_of_the_last_second_or_more() -> None:
    """Ticks since the last count over the time since."""
    board = Board(max_rows=5)
    board.count(0)
    board.take([make_trade()] * 30)
    board.count(500_000_000)
    assert board.rows[0].rate is None
    board.count(2_000_000_000)
    assert board.rows[0].rate == 15.0
    board.count(4_000_000_000)
    assert board.rows[0].rate == 0.0


def test_rows_are_bounded() -> None:
    """Instruments beyond the bound are counted, not shown."""
    board = Board(max_rows=2)
    board.take([make_trade(instrument=f"A{number}/USD") for number in range(5)])
    assert [row.instrument for row in board.rows] == ["A0/USD", "A1/USD"]
    assert board.beyond == 3


@asynccontextmanager
async def opened(screen: Screen, **settings: float) -> AsyncIterator[ConsoleSink]:
    async with open_console(
        ConsoleSettings(**settings), title="t", clock=ManualClock(NOW), screen=screen
    ) as sink:
        yield sink


@pytest.mark.anyio
async def test_without_a_terminal_lines_are_rare_and_plain() -> None:
    """However many ticks: one line an instrument a period, here the last one, without control codes."""
    text = io.StringIO()
    async with opened(Screen(file=text, width=200), lines_every_s=60) as sink:
        for number in range(500):
            await sink.write([make_trade(id=number)])
    assert text.getvalue().splitlines() == [
        "t  BTC/USDT  last 100.00  bid -  ask -  spread -  ticks 500  -  age 2.5 s  from test"
    ]


async def fail_on(screen: Screen, error: BaseException) -> None:
    async with opened(screen, refresh_s=0.05) as sink:
        await sink.write([make_trade()])
        raise error


@pytest.mark.anyio
async def test_a_terminal_gets_its_cursor_back() -> None:
    """Also when the feed ends by an error: hidden while the table is live, shown at the end."""
    text = io.StringIO()
    screen = Screen(file=text, width=200, force_terminal=True, legacy_windows=False)
    with pytest.raises(RuntimeError, match="the lane's own"):
        await fail_on(screen, RuntimeError("the lane's own"))
    shown = text.getvalue()
    assert "BTC/USDT" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


async def write_until_told(screen: Screen) -> None:
    with anyio.fail_after(30):
        async with opened(screen, lines_every_s=0.05) as sink:
            while True:
                await sink.write([make_trade()])


@pytest.mark.anyio
async def test_a_console_that_is_gone_is_a_sink_error() -> None:
    """The lane learns it from its next write, with the remedy; the process lives on."""
    with pytest.raises(SinkError, match=r"Broken pipe.*remove the console sink"):
        await write_until_told(Screen(file=Gone()))


@pytest.mark.anyio
async def test_a_terminal_that_is_gone_is_a_sink_error() -> None:
    """On opening, as soon as the cursor cannot be hidden."""
    with pytest.raises(SinkError, match=r"Broken pipe.*remove the console sink"):
        await write_until_told(Screen(file=Gone(), force_terminal=True, legacy_windows=False))
