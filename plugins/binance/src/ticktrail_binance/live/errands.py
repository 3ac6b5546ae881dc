"""Fetch what the decoder wants: snapshots of books, and trades that are missing.

Owns: which errands run beside each other, their pauses after a failure, and that none is run twice.
Never: reads an answer's meaning: it goes to the decoder as a note, in its place among the venue's messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import anyio
import msgspec

from ticktrail.errors import TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import ProviderId
from ticktrail.plugin import Clock, Intake
from ticktrail_binance.decoder import BinanceDecoder
from ticktrail_binance.holes import Hole
from ticktrail_binance.markets import Paging
from ticktrail_binance.notes import BookNote, Note, TradesNote, write_note
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.questions import ask_book, ask_rows
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import Stream

__all__ = ["Errands"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
DECLINED_S = 300.0
"""A symbol that the venue does not list any more is asked about again after so long."""
IDLE_S = 3.0
"""A book on which nothing has happened for so long gets its snapshot all the same."""
NOT_YET_S = 0.5
"""The venue's archive lags a little behind its streams."""
_encode_rows = msgspec.json.Encoder().encode
_read_id = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

Errand: TypeAlias = Callable[[], Awaitable[None]]


class _Known:
    """What is known of one book's errands: failures in a row, when the next may run, what waits to be decoded."""

    __slots__ = ("failures", "not_before", "taken_in")

    def __init__(self) -> None:
        self.failures = 0
        self.not_before = 0.0
        self.taken_in: int | None = None


class Errands:
    """The errands of one session.

    Args:
        decoder: Who wants things.
        streams: The leg's, by name.
        settings: Of the leg.
        provider: Its name.
        clock: Stamps the notes.
        client: Asks the venue.
        intake: Takes the notes.

    Attributes:
        handed: Notes handed on so far.
    """

    def __init__(
        self,
        decoder: BinanceDecoder,
        streams: Mapping[str, Stream],
        settings: BinanceSettings,
        provider: ProviderId,
        clock: Clock,
        client: RestClient,
        intake: Intake,
    ) -> None:
        self._decoder = decoder
        self._streams = streams
        self._settings = settings
        self._provider = provider
        self._clock = clock
        self._client = client
        self._intake = intake
        self._news = anyio.Event()
        self._holes_news = anyio.Event()
        self._errands: dict[str, _Known] = {}
        self._holes: dict[str, Hole] = {}
        self.handed = 0

    def wake(self) -> None:
        """Look again at what is wanted."""
        self._news.set()
        self._holes_news.set()

    async def run(self) -> None:
        """Run errands until cancelled.

        A hole's errand never waits for another one, since newer trades wait for it: each has its own task, at most one
        a stream, and its deadline. Books come one after the other.
        """
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._fetch_books)
            while True:
                self._holes_news = anyio.Event()
                for name, watch in self._decoder.holes.items():
                    hole = watch.wants
                    if hole is not None and self._holes.get(name) != hole:
                        self._holes[name] = hole
                        tasks.start_soon(self._fetch_hole, name, hole)
                await self._holes_news.wait()

    async def _fetch_books(self) -> None:
        idle_at = anyio.current_time() + IDLE_S
        while True:
            self._news = anyio.Event()
            now = anyio.current_time()
            if now >= idle_at:
                idle_at = now + IDLE_S
                for book in self._decoder.books.values():
                    book.begin()
            errand = self._next_book(now)
            if errand is not None:
                await errand()
                continue
            later = [known.not_before for known in self._errands.values() if known.not_before > now]
            with anyio.CancelScope(deadline=min([idle_at, *later])):
                await self._news.wait()

    def _next_book(self, now: float) -> Errand | None:
        for symbol, book in self._decoder.books.items():
            if book.wants is None:
                continue
            known = self._errands.setdefault(symbol, _Known())
            if known.taken_in is not None and book.taken_in != known.taken_in:
                known.taken_in = (
                    None  # the decoder has read the last one; where it was of no use, wait a little
                )
                if book.attempts:
                    self._pause(known)
                else:
                    known.failures = 0
            if known.taken_in is None and known.not_before <= now:
                return partial(self._fetch_book, symbol, known)
        return None

    async def _fetch_book(self, symbol: str, known: _Known) -> None:
        book = self._decoder.books[symbol]
        limit = self._settings.book_depth
        try:
            depth = await ask_book(self._client, symbol, limit)
        except TransientError as exc:
            self._pause(known)
            self._tell(str(exc), known.not_before - anyio.current_time())
        except Declined as exc:
            known.not_before = anyio.current_time() + DECLINED_S
            self._tell(
                f"Binance gives no snapshot of {symbol} ({exc}), and its book stays unknown: if it is not traded any "
                f"more, take it out of instruments",
                DECLINED_S,
            )
        else:
            known.taken_in = book.taken_in
            await self._put(BookNote(symbol=symbol, limit=limit, book=depth))

    async def _fetch_hole(self, name: str, hole: Hole) -> None:
        rows: list[msgspec.Raw] = []
        with anyio.move_on_after(self._settings.repair_s):
            await self._collect(name, hole, rows)
        await self._put(TradesNote(name, hole.from_id, hole.to_id, msgspec.Raw(_encode_rows(rows))))

    async def _collect(self, name: str, hole: Hole, rows: list[msgspec.Raw]) -> None:
        """Fetch page after page until the hole is full, or nothing more is to be had."""
        stream = self._streams[name]
        market = self._client.market
        paging = market.agg_trades if stream.channel == "agg_trades" else market.trades
        next_id, pause_s, told = hole.from_id, NOT_YET_S, False
        while next_id <= hole.to_id:
            page: Sequence[msgspec.Raw] = ()
            try:
                page = await ask_rows(
                    self._client, paging, stream.symbol, from_id=next_id, count=hole.to_id - next_id + 1
                )
            except Declined as exc:
                self._tell(f"Binance gives no older trades of {stream.symbol} ({exc}); a gap remains", None)
                return
            except TransientError as exc:
                if not told:
                    self._tell(str(exc), pause_s)
                    told = True
            rows.extend(page)
            last_id = _last_id(page, paging)
            if last_id is None or last_id < next_id:
                await anyio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                next_id, pause_s = last_id + 1, NOT_YET_S

    async def _put(self, note: Note) -> None:
        clock = self._clock
        self.handed += 1
        await self._intake.frames((write_note(note),), recv_ns=clock.now_ns(), mono_ns=clock.mono_ns())

    def _pause(self, known: _Known) -> None:
        pause_s = min(FIRST_PAUSE_S * 2.0**known.failures, LONGEST_PAUSE_S)
        known.failures += 1
        known.not_before = anyio.current_time() + pause_s

    def _tell(self, detail: str, retry_in_s: float | None) -> None:
        self._intake.tell(
            VenueTrouble(
                at_ns=self._clock.now_ns(), provider=self._provider, detail=detail, retry_in_s=retry_in_s
            )
        )


def _last_id(page: Sequence[msgspec.Raw], paging: Paging) -> int | None:
    """Return the id of a page's last row; None for an empty page, or a row without."""
    if not page:
        return None
    try:
        row = _read_id(page[-1])
        return int(bytes(row["a" if paging.path == "/aggTrades" else "id"]))
    except (msgspec.MsgspecError, KeyError, ValueError):
        return None
