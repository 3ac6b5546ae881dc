"""Say what a leg subscribes to: the venue's channels, with what each is to be asked for.

Owns: the way from the feed's instruments and channels to them.
Never: asks the venue.

Sources: docs.kraken.com, "Spot WebSocket v2": the parameters of trade (`snapshot`), ticker (`event_trigger`), book
(`depth`), ohlc (`interval`), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticktrail.model import Channel, InstrumentId
from ticktrail.plugin import ProviderContext
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.symbols import symbol_of

__all__ = ["params_of", "symbols_of"]

Params = Mapping[str, str | int | bool]


def symbols_of(context: ProviderContext) -> Mapping[str, InstrumentId]:
    """Return the leg's instruments by symbol.

    Raises:
        ConfigError: An instrument is none of this venue.
    """
    return {symbol_of(name): name for name in context.instruments}


def params_of(channels: frozenset[Channel], settings: KrakenSettings) -> Mapping[str, Params]:
    """Return the venue's channels that bring what is wanted, each with its parameters beside the symbols.

    Quotes need a message at each change of the best bid or offer; tickers alone one at each trade.
    """
    wanted: dict[str, Params] = {}
    if "trades" in channels:
        wanted["trade"] = {"snapshot": True}
    if channels & {"quotes", "ticker"}:
        wanted["ticker"] = {"event_trigger": "bbo" if "quotes" in channels else "trades", "snapshot": True}
    if "book" in channels:
        wanted["book"] = {"depth": settings.book_depth, "snapshot": True}
    if "bars" in channels:
        wanted["ohlc"] = {"interval": settings.bar_minutes, "snapshot": True}
    return wanted
