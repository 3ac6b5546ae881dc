"""Fetch the trades that were missed between two connections, while newer ones wait for them.

Owns: from where to where is asked, when that was all, and how long it may take.
Never: reads what it fetches: it goes to the decoder as a note, in its place among the venue's messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from ticktrail.errors import ProviderError
from ticktrail.events import VenueTrouble
from ticktrail.model import InstrumentId, Trade
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.history import AlpacaHistory
from ticktrail_alpaca.missed import Tape
from ticktrail_alpaca.notes import MissedNote, write_note
from ticktrail_alpaca.settings import AlpacaSettings

__all__ = ["Repair"]

NOT_YET_S = 1.0
"""The venue's archive lags a little behind its stream."""
AROUND_NS = 1_000_000_000
LOOK_BACK_NS = 10_000_000_000
"""Trades of a stock are told some seconds late now and then: one that was missed may lie before the newest one."""
DELAY_NS = 900_000_000_000
AT_ONCE = 8
"""Questions that wait for the allowance at once: the first ones shall be through before the time is up."""


class Repair:
    """The repairs after one reconnect.

    Args:
        decoder: Whose trades were missed.
        settings: Of the leg.
        context: Of the leg.
        intake: Is told what could not be fetched.
        hand_on: Takes the notes.
        number: Of the connection.
    """

    def __init__(
        self,
        decoder: AlpacaDecoder,
        settings: AlpacaSettings,
        context: ProviderContext,
        intake: Intake,
        hand_on: Callable[[Sequence[bytes]], Awaitable[None]],
        number: int,
    ) -> None:
        self._decoder = decoder
        self._settings = settings
        self._context = context
        self._intake = intake
        self._hand_on = hand_on
        self._number = number

    @property
    def wanted(self) -> Sequence[str]:
        """Return the symbols whose missed trades are to be fetched, if they had any: the decoder knows by then."""
        return (
            tuple(self._decoder.tapes) if self._settings.repair_trades and self._settings.has_history else ()
        )

    async def run(self, history: AlpacaHistory) -> None:
        """Fetch what each symbol missed, some beside each other, all of it within the time that trades may wait."""
        deadline = anyio.current_time() + self._settings.repair_s
        await anyio.sleep(NOT_YET_S)
        while self._decoder.connection != self._number:  # what came before the cut is still on its way
            if anyio.current_time() > deadline:
                await self.give_up()
                return
            await anyio.sleep(NOT_YET_S / 10)
        holding = [symbol for symbol, tape in self._decoder.tapes.items() if tape.is_holding]
        turns = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for symbol in holding:
                tasks.start_soon(self._fetch, history, symbol, turns, deadline)

    async def give_up(self) -> None:
        """Let what waits go on, with a gap before it: nothing can be fetched."""
        for symbol in self.wanted:
            await self._put(symbol, (), whole=False)

    async def _fetch(
        self, history: AlpacaHistory, symbol: str, turns: anyio.CapacityLimiter, deadline: float
    ) -> None:
        tape = self._decoder.tapes[symbol]
        trades: Sequence[Trade] = ()
        whole = False
        try:
            with anyio.move_on_at(deadline) as patience:
                async with turns:
                    while True:
                        trades, whole = await self._collect(history, InstrumentId(symbol), tape)
                        if not whole or _reaches(trades, tape.first_held):
                            break
                        whole = False  # the archive is behind the stream: what it gave may not be all
                        await anyio.sleep(NOT_YET_S)
            if patience.cancelled_caught:
                whole = False
                self._tell(symbol, f"not within repair_s = {self._settings.repair_s:g}")
        except ProviderError as exc:
            self._tell(symbol, str(exc))
        await self._put(symbol, trades, whole=whole)

    async def _collect(
        self, history: AlpacaHistory, instrument: InstrumentId, tape: Tape
    ) -> tuple[Sequence[Trade], bool]:
        """Fetch page after page; return the trades, and whether those were all that there are."""
        start_ns, end_ns = self._span(tape)
        trades: list[Trade] = []
        cursor: str | None = None
        while len(trades) <= self._settings.repair_most:
            page = await history.page(instrument, "trades", start_ns=start_ns, end_ns=end_ns, cursor=cursor)
            trades.extend(tick for tick in page.ticks if isinstance(tick, Trade))
            cursor = page.cursor
            if cursor is None:
                return trades, True
        self._tell(str(instrument), f"more than repair_most = {self._settings.repair_most}")
        return trades, False

    def _span(self, tape: Tape) -> tuple[int, int]:
        """Return from where to where trades may be missing."""
        clock, held = self._context.clock, tape.first_held
        first_ns, latest_ns = tape.first_ns or 0, tape.latest_ns or 0
        start_ns = max(first_ns, latest_ns - LOOK_BACK_NS)
        if held is not None and held.event_ns is not None:
            end_ns = held.event_ns
        else:
            end_ns = clock.now_ns() + (clock.offset_ns or 0)
            if self._settings.feed_name == "delayed_sip":
                end_ns -= DELAY_NS  # what is younger will come by the stream
        return start_ns, max(end_ns, latest_ns) + AROUND_NS

    async def _put(self, symbol: str, trades: Sequence[Trade], *, whole: bool) -> None:
        await self._hand_on((write_note(MissedNote(symbol=symbol, trades=trades, whole=whole)),))

    def _tell(self, symbol: str, why: str) -> None:
        context = self._context
        detail = f"the missed trades of {symbol} could not all be fetched, and a gap remains: {why}"
        self._intake.tell(
            VenueTrouble(at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None)
        )


def _reaches(trades: Sequence[Trade], held: Trade | None) -> bool:
    """Tell whether the archive has come as far as the first trade that waits."""
    if held is None or held.event_ns is None:
        return True
    return any(trade.event_ns is not None and trade.event_ns >= held.event_ns for trade in trades)
