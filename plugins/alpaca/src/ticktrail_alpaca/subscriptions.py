"""Say what a leg subscribes to: the venue's lists, with the symbols in each.

Owns: the way from the feed's instruments and channels to them, and what must be there for it.
Never: asks the venue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId
from ticktrail.plugin import ProviderContext
from ticktrail_alpaca.markets import BAR_LISTS, TEST_SYMBOL
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.symbols import symbol_of

__all__ = ["lists_of", "names_of", "symbols_of"]


def symbols_of(settings: AlpacaSettings, context: ProviderContext) -> Mapping[str, InstrumentId]:
    """Return the leg's instruments by symbol.

    Raises:
        ConfigError: An instrument is none of this market, or of this feed.
    """
    symbols = {symbol_of(name, settings.venue_market): name for name in context.instruments}
    others = sorted(symbols.keys() - {TEST_SYMBOL})
    if settings.feed_name == "test" and others:
        raise ConfigError(
            f'feed = "test" brings made-up trades of {TEST_SYMBOL} alone, and none of {", ".join(others[:5])}: ask for '
            f'"{TEST_SYMBOL}", or choose another feed'
        )
    return symbols


def lists_of(settings: AlpacaSettings, context: ProviderContext) -> Mapping[str, frozenset[str]]:
    """Return the symbols to subscribe to, by the venue's list.

    Raises:
        ConfigError: As `symbols_of`, or there are no credentials, which every stream needs.
    """
    if settings.key_id is None:
        raise ConfigError(
            'Alpaca\'s streams need credentials: write key_id = { env = "APCA_API_KEY_ID" } and '
            'secret_key = { env = "APCA_API_SECRET_KEY" }'
        )
    symbols = frozenset(symbols_of(settings, context))
    names = [name for channel in sorted(context.channels) for name in names_of(settings, channel)]
    return dict.fromkeys(names, symbols)


def names_of(settings: AlpacaSettings, channel: Channel) -> Sequence[str]:
    """Return the venue's lists that bring a channel: one, and of bars one a kind."""
    if channel == "bars":
        return [BAR_LISTS[kind] for kind in settings.bars]
    return [settings.venue_market.lists[channel]]
