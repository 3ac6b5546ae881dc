"""Say which streams a leg wants, and over which connections they come.

Owns: the names of streams, the way from a stream to its instrument and channel, and the division into connections.
Never: asks the venue; whether it lists a symbol is the instrument check's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId, Tick
from ticktrail.plugin import ProviderContext
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.symbols import symbol_of

__all__ = ["ConnectionPlan", "Stream", "connections_of", "streams_of", "symbols_of"]


@dataclass(slots=True, eq=False)
class Stream:
    """One stream: what it brings, and how many messages it has brought.

    Attributes:
        name: As the venue names it.
        symbol: In the venue's spelling, as its events name it.
        heard: Messages read so far, and `newest` the last tick of them; the watch for silence looks at both.
    """

    name: str
    instrument: InstrumentId
    symbol: str
    channel: Channel
    heard: int = 0
    newest: Tick | None = None


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    """One connection: the path before ``/stream``, and the streams that it carries."""

    path: str
    streams: tuple[str, ...]


def symbols_of(settings: BinanceSettings, context: ProviderContext) -> Mapping[str, InstrumentId]:
    """Return the leg's instruments by symbol, in the feed's order.

    Raises:
        ConfigError: An instrument is none of this market, or two have the same symbol.
    """
    symbols: dict[str, InstrumentId] = {}
    for instrument in context.instruments:
        symbol = symbol_of(instrument, settings.venue_market)
        other = symbols.setdefault(symbol, instrument)
        if other != instrument:
            raise ConfigError(
                f'instruments "{other}" and "{instrument}" are both {symbol} at Binance; keep the right one'
            )
    return symbols


def streams_of(settings: BinanceSettings, context: ProviderContext) -> Mapping[str, Stream]:
    """Return what to subscribe to: by stream name, in the feed's order of instruments.

    Raises:
        ConfigError: As `symbols_of`, or two channels are one stream.
    """
    market = settings.venue_market
    if market.trades_are_aggregates and {"trades", "agg_trades"} <= context.channels:
        raise ConfigError(
            f'market "{market.name}" of Binance has aggregate trades only, which its channel "trades" brings: '
            f'leave "agg_trades" out of channels'
        )
    names = {channel: name for channel, name in market.streams.items() if channel in context.channels}
    if "book" in context.channels:
        levels = "" if settings.book == "diff" else str(settings.partial_levels)
        names["book"] = f"depth{levels}{market.book_intervals_ms[settings.book_interval_ms]}"
    streams: dict[str, Stream] = {}
    for symbol, instrument in symbols_of(settings, context).items():
        for channel, name in names.items():
            stream = f"{symbol.lower()}@{name.format(interval=settings.bar_interval)}"
            streams[stream] = Stream(stream, instrument, symbol, channel)
    return streams


def connections_of(settings: BinanceSettings, streams: Mapping[str, Stream]) -> Sequence[ConnectionPlan]:
    """Return the connections that carry the streams: by path, filled one after the other."""
    by_path: dict[str, list[str]] = {}
    for stream in streams.values():
        by_path.setdefault(settings.venue_market.paths.get(stream.channel, ""), []).append(stream.name)
    most = settings.max_streams
    return [
        ConnectionPlan(path, tuple(names[start : start + most]))
        for path, names in by_path.items()
        for start in range(0, len(names), most)
    ]
