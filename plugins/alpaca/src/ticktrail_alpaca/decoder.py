"""Read the venue's frames, and the session's notes among them, into ticks.

Owns: which message is what, what is lost with a frame that cannot be read, and the trades that were missed. What it
decides depends on the messages' order alone.
Never: raises for bad data: what cannot be read is an `Undecodable` with the raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ticktrail.model import (
    Channel,
    Correction,
    Gap,
    InstrumentId,
    ProviderId,
    Tick,
    Undecodable,
)
from ticktrail_alpaca.books import Books
from ticktrail_alpaca.codec import AnyMessage, Unreadable, elements_of, head_of, read_frame
from ticktrail_alpaca.events import read_other, read_quote, read_trade
from ticktrail_alpaca.missed import Tape
from ticktrail_alpaca.notes import ConnectedNote, MissedNote, is_note, read_note
from ticktrail_alpaca.wire import (
    BarMessage,
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
OF_A_BOOK = "o"
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
        on_loss: Called when trades begin to wait for those that were in a frame which could not be read.

    Attributes:
        streams: By symbol and channel.
        tapes: By symbol, its trades, where the leg has them.
        halted: Symbols in which there is no trading now, by the venue's own word.
        connection: Number of the connection that speaks.
        books: What is known of them.
        taken: Payloads read so far.
    """

    def __init__(
        self,
        symbols: Mapping[str, InstrumentId],
        channels: frozenset[Channel],
        provider: ProviderId,
        *,
        on_loss: Callable[[], None] | None = None,
    ) -> None:
        self.taken = 0
        self._on_loss = on_loss
        self.streams: Mapping[tuple[str, Channel], Stream] = {
            (symbol, channel): Stream(symbol, channel) for symbol in symbols for channel in channels
        }
        self.tapes: Mapping[str, Tape] = (
            {symbol: Tape(most_held=MOST_HELD) for symbol in symbols} if "trades" in channels else {}
        )
        self._symbols = symbols
        self._provider = provider
        self.books = Books(symbols if "book" in channels else {}, provider)
        self.connection = 0
        self._repaired: frozenset[str] = frozenset()
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
        """Tell whether the payload holds a message of one of the leg's streams, may have held one, or is a note."""
        if is_note(payload):
            return True
        return any(
            message.is_frame
            if isinstance(message, Unreadable)
            else (getattr(message, "S", None), CHANNEL_OF_MESSAGE.get(type(message))) in self.streams
            for message in read_frame(payload)
        )

    def asked(self) -> Mapping[str, tuple[InstrumentId, Channel]]:
        """Return what each stream is to bring; a stream's name is symbol and channel, such as ``AAPL@trades``."""
        return {f"{symbol}@{channel}": (self._symbols[symbol], channel) for symbol, channel in self.streams}

    def streams_of(self, payload: bytes) -> Sequence[str]:
        """Return the streams of a frame's messages, whoever wants them."""
        if is_note(payload):
            return ()
        named = ((getattr(message, "S", None), message) for message in read_frame(payload))
        return [
            f"{symbol}@{CHANNEL_OF_MESSAGE[type(message)]}"
            for symbol, message in named
            if symbol is not None and type(message) in CHANNEL_OF_MESSAGE
        ]

    def _take(
        self,
        message: AnyMessage | Unreadable,
        payload: bytes,
        index: int,
        recv_ns: int,
        out: list[Tick | Undecodable],
    ) -> None:
        if isinstance(message, Unreadable):
            out.extend(self._lose(message, recv_ns))
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
                book = self.books.take(message, recv_ns)
                if book is not None:
                    stream.newest = book
                    out.append(book)
            else:
                tick = stream.newest = read_other(message, instrument, provider, recv_ns)
                if isinstance(message, StatusMessage):
                    self._note_status(symbol, message.sc)
                if isinstance(tick, Correction):
                    out.extend(self.tapes[symbol].mend(tick, elements_of(payload)[index]))
                else:
                    out.append(tick)
        except ValueError as exc:
            if isinstance(message, BookMessage):
                out.extend(self.books.lose(symbol, recv_ns))
            out.append(self._undecodable(elements_of(payload)[index], str(exc), recv_ns))

    def _note_status(self, symbol: str, code: str) -> None:
        if code in HALTS:
            self.halted.add(symbol)
        elif code in RESUMES:
            self.halted.discard(symbol)

    def _lose(self, unreadable: Unreadable, recv_ns: int) -> Sequence[Gap]:
        """Return the marks of what is lost with what could not be read.

        A message by itself is kept whole by its raw bytes, and lost is the book that it changed. Of a frame nobody
        knows what it held: something of any stream. Its trades are waited for where they will be fetched.
        """
        if not unreadable.is_frame:
            kind, symbol = head_of(unreadable.raw)
            return self.books.lose(symbol, recv_ns) if kind in {OF_A_BOOK, None} else ()
        self.halted.clear()  # it may have held the end of one
        gaps = list(self.books.lose(None, recv_ns))
        waits = False
        for (symbol, channel), stream in self.streams.items():
            if channel == "trades" and symbol in self._repaired and self.tapes[symbol].lose(recv_ns):
                waits = True
            elif channel != "book":
                newest = stream.newest
                gaps.append(
                    Gap(
                        instrument=self._symbols[symbol],
                        provider=self._provider,
                        event_ns=None,
                        recv_ns=recv_ns,
                        channel=channel,
                        from_id=None,
                        to_id=None,
                        from_ns=recv_ns if newest is None else newest.recv_ns,
                        to_ns=recv_ns,
                        cause="undecodable",
                    )
                )
        if waits and self._on_loss is not None:
            self._on_loss()
        return gaps

    def _take_note(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        note = read_note(payload)
        match note:
            case ConnectedNote():
                self.connection = note.number
                self.books.begin_anew()
                self._repaired = frozenset(note.asked_for)
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
                return tape.missed(note.trades, whole=note.whole, recv_ns=recv_ns, hole=note.hole)

    def _undecodable(self, raw: bytes, reason: str, recv_ns: int) -> Undecodable:
        return Undecodable(provider=self._provider, recv_ns=recv_ns, raw=raw, reason=reason)
