"""Provide what a venue sends: messages of a recording, or of a made-up market.

Owns: the messages in order, each with the time at which it is due, and what the venue lists.
Never: waits; the venue keeps the pace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId
from ticktrail.testing.venue import Message
from ticktrail.testing.venue import Tape as AnyTape
from ticktrail_mock.market import MadeQuote, MadeTicker, MadeTrade, Move, SyntheticMarket, price_of, size_of
from ticktrail_mock.recording import read_recording
from ticktrail_mock.venue.binance.symbols import Listed, Listing, listing_of, symbol_of

__all__ = ["Depth", "RecordingTape", "SyntheticTape", "Tape", "in_ms"]

TIMES = frozenset({"E", "T", "t", "O", "C"})
"""Fields that are times in events of trades, statistics and bars; `t` is an id in a trade."""


MICROSECONDS_FROM = 100_000_000_000_000


class Depth(msgspec.Struct, frozen=True):
    """A snapshot of a book, as a venue gives it."""

    lastUpdateId: int  # noqa: N815 - the venue's name
    bids: Sequence[tuple[str, str]]
    asks: Sequence[tuple[str, str]]


class Tape(AnyTape, Protocol):
    """A source of messages of combined streams."""

    def listing(self) -> Listing:
        """Return the symbols that the venue lists."""
        ...

    def snapshots(self) -> Mapping[str, Depth]:
        """Return each symbol's book at some moment of the tape, where it is known."""
        ...


class _Head(msgspec.Struct):
    stream: str | None = None
    data: _Sent | None = None


class _Sent(msgspec.Struct):
    E: int | None = None


class RecordingTape:
    """A recording's combined-stream messages.

    Args:
        path: The recording.
        now_ns: Move every time in it by as much as brings the first message to the moment at which it is taken, by
            this clock; what the recorder's clock was behind the venue's is taken off, so that no time lies in the
            future. None leaves every character as it was recorded.

    Raises:
        ConfigError: It cannot be read, or holds no message of a combined stream.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] | None = None) -> None:
        self._path = path
        self._now_ns = now_ns
        self._ahead_ns = 0
        streams: set[str] = set()
        infos: list[str] = []
        self._snapshots: dict[str, Depth] = {}
        decode = msgspec.json.Decoder(_Head).decode
        for line in read_recording(path):
            if line.kind == "http" and "exchangeInfo" in (line.url or ""):
                infos.append(line.raw)
            elif line.kind == "http" and "/depth" in (line.url or ""):
                (symbol,) = parse_qs(urlsplit(line.url or "").query)["symbol"]
                self._snapshots.setdefault(symbol, msgspec.json.decode(line.raw, type=Depth))
            elif line.kind == "ws":
                head = decode(line.raw)
                if head.stream is not None:
                    streams.add(head.stream)
                if head.data is not None and head.data.E is not None and line.recv_ns is not None:
                    self._ahead_ns = max(self._ahead_ns, head.data.E * _unit_ns(head.data.E) - line.recv_ns)
        if not streams:
            raise ConfigError(f"recording {path} holds no message of a Binance combined stream")
        self._listing = listing_of(infos, streams)

    def listing(self) -> Listing:
        """Return the recorded ``exchangeInfo``, or what the stream names tell."""
        return self._listing

    def snapshots(self) -> Mapping[str, Depth]:
        """Return the first recorded snapshot of each symbol."""
        return self._snapshots

    def messages(self) -> Iterator[Message]:
        """Yield the messages, once."""
        head = msgspec.json.Decoder(_Head).decode
        due_ns = 0
        shift_ns: int | None = None
        for line in read_recording(self._path):
            if line.kind != "ws":
                continue
            due_ns = line.recv_ns or due_ns
            stream = head(line.raw).stream
            if stream is None:
                continue
            raw = line.raw.encode()
            if self._now_ns is not None:
                if shift_ns is None:
                    shift_ns = self._now_ns() - due_ns - self._ahead_ns
                raw = _shifted(raw, shift_ns)
            yield Message(stream, raw, due_ns)


def _shifted(raw: bytes, shift_ns: int) -> bytes:
    """Return the message with its times moved; prices and sizes are texts and stay as they were."""
    message = msgspec.json.decode(raw)
    data = message["data"]
    is_trade = data.get("e") in {"trade", "aggTrade"}
    for event in (data, data.get("k")):
        if isinstance(event, dict):
            for key in TIMES & event.keys():
                if isinstance(event[key], int) and not (is_trade and key == "t"):
                    event[key] += shift_ns // _unit_ns(event[key])
    return msgspec.json.encode(message)


def in_ms(time: int) -> int:
    """Return a time of the venue's, in milliseconds or microseconds, in milliseconds."""
    return time * _unit_ns(time) // 1_000_000


def _unit_ns(time: int) -> int:
    """Return the unit of a time: recordings are in milliseconds or microseconds."""
    return 1_000_000 if time < MICROSECONDS_FROM else 1_000


class SyntheticTape:
    """A made-up market in the venue's words.

    Args:
        instruments: What is traded.
        seed: The same seed gives the same market.
        rate: Messages a second.
        now_ns: The venue's clock.
    """

    def __init__(
        self, instruments: Sequence[InstrumentId], *, seed: int, rate: float, now_ns: Callable[[], int]
    ) -> None:
        self._instruments = tuple(instruments)
        self._market = SyntheticMarket(instruments, seed=seed)
        self._step_ns = round(1e9 / rate)
        self._now_ns = now_ns

    def listing(self) -> Listing:
        """Return the instruments."""
        pairs = {symbol_of(name): name.split("/", 1) for name in self._instruments}
        steps = str(price_of(1)), str(size_of(1))
        return {symbol: Listed(base, quote, quote, *steps) for symbol, (base, quote) in pairs.items()}

    def snapshots(self) -> Mapping[str, Depth]:
        """Return nothing: this market has no book."""
        return {}

    def messages(self) -> Iterator[Message]:
        """Yield the messages, for ever; each bears the time at which it was taken."""
        due_ns = 0
        for move in self._market.moves():
            due_ns += self._step_ns
            yield self._message(move, due_ns)

    def _message(self, move: Move, due_ns: int) -> Message:
        now_ms = self._now_ns() // 1_000_000
        match move:
            case MadeTrade():
                symbol = symbol_of(move.instrument)
                stream = f"{symbol.lower()}@trade"
                text = (
                    f'"e":"trade","E":{now_ms},"s":"{symbol}","t":{move.id},'
                    f'"p":"{price_of(move.cents)}","q":"{size_of(move.units)}",'
                    f'"T":{now_ms},"m":{"true" if move.by_seller else "false"},"M":true'
                )
            case MadeQuote():
                symbol = symbol_of(move.instrument)
                stream = f"{symbol.lower()}@bookTicker"
                text = f'"u":{move.update_id},"s":"{symbol}",{_sides(move)}'
            case MadeTicker(quote, last_cents, volume_units):
                symbol = symbol_of(quote.instrument)
                stream = f"{symbol.lower()}@ticker"
                text = (
                    f'"e":"24hrTicker","E":{now_ms},"s":"{symbol}","c":"{price_of(last_cents)}",'
                    f'{_sides(quote)},"v":"{size_of(volume_units)}"'
                )
        return Message(stream, f'{{"stream":"{stream}","data":{{{text}}}}}'.encode(), due_ns)


def _sides(quote: MadeQuote) -> str:
    return (
        f'"b":"{price_of(quote.bid_cents)}","B":"{size_of(quote.bid_units)}",'
        f'"a":"{price_of(quote.ask_cents)}","A":"{size_of(quote.ask_units)}"'
    )
