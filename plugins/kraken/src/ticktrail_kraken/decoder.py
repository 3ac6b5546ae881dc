"""Read the venue's messages into ticks.

Owns: which message is what, what is lost with one that cannot be read, and the state of trading. What it decides
depends on the messages' order alone, so that a recording decodes to the same ticks again.
Never: raises for bad data: what cannot be read is an `Undecodable` with the raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ticktrail.model import BookDelta, BookSnapshot, Channel, Gap, InstrumentId, ProviderId, Tick, Undecodable
from ticktrail.moments import ns_of_rfc3339
from ticktrail_kraken.bars import Bars
from ticktrail_kraken.book import Book, Mismatch
from ticktrail_kraken.events import bar_of, quote_of, ticker_of, trade_of
from ticktrail_kraken.losses import CHANNELS_OF, UNREADABLE, Lost, is_answer, lost_with
from ticktrail_kraken.states import States
from ticktrail_kraken.tape import Tape
from ticktrail_kraken.wire import (
    BookMessage,
    DataMessage,
    InstrumentMessage,
    OhlcMessage,
    StatusMessage,
    TickerMessage,
    TradeMessage,
    read_data,
)

__all__ = ["KrakenDecoder", "Stream"]


class Stream:
    """One pair on one channel: how many messages it has brought, and the newest tick of them."""

    __slots__ = ("channel", "heard", "newest", "symbol")

    def __init__(self, symbol: str, channel: Channel) -> None:
        self.symbol = symbol
        self.channel = channel
        self.heard = 0
        self.newest: Tick | None = None


class KrakenDecoder:
    """Read the messages of one leg.

    Args:
        symbols: The leg's instruments by symbol.
        channels: What it subscribes to.
        provider: Its name.
        book_depth: Levels a side of its books.
        on_book_lost: Called with the symbol of a book that is known no more, once it is.

    Attributes:
        streams: By symbol and channel.
        books: By symbol, where the leg has them.
        states: How the pairs are traded.
        taken: Payloads read so far.
    """

    def __init__(
        self,
        symbols: Mapping[str, InstrumentId],
        channels: frozenset[Channel],
        provider: ProviderId,
        *,
        book_depth: int,
        on_book_lost: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.taken = 0
        self.streams: Mapping[tuple[str, Channel], Stream] = {
            (symbol, channel): Stream(symbol, channel)
            for symbol in symbols
            for channel in sorted(channels - {"status"})
        }
        self.books: Mapping[str, Book] = (
            {symbol: Book(name, provider, depth=book_depth) for symbol, name in symbols.items()}
            if "book" in channels
            else {}
        )
        self.states = States(symbols, provider, tells="status" in channels)
        self._tapes = {symbol: Tape() for symbol in symbols}
        self._bars = {symbol: Bars() for symbol in symbols}
        self._symbols = symbols
        self._channels = channels
        self._provider = provider
        self._on_book_lost = on_book_lost

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; answers and heartbeats give nothing."""
        out: list[Tick | Undecodable] = []
        for payload in payloads:
            try:
                message = read_data(payload)
            except UNREADABLE as exc:
                if not is_answer(payload):
                    out.extend(self._lose(lost_with(payload), "undecodable", recv_ns))
                    out.append(self._undecodable(payload, str(exc), recv_ns))
                continue
            try:
                out.extend(self._ticks(message, recv_ns))
            except Mismatch as exc:
                gaps = self._lose(lost_with(payload), "checksum", recv_ns)
                # Where nobody believes in a book, no mark tells that one came and was wrong: a pair whose books never
                # are right would have none, and nobody would know.
                out.extend(gaps or [self._undecodable(payload, str(exc), recv_ns)])
            except ValueError as exc:
                out.extend(self._lose(lost_with(payload), "undecodable", recv_ns))
                out.append(self._undecodable(payload, str(exc), recv_ns))
        self.taken += len(payloads)
        return out

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload holds something of the leg's streams, may have held it, or is of all pairs."""
        try:
            message = read_data(payload)
        except UNREADABLE:
            return not is_answer(payload)
        if isinstance(message, InstrumentMessage | StatusMessage):
            return True
        return any(stream in self.streams for stream in _streams_of(message))

    def asked(self) -> Mapping[str, tuple[InstrumentId, Channel]]:
        """Return what each stream is to bring; a stream's name is symbol and channel, such as ``BTC/USD@trades``."""
        return {f"{symbol}@{channel}": (self._symbols[symbol], channel) for symbol, channel in self.streams}

    def streams_of(self, payload: bytes) -> Sequence[str]:
        """Return the streams of a payload's rows, whoever wants them."""
        try:
            message = read_data(payload)
        except UNREADABLE:
            return ()
        return [f"{symbol}@{channel}" for symbol, channel in _streams_of(message)]

    def newest_trade(self, symbol: str) -> int | None:
        """Return the highest id of a pair's trades so far; None before the first."""
        return self._tapes[symbol].newest_id

    def _ticks(self, message: DataMessage, recv_ns: int) -> Sequence[Tick]:
        """Return a message's ticks; of one that is no good in a part, nothing is taken.

        Raises:
            Mismatch: A book's checksum is wrong.
            ValueError: It holds what could not be, or was not asked for.
        """
        match message:
            case TradeMessage():
                return self._trade_ticks(message, recv_ns)
            case TickerMessage():
                return self._ticker_ticks(message, recv_ns)
            case BookMessage():
                return self._book_ticks(message, recv_ns)
            case OhlcMessage():
                return self._bar_ticks(message, recv_ns)
            case _:
                return self._status_ticks(message, recv_ns)

    def _trade_ticks(self, message: TradeMessage, recv_ns: int) -> Sequence[Tick]:
        trades = [
            (row.symbol, trade_of(row, self._symbols[row.symbol], self._provider, recv_ns))
            for row in message.data
            if self._hears(row.symbol, "trades")
        ]
        missed: list[Tick] = []
        ordered: dict[str, Iterator[Tick]] = {}
        for symbol in dict.fromkeys(symbol for symbol, _ in trades):
            of_symbol = [trade for name, trade in trades if name == symbol]
            tape, stream = self._tapes[symbol], self.streams[symbol, "trades"]
            if (hole := tape.hole_before(of_symbol)) is not None:
                missed.append(self._gap(stream, "missing", recv_ns, *hole))
            self._heard(symbol, "trades", of_symbol[-1])
            if message.type == "snapshot":
                missed.extend(tape.recall(of_symbol))
            else:
                ordered[symbol] = iter(tape.take(of_symbol))
        return (
            missed if message.type == "snapshot" else [*missed, *(next(ordered[name]) for name, _ in trades)]
        )

    def _ticker_ticks(self, message: TickerMessage, recv_ns: int) -> Sequence[Tick]:
        ticks: list[tuple[str, Channel, Tick]] = []
        for row in message.data:
            symbol, provider = row.symbol, self._provider
            if (symbol, "quotes") in self.streams:
                ticks.append((symbol, "quotes", quote_of(row, self._symbols[symbol], provider, recv_ns)))
            elif (symbol, "ticker") not in self.streams:
                raise _not_asked(symbol, "ticker")
            if (symbol, "ticker") in self.streams:
                ticker = ticker_of(row, self._symbols[symbol], provider, recv_ns)
                if ticker is not None:
                    ticks.append((symbol, "ticker", ticker))
        for symbol, channel, tick in ticks:
            self._heard(symbol, channel, tick)
        return [tick for _, _, tick in ticks]

    def _bar_ticks(self, message: OhlcMessage, recv_ns: int) -> Sequence[Tick]:
        at_ns = None if message.timestamp is None else ns_of_rfc3339(message.timestamp)
        bars = [
            (row.symbol, bar_of(row, self._symbols[row.symbol], self._provider, at_ns, recv_ns))
            for row in message.data
            if self._hears(row.symbol, "bars")
        ]
        ticks: list[Tick] = []
        for symbol in dict.fromkeys(symbol for symbol, _ in bars):
            of_symbol = [bar for name, bar in bars if name == symbol]
            if message.type == "snapshot":
                ticks.extend(self._bars[symbol].recall(of_symbol))
            else:
                ticks.extend(tick for bar in of_symbol for tick in self._bars[symbol].take(bar))
            self._heard(symbol, "bars", of_symbol[-1])
        return ticks

    def _book_ticks(self, message: BookMessage, recv_ns: int) -> Sequence[Tick]:
        ticks: list[Tick] = []
        for row in message.data:
            self._hears(row.symbol, "book")
            book = self.books[row.symbol]
            if message.type == "snapshot":
                tick: BookSnapshot | BookDelta | None = book.begin(row, recv_ns)
            else:
                tick = book.change(row, recv_ns)
            self._heard(row.symbol, "book", tick)
            if tick is not None:
                ticks.append(tick)
        return ticks

    def _status_ticks(self, message: DataMessage, recv_ns: int) -> Sequence[Tick]:
        if isinstance(message, StatusMessage):
            return self.states.take_system(message.data, recv_ns)
        if not isinstance(message, InstrumentMessage):
            return ()
        if message.type == "snapshot":  # it is what each connection asks for first
            for tape in self._tapes.values():
                tape.begin(recv_ns)
        pairs = [pair for pair in message.data.pairs if pair.symbol in self._symbols]
        for pair in pairs:
            if pair.symbol in self.books:
                self.books[pair.symbol].learn(pair.price_precision, pair.qty_precision)
        return self.states.take_pairs(pairs, recv_ns, anew=message.type == "snapshot")

    def _hears(self, symbol: str, channel: Channel) -> bool:
        if (symbol, channel) not in self.streams:
            raise _not_asked(symbol, channel)
        return True

    def _heard(self, symbol: str, channel: Channel, tick: Tick | None) -> None:
        stream = self.streams[symbol, channel]
        stream.heard += 1
        if tick is not None:
            stream.newest = tick

    def _lose(self, lost: Lost, cause: str, recv_ns: int) -> Sequence[Gap]:
        """Return the marks of what is lost with a message.

        Trades need none: their ids jump, or the tape finds the hole before the first. What is no stream of the leg's is
        not missed, and neither is what nothing came before. A book is asked for again, known or not.
        """
        gaps: list[Gap] = []
        for (symbol, channel), stream in self.streams.items():
            if channel not in lost.channels or (lost.symbols is not None and symbol not in lost.symbols):
                continue
            if channel == "book":
                book = self.books[symbol]
                book.lose()
                if book.take_loss():
                    gaps.append(self._gap(stream, cause, recv_ns))
                self._on_book_lost(symbol)
            elif channel != "trades" and stream.newest is not None:
                if channel == "bars":
                    self._bars[symbol].lose()
                gaps.append(self._gap(stream, cause, recv_ns))
        return gaps

    def _gap(
        self, stream: Stream, cause: str, recv_ns: int, from_id: int | None = None, to_id: int | None = None
    ) -> Gap:
        newest = stream.newest
        return Gap(
            instrument=self._symbols[stream.symbol],
            provider=self._provider,
            event_ns=None,
            recv_ns=recv_ns,
            channel=stream.channel,
            from_id=from_id,
            to_id=to_id,
            from_ns=recv_ns if newest is None else newest.recv_ns,
            to_ns=recv_ns,
            cause=cause,
        )

    def _undecodable(self, raw: bytes, reason: str, recv_ns: int) -> Undecodable:
        return Undecodable(provider=self._provider, recv_ns=recv_ns, raw=bytes(raw), reason=reason[:300])


def _streams_of(message: DataMessage) -> Sequence[tuple[str, Channel]]:
    """Return pair and channel of each row."""
    match message:
        case (
            TradeMessage(data=rows)
            | TickerMessage(data=rows)
            | OhlcMessage(data=rows)
            | BookMessage(data=rows)
        ):
            channels = CHANNELS_OF[str(type(message).__struct_config__.tag)]
            return [(row.symbol, channel) for row in rows for channel in channels]
        case _:
            return ()


def _not_asked(symbol: str, channel: str) -> ValueError:
    return ValueError(f"a message of {symbol[:41]!r} on the channel {channel}, which was not asked for")
