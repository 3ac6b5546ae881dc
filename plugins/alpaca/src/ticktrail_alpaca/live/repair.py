"""Fetch the trades that were missed, between two connections or in a frame that could not be read.

Owns: from where to where is asked, when that was all, and how long newer trades may wait for it.
Never: reads what it fetches: it goes to the decoder as a note, in its place among the venue's messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import anyio

from ticktrail.errors import ProviderError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import Trade
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.live.group import Catch, Span, groups_of
from ticktrail_alpaca.notes import MissedNote, write_note
from ticktrail_alpaca.rest.client import Declined, RestClient
from ticktrail_alpaca.rest.questions import ask_trades_of
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
MOST_FAILED = 3
"""So often in a row may a question fail: one that is lost shall not cost a hundred symbols their trades."""
MOST_TOLD = 5
"""Symbols that one event names."""


class Repair:
    """The repairs of one connection.

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
        self._loss = anyio.Event()
        self._deadlines: dict[str, tuple[int, float]] = {}
        """By symbol, the hole at which its trades began to wait, and until when they may."""

    @property
    def wanted(self) -> Sequence[str]:
        """Return the symbols whose missed trades are to be fetched, if they had any: the decoder knows by then."""
        return (
            tuple(self._decoder.tapes) if self._settings.repair_trades and self._settings.has_history else ()
        )

    def lost(self) -> None:
        """Take the news that trades wait for those of a frame that could not be read."""
        self._loss.set()

    async def run(self, client: RestClient | None) -> None:
        """Fetch what was missed before this connection, and what is lost on it, until cancelled.

        Args:
            client: Asks the venue; None where it cannot be asked: what waits goes on, with a gap before it.
        """
        while True:
            loss = self._loss = anyio.Event()  # before the look at what waits: nothing falls between the two
            if client is None:
                await self.give_up()
            else:
                await self.catch_up(client)
            await loss.wait()

    async def catch_up(self, client: RestClient) -> None:
        """Fetch what each symbol missed, many in one question, all of it within the time that trades may wait."""
        deadline = anyio.current_time() + self._settings.repair_s
        await anyio.sleep(NOT_YET_S)
        while self._decoder.connection != self._number:  # what came before the cut is still on its way
            if anyio.current_time() > deadline:
                await self.give_up()
                return
            await anyio.sleep(NOT_YET_S / 10)
        by_deadline: dict[float, list[Span]] = {}
        for symbol, tape in self._decoder.tapes.items():
            if tape.is_holding:
                began, until = self._deadlines.get(symbol, (0, 0.0))
                if began != tape.began:
                    until = deadline
                    self._deadlines[symbol] = (tape.began, until)
                by_deadline.setdefault(until, []).append(self._span(symbol))
        turns = anyio.CapacityLimiter(AT_ONCE)
        async with anyio.create_task_group() as tasks:
            for until in sorted(by_deadline):
                for group in groups_of(by_deadline[until]):
                    tasks.start_soon(self._fetch, client, group, turns, until)

    async def give_up(self) -> None:
        """Let what waits go on, with a gap before it: nothing can be fetched."""
        await self._put(MissedNote(symbol=symbol, trades=(), whole=False) for symbol in self.wanted)

    async def _fetch(
        self, client: RestClient, group: Sequence[Span], turns: anyio.CapacityLimiter, deadline: float
    ) -> None:
        """Ask for a group until the archive has come far enough for each symbol of it, or the time is up."""
        waiting = {span.symbol: span for span in group}
        found: dict[str, Sequence[Trade]] = {}
        why = f"not within repair_s = {self._settings.repair_s:g}"
        failures = 0
        try:
            with anyio.move_on_at(deadline):
                async with turns:
                    while waiting:
                        try:
                            await self._collect(client, waiting, found)
                            failures = 0
                        except TransientError as exc:
                            failures += 1
                            if failures == MOST_FAILED or exc.cause == "limited":
                                raise
                        if waiting:
                            await anyio.sleep(NOT_YET_S)
                            waiting = {symbol: self._span(symbol) for symbol in waiting}
        except (ProviderError, Declined, ValueError) as exc:
            why = str(exc)
        if not waiting:
            return
        self._tell(list(waiting), why)
        await self._put(
            MissedNote(symbol=symbol, trades=found.get(symbol, ()), whole=False, hole=span.hole)
            for symbol, span in waiting.items()
        )

    async def _collect(
        self, client: RestClient, waiting: dict[str, Span], found: dict[str, Sequence[Trade]]
    ) -> None:
        """Fetch page after page; hand on each symbol that is through, and take it from those that wait.

        Args:
            client: Asks the venue.
            waiting: What is asked for.
            found: Takes what came of a symbol for which the archive has not come far enough, or that is not through.

        Raises:
            ProviderError: The venue cannot be asked.
            Declined: It will not answer.
            ValueError: Its pages lead nowhere.
        """
        catch = Catch(
            list(waiting.values()),
            self._context.name,
            most=self._settings.repair_most,
            recv_ns=self._context.clock.now_ns(),
        )
        while (asked := catch.question) is not None:
            page = await ask_trades_of(
                client, asked.symbols, start_ns=asked.start_ns, end_ns=asked.end_ns, token=asked.token
            )
            ready: list[MissedNote] = []
            for answer in catch.take(page):
                symbol = answer.span.symbol
                if answer.reaches or answer.fault:
                    ready.append(
                        MissedNote(
                            symbol=symbol,
                            trades=answer.trades,
                            whole=not answer.fault,
                            hole=answer.span.hole,
                        )
                    )
                    if answer.fault:
                        self._tell([symbol], answer.fault)
                else:
                    found[symbol] = answer.trades  # the archive is behind the stream: this may not be all
            found.update(catch.unfinished())
            await self._put(ready)
            for note in ready:
                del waiting[note.symbol]

    def _span(self, symbol: str) -> Span:
        """Return from where to where trades may be missing."""
        tape, clock = self._decoder.tapes[symbol], self._context.clock
        held = tape.first_held
        first_ns, latest_ns = tape.first_ns or 0, tape.latest_ns or 0
        start_ns = max(first_ns, latest_ns - LOOK_BACK_NS)
        reach_ns = None if held is None else held.event_ns
        if reach_ns is not None:
            end_ns = reach_ns
        else:
            end_ns = clock.now_ns() + (clock.offset_ns or 0)
            if self._settings.feed_name == "delayed_sip":
                end_ns -= DELAY_NS  # what is younger will come by the stream
        return Span(
            symbol=symbol,
            start_ns=start_ns,
            end_ns=max(end_ns, latest_ns) + AROUND_NS,
            reach_ns=reach_ns,
            hole=tape.hole,
        )

    async def _put(self, notes: Iterable[MissedNote]) -> None:
        payloads = [write_note(note) for note in notes]
        if payloads:
            await self._hand_on(payloads)

    def _tell(self, symbols: Sequence[str], why: str) -> None:
        context = self._context
        more = f" and {len(symbols) - MOST_TOLD} more" if len(symbols) > MOST_TOLD else ""
        detail = (
            f"the missed trades of {', '.join(symbols[:MOST_TOLD])}{more} could not all be fetched, and a gap remains: "
            f"{why}"
        )
        self._intake.tell(
            VenueTrouble(at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None)
        )
