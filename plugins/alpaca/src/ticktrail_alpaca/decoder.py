"""Read the venue's frames, and the session's notes among them, into ticks.

Owns: which message is what, whether a book is known, and the trades that were missed. What it decides depends on the
messages' order alone.
Never: raises for bad data: what cannot be read is an `Undecodable` with the raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.msgpack import Ext

from ticktrail.model import (
    BookDelta,
    BookSnapshot,
    Channel,
    Correction,
    Gap,
    InstrumentId,
    Levels,
    ProviderId,
    Tick,
    Undecodable,
)
from ticktrail_alpaca.codec import AnyMessage, Unreadable, elements_of, moment_ns, read_frame
from ticktrail_alpaca.events import read_other, read_quote, read_trade
from ticktrail_alpaca.missed import Tape
from ticktrail_alpaca.notes import ConnectedNote, MissedNote, is_note, read_note
from ticktrail_alpaca.wire import (
    BarMessage,
    BookLevel,
    BookMessage,
    CancelMessage,
    CorrectionMessage,
    DailyBarMessage,
    Error,
    ImbalanceMessage,
    LuldMessage,
    QuoteMessage,
    StatusMessage,
    Subscription,
    Success,
    TradeMessage,
    UpdatedBarMessage,
)

__all__ = ["AlpacaDecoder", "Stream"]

MOST_HELD = 50_000
"""Trades of one symbol that wait for those that were missed: a busy stock's for a minute."""
CHANNEL_OF_MESSAGE: Mapping[type, Channel] = {
    TradeMessage: "trades",
    CorrectionMessage: "trades",
    CancelMessage: "trades",
    QuoteMessage: "quotes",
    BarMessage: "bars",
    UpdatedBarMessage: "bars",
    DailyBarMessage: "bars",
    StatusMessage: "status",
    LuldMessage: "price_bands",
    ImbalanceMessage: "imbalances",
    BookMessage: "book",
}
HALTS, RESUMES = frozenset({"H", "P", "2"}), frozenset({"T", "3"})
"""Codes of a halt, a volatility pause, and of trading again: letters of tape C, digits of tapes A and B."""
_OF_A_BOOK = re.compile(rb'"T"\s*:\s*"o"|\xa1T\xa1o')
_CONTROL = (Success, Error, Subscription)


class Stream:
    """One symbol on one channel: how many messages it has brought, and the newest tick of them."""

    __slots__ = ("channel", "heard", "newest", "symbol")

    def __init__(self, symbol: str, channel: Channel) -> None:
        self.symbol = symbol
        self.channel = channel
        self.heard = 0
        self.newest: Tick | None = None


class AlpacaDecoder:
    """Read the frames of one leg.

    Args:
        symbols: The leg's instruments by symbol.
        channels: What it subscribes to.
        provider: Its name.

    Attributes:
        streams: By symbol and channel.
        tapes: By symbol, its trades, where the leg has them.
        halted: Symbols in which there is no trading now, by the venue's own word.
        connection: Number of the connection that speaks.
        lost_books: Symbols whose book is not known any more, because one of its messages could not be read.
        taken: Payloads read so far.
    """

    def __init__(
        self,
        symbols: Mapping[str, InstrumentId],
        channels: frozenset[Channel],
        provider: ProviderId,
    ) -> None:
        self.taken = 0
        self.streams: Mapping[tuple[str, Channel], Stream] = {
            (symbol, channel): Stream(symbol, channel) for symbol in symbols for channel in channels
        }
        self.tapes: Mapping[str, Tape] = (
            {symbol: Tape(most_held=MOST_HELD) for symbol in symbols} if "trades" in channels else {}
        )
        self._symbols = symbols
        self._provider = provider
        self._known_books: set[str] = set()
        self.connection = 0
        self.lost_books: set[str] = set()
        self.halted: set[str] = set()

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; the session's own messages give nothing."""
        out: list[Tick | Undecodable] = []
        for payload in payloads:
            try:
                if is_note(payload):
                    out.extend(self._take_note(payload, recv_ns))
                    continue
            except (ValueError, RecursionError) as exc:
                out.append(self._undecodable(bytes(payload), str(exc), recv_ns))
                continue
            for index, message in enumerate(read_frame(payload)):
                self._take(message, payload, index, recv_ns, out)
        self.taken += len(payloads)
        return out

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return the trades that wait for those that were missed: no more will come, and a gap marks the hole."""
        return [tick for tape in self.tapes.values() if tape.is_holding for tick in tape.drain()]

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload holds a message of one of the leg's streams, or is a note."""
        if is_note(payload):
            return True
        return any(
            (getattr(message, "S", None), CHANNEL_OF_MESSAGE.get(type(message))) in self.streams
            for message in read_frame(payload)
        )

    def _take(
        self,
        message: AnyMessage | Unreadable,
        payload: bytes,
        index: int,
        recv_ns: int,
        out: list[Tick | Undecodable],
    ) -> None:
        if isinstance(message, Unreadable):
            if _OF_A_BOOK.search(message.raw):
                out.extend([self._lose_book(symbol, recv_ns) for symbol in sorted(self._known_books)])
            out.append(self._undecodable(message.raw, message.reason, recv_ns))
            return
        if isinstance(message, _CONTROL):
            return
        symbol, channel = message.S, CHANNEL_OF_MESSAGE[type(message)]
        stream = self.streams.get((symbol, channel))
        if stream is None:
            reason = f"a message of {symbol[:40]!r} on the channel {channel}, which was not asked for"
            out.append(self._undecodable(elements_of(payload)[index], reason, recv_ns))
            return
        stream.heard += 1
        instrument, provider = self._symbols[symbol], self._provider
        try:
            if isinstance(message, TradeMessage):
                trade = stream.newest = read_trade(message, instrument, provider, recv_ns)
                self.halted.discard(symbol)
                out.extend(self.tapes[symbol].take(trade))
            elif isinstance(message, QuoteMessage):
                quote = stream.newest = read_quote(message, instrument, provider, recv_ns)
                out.append(quote)
            elif isinstance(message, BookMessage):
                out.extend(self._take_book(message, instrument, recv_ns))
            else:
                tick = stream.newest = read_other(message, instrument, provider, recv_ns)
                if isinstance(message, StatusMessage):
                    self._note_status(symbol, message.sc)
                if isinstance(tick, Correction):
                    out.extend(self.tapes[symbol].mend(tick, elements_of(payload)[index]))
                else:
                    out.append(tick)
        except ValueError as exc:
            if symbol in self._known_books and isinstance(message, BookMessage):
                out.append(self._lose_book(symbol, recv_ns))
            out.append(self._undecodable(elements_of(payload)[index], str(exc), recv_ns))

    def _note_status(self, symbol: str, code: str) -> None:
        if code in HALTS:
            self.halted.add(symbol)
        elif code in RESUMES:
            self.halted.discard(symbol)

    def _lose_book(self, symbol: str, recv_ns: int) -> Gap:
        """Believe nothing of a book from here on: its changes bear no numbers, and one of them is lost."""
        self._known_books.discard(symbol)
        self.lost_books.add(symbol)
        return Gap(
            instrument=self._symbols[symbol],
            provider=self._provider,
            event_ns=None,
            recv_ns=recv_ns,
            channel="book",
            from_id=None,
            to_id=None,
            from_ns=recv_ns,
            to_ns=recv_ns,
            cause="undecodable",
        )

    def _take_book(
        self, message: BookMessage[str] | BookMessage[Ext], instrument: InstrumentId, recv_ns: int
    ) -> Sequence[Tick]:
        """Return a whole book, or a change of one that is known; a change of an unknown book means nothing yet."""
        event_ns = moment_ns(message.t)
        bids, asks = _levels(message.b, falling=True), _levels(message.a, falling=False)
        if message.r:
            self._known_books.add(message.S)
            return [
                BookSnapshot(
                    instrument=instrument,
                    provider=self._provider,
                    event_ns=event_ns,
                    recv_ns=recv_ns,
                    bids=bids,
                    asks=asks,
                    update_id=None,
                )
            ]
        if message.S not in self._known_books:
            return ()
        return [
            BookDelta(
                instrument=instrument,
                provider=self._provider,
                event_ns=event_ns,
                recv_ns=recv_ns,
                bids=bids,
                asks=asks,
                first_update_id=None,
                update_id=None,
            )
        ]

    def _take_note(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        note = read_note(payload)
        match note:
            case ConnectedNote():
                self.connection = note.number
                self._known_books.clear()  # its books bear no numbers: what was missed cannot be seen
                self.lost_books.clear()
                self.halted.clear()  # it may have ended meanwhile
                found: list[Tick | Undecodable] = []
                for symbol in note.asked_for:
                    if symbol in self.tapes:
                        found.extend(self.tapes[symbol].hold(recv_ns))
                return found
            case MissedNote():
                tape = self.tapes.get(note.symbol)
                if tape is None:
                    return ()
                return tape.missed(note.trades, whole=note.whole, recv_ns=recv_ns)

    def _undecodable(self, raw: bytes, reason: str, recv_ns: int) -> Undecodable:
        return Undecodable(provider=self._provider, recv_ns=recv_ns, raw=raw, reason=reason)


def _levels(levels: Sequence[BookLevel], *, falling: bool) -> Levels:
    """Return levels best first.

    Raises:
        ValueError: One is no price and size.
    """
    for level in levels:
        if not (level.p.is_finite() and level.s.is_finite() and level.p > 0 and level.s >= 0):
            raise ValueError(f"a level of the book, {level.p} with {level.s}, is no price and size")
    return tuple(sorted(((level.p, level.s) for level in levels), reverse=falling))
