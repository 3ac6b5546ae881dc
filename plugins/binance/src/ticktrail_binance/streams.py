"""Map instruments and channels to the venue's symbols and stream names, and back.

Owns: the spelling. ``BTC/USDT`` is ``BTCUSDT``, its trades are ``btcusdt@trade``.
Never: asks the venue; whether it lists a symbol is the instrument check's business.

A symbol alone does not tell where the base ends and the quote begins, so that the way back is by the feed's own
list; two of its instruments with one symbol are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId
from ticktrail.plugin import ProviderContext
from ticktrail_binance.settings import BarInterval, BinanceSettings

__all__ = ["CHANNELS", "Stream", "streams_of", "symbol_of", "wanted_streams"]

CHANNELS: Mapping[Channel, str] = {
    "trades": "trade",
    "quotes": "bookTicker",
    "ticker": "ticker",
    "bars": "kline_{interval}",
}
"""The stream of each channel, behind the symbol and an at sign."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What one stream brings: `symbol` in the venue's spelling, as its events name it."""

    instrument: InstrumentId
    symbol: str
    channel: Channel


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's symbol, such as ``BTCUSDT``.

    Raises:
        ConfigError: It is no pair of two assets in capital letters.
    """
    base, slash, quote = instrument.partition("/")
    if not (base and slash and quote) or "/" in quote or instrument != instrument.upper():
        raise ConfigError(
            f'instrument "{instrument}" is no pair that Binance could list; '
            f'write base and quote in capitals with a slash between, such as "BTC/USDT"'
        )
    return base + quote


def wanted_streams(settings: BinanceSettings, context: ProviderContext) -> Mapping[str, Stream]:
    """Return the streams of a leg.

    Raises:
        ConfigError: As `streams_of`, or they are more than one connection carries.
    """
    streams = streams_of(context, settings.bar_interval)
    if len(streams) > settings.max_streams:
        raise ConfigError(
            f"the feed wants {len(streams)} streams, and a Binance connection carries {settings.max_streams}: "
            f"divide the instruments among several feeds"
        )
    return streams


def streams_of(context: ProviderContext, interval: BarInterval) -> Mapping[str, Stream]:
    """Return what to subscribe to: by stream name, in the feed's order of instruments.

    Raises:
        ConfigError: An instrument is no pair, or two have the same symbol.
    """
    streams: dict[str, Stream] = {}
    symbols: dict[str, InstrumentId] = {}
    for instrument in context.instruments:
        symbol = symbol_of(instrument)
        other = symbols.setdefault(symbol, instrument)
        if other != instrument:
            raise ConfigError(
                f'instruments "{other}" and "{instrument}" are both {symbol} at Binance; keep the right one'
            )
        for channel, name in CHANNELS.items():
            if channel in context.channels:
                stream = f"{symbol.lower()}@{name.format(interval=interval)}"
                streams[stream] = Stream(instrument=instrument, symbol=symbol, channel=channel)
    return streams
