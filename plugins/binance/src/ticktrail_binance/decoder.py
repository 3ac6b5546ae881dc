"""Read the venue's messages, and the session's notes among them, into ticks.

Owns: which message is what, the books, and the holes in trades. What it decides depends on the messages' order alone.
Never: raises for bad data: what cannot be read is an `Undecodable` with the raw bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from ticktrail.model import AggTrade, Channel, Gap, InstrumentId, ProviderId, Tick, Trade, Undecodable
from ticktrail_binance.book import BookSync
from ticktrail_binance.events import Read, reader_of
from ticktrail_binance.holes import Hole, Traded, TradeHoles, read_row, split_rows
from ticktrail_binance.notes import BookNote, ConnectedNote, TradesNote, book_note_of, is_note, read_note
from ticktrail_binance.origin import origin_of
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import Stream
from ticktrail_binance.wire import DepthUpdate, Envelope

__all__ = ["SHUTDOWN_STREAM", "BinanceDecoder", "is_control"]

SHUTDOWN_STREAM = "!serverShutdown"
MOST_HELD = 50_000
"""Trades of one stream that wait for a hole: a busy market's for a minute."""
BY_ID: frozenset[Channel] = frozenset({"trades", "agg_trades"})
"""Channels in which ids tell what is missing."""
_PREFIX = b'{"stream":"'
_NAME = len(_PREFIX)
_read_envelope = msgspec.json.Decoder(Envelope).decode

Event = TypeVar("Event")


class _Combined(msgspec.Struct, Generic[Event], gc=False):
    data: Event


_read_depth = msgspec.json.Decoder(_Combined[DepthUpdate]).decode


def is_control(payload: bytes) -> bool:
    """Tell whether a payload may concern the session rather than the market: an answer, a notice of the venue."""
    return payload[:_NAME] != _PREFIX or payload[_NAME : _NAME + 1] == b"!"


class BinanceDecoder:
    """Read the messages of combined streams.

    Args:
        streams: What was subscribed to, by the venue's stream name.
        provider: The leg's name.
        settings: Of the leg.
        on_want: Called when a snapshot or missing trades are wanted; None if nobody can fetch them (a replay), and
            then holes stay as they are.

    Attributes:
        books: By symbol, the books that are kept by differences.
        holes: By stream, the trades whose ids are watched.
        taken: Payloads read so far.
    """

    def __init__(
        self,
        streams: Mapping[str, Stream],
        provider: ProviderId,
        settings: BinanceSettings,
        *,
        on_want: Callable[[], None] | None = None,
    ) -> None:
        market = settings.venue_market
        self.taken = 0
        self._provider = provider
        self._on_want = on_want
        self._by_name = streams
        self.books: Mapping[str, BookSync] = {
            stream.symbol: BookSync(
                stream.instrument,
                provider,
                ids_have_holes=market.update_ids_have_holes,
                most_buffered=settings.book_buffer,
            )
            for stream in streams.values()
            if stream.channel == "book" and settings.book == "diff"
        }
        repairs = on_want is not None and settings.repair_trades
        self.holes: Mapping[str, TradeHoles] = {
            name: TradeHoles(most_missing=settings.repair_most if repairs else 0, most_held=MOST_HELD)
            for name, stream in streams.items()
            if stream.channel in BY_ID
        }
        self._is_future = market.settles
        self._aggregates = market.trades_are_aggregates
        readers: dict[Channel, Read] = {}
        for stream in streams.values():
            channel = stream.channel
            if channel not in readers and (channel != "book" or settings.book == "partial"):
                readers[channel] = reader_of(channel, market, final_bars_only=settings.final_bars_only)
        self._streams: Mapping[bytes, tuple[Read | None, str, InstrumentId, Stream]] = {
            name.encode(): (readers.get(stream.channel), stream.symbol, stream.instrument, stream)
            for name, stream in streams.items()
        }

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; answers and notices of the venue give nothing."""
        out: list[Tick | Undecodable] = []
        append, streams, provider, holes = out.append, self._streams, self._provider, self.holes
        for payload in payloads:
            try:
                known = streams.get(payload[_NAME : payload.find(b'"', _NAME)])
                if known is None:
                    if is_note(payload):
                        out.extend(self._take_note(payload, recv_ns))
                        continue
                    known = self._look_closer(payload)
                    if known is None:
                        continue
                read, symbol, instrument, stream = known
                stream.heard += 1
                if read is None:
                    out.extend(self._take_depth(payload, symbol, recv_ns))
                    continue
                tick = stream.newest = read(payload, symbol, instrument, provider, recv_ns)
            except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
                append(self._undecodable(bytes(payload), str(exc), recv_ns))
            else:
                if type(tick) is Trade or type(tick) is AggTrade:
                    watch = holes[stream.name]
                    if tick.id == watch.next_id:
                        watch.next_id += 1
                        append(tick)
                    else:
                        try:
                            out.extend(self._take_trade(watch, tick))
                        except ValueError as exc:
                            append(self._undecodable(bytes(payload), str(exc), recv_ns))
                elif tick is not None:
                    append(tick)
        self.taken += len(payloads)
        return out

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload is a message of one of the streams, or a note."""
        if payload[_NAME : payload.find(b'"', _NAME)] in self._streams or is_note(payload):
            return True
        try:
            return self._look_closer(payload) is not None
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False

    def asked(self) -> Mapping[str, tuple[InstrumentId, Channel]]:
        """Return what each stream is to bring."""
        return {name: (stream.instrument, stream.channel) for name, stream in self._by_name.items()}

    def streams_of(self, payload: bytes) -> Sequence[str]:
        """Return the stream of a message, whoever wants it; a note or a notice of the venue has none.

        One of the other kind of market has its name with that kind behind it: by itself the name would be this leg's.
        """
        if is_note(payload):
            return ()
        try:
            name, of_futures = origin_of(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return ()
        if name is None or name == SHUTDOWN_STREAM:
            return ()
        if of_futures is not None and of_futures != self._is_future:
            return (f"{name} of {'futures' if of_futures else 'spot'}",)
        return (name,)

    def answer(self, url: str, body: bytes) -> bytes | None:
        """Return the note that a recorded answer makes: the snapshot of a book that is kept."""
        found = book_note_of(url, body)
        return found[1] if found is not None and found[0] in self.books else None

    def _look_closer(self, payload: bytes) -> tuple[Read | None, str, InstrumentId, Stream] | None:
        """Return how to read a message that does not begin as usual; None if it is no market data.

        Raises:
            ValueError: It is of no kind that is known.
        """
        envelope = _read_envelope(payload)
        if envelope.stream is not None:
            known = self._streams.get(envelope.stream.encode())
            if known is not None or envelope.stream == SHUTDOWN_STREAM:
                return known
            raise ValueError(f"a message of the stream {envelope.stream[:80]!r}, which was not asked for")
        if envelope.id is not None or envelope.error is not None:
            return None
        raise ValueError("neither a message of a stream nor an answer")

    def _take_depth(self, payload: bytes, symbol: str, recv_ns: int) -> Sequence[Tick]:
        event = _read_depth(payload).data
        if event.s != symbol:
            raise ValueError(f"the stream is {symbol}'s, and the event says {event.s[:40]!r}")
        book = self.books[symbol]
        before = book.wants
        ticks = book.change(event, recv_ns)
        if book.wants is not before:
            self._want()
        return ticks

    def _take_trade(self, watch: TradeHoles, trade: Trade | AggTrade) -> Sequence[Tick]:
        before = watch.wants
        ticks = watch.take(trade)
        if watch.wants is not before:
            self._want()
        return ticks

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return the trades that wait for missing ones: no more will come, and the jump in their ids shows the hole."""
        out: list[Tick | Undecodable] = []
        for watch in self.holes.values():
            while watch.wants is not None:
                out.extend(watch.give_up())
        return out

    def _take_note(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        note = read_note(payload)
        ticks: Sequence[Tick | Undecodable] = ()
        match note:
            case ConnectedNote():
                ticks = self._connected(note, recv_ns)
            case BookNote():
                book = self.books.get(note.symbol)
                if book is not None:
                    ticks = book.snapshot(note.book, note.limit, recv_ns)
            case TradesNote():
                ticks = self._take_missing(note, recv_ns)
        self._want()
        return ticks

    def _take_missing(self, note: TradesNote, recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Fill a hole with what can be read of the answer: newer trades wait for it no longer, whatever it holds."""
        stream, watch = self._by_name.get(note.stream), self.holes.get(note.stream)
        if stream is None or watch is None:
            return ()
        aggregates = self._aggregates or stream.channel == "agg_trades"
        trades: list[Traded] = []
        spoilt: list[Undecodable] = []
        rows: Sequence[bytes] = ()
        try:
            rows = split_rows(bytes(note.rows))
        except (ValueError, RecursionError) as exc:
            spoilt.append(self._undecodable(bytes(note.rows), str(exc), recv_ns))
        for row in rows:
            try:
                trade = read_row(row, stream, self._provider, recv_ns, aggregates=aggregates)
            except (ValueError, RecursionError) as exc:
                spoilt.append(self._undecodable(row, str(exc), recv_ns))
            else:
                if trade is not None:
                    trades.append(trade)
        return [*spoilt, *watch.fetched(Hole(note.from_id, note.to_id), trades)]

    def _undecodable(self, raw: bytes, reason: str, recv_ns: int) -> Undecodable:
        return Undecodable(provider=self._provider, recv_ns=recv_ns, raw=raw, reason=reason)

    def _connected(self, note: ConnectedNote, recv_ns: int) -> Sequence[Tick]:
        """Begin the books of the streams anew, and mark the hole that a lost connection left within the session."""
        gaps: list[Tick] = []
        for name in note.streams:
            stream = self._by_name.get(name)
            if stream is None:
                continue
            if stream.channel == "book" and stream.symbol in self.books:
                self.books[stream.symbol].restart()
            if note.lost_ns is not None and stream.channel not in BY_ID:
                gaps.append(
                    Gap(
                        instrument=stream.instrument,
                        provider=self._provider,
                        event_ns=None,
                        recv_ns=recv_ns,
                        channel=stream.channel,
                        from_id=None,
                        to_id=None,
                        from_ns=note.lost_ns,
                        to_ns=recv_ns,
                        cause="reconnect",
                    )
                )
        return gaps

    def _want(self) -> None:
        if self._on_want is not None:
            self._on_want()
