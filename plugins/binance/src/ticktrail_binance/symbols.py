"""Map instruments to the venue's symbols and back.

Owns: the spelling. ``BTC/USDT`` is ``BTCUSDT`` on the spot market; ``BTC/USDT:USDT`` is the perpetual ``BTCUSDT`` and
``BTC/USDT:USDT-270326`` the dated ``BTCUSDT_270326`` of USD-M futures; ``BTC/USD:BTC`` is ``BTCUSD_PERP`` of COIN-M.
Never: asks the venue whether it lists a symbol.

A symbol alone does not tell where the base ends and the quote begins, so that the way back needs the venue's listing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId
from ticktrail_binance.markets import Market
from ticktrail_binance.wire import SymbolInfo

__all__ = ["instrument_of", "symbol_of"]

_FORM = re.compile(r"(?P<base>[^/:\s]+)/(?P<quote>[^/:\s]+)(:(?P<settle>[^/:\s-]+)(-(?P<expiry>\d{6}))?)?")
_PERPETUAL = "_PERP"


def symbol_of(instrument: InstrumentId, market: Market) -> str:
    """Return the venue's symbol.

    Raises:
        ConfigError: It is no instrument that this market could list; the message says what one looks like.
    """
    parts = _FORM.fullmatch(instrument)
    if parts is None or instrument != instrument.upper() or (parts["settle"] is not None) != market.settles:
        raise ConfigError(
            f'instrument "{instrument}" is no {_KINDS[market.name]} that Binance could list; '
            f"write {_EXAMPLES[market.name]}"
        )
    other = _OTHER_MARKET.get(market.name)
    if other is not None and (parts["settle"] == parts["base"]) == (market.name == "usdm"):
        raise ConfigError(
            f'instrument "{instrument}" settles in {parts["settle"]} and is none of market "{market.name}"; '
            f'write market = "{other}"'
        )
    pair = parts["base"] + parts["quote"]
    if parts["expiry"] and not _is_date(parts["expiry"]):
        raise ConfigError(
            f'instrument "{instrument}" expires on no date: write year, month and day, such as 270326'
        )
    if parts["expiry"]:
        return f"{pair}_{parts['expiry']}"
    return pair + _PERPETUAL if market.name == "coinm" else pair


def instrument_of(listed: SymbolInfo, market: Market) -> InstrumentId:
    """Return the canonical name of what the venue lists."""
    pair = f"{listed.baseAsset}/{listed.quoteAsset}"
    if not market.settles:
        return InstrumentId(pair)
    _, dated, expiry = listed.symbol.rpartition("_")
    settled = f"{pair}:{listed.marginAsset}"
    return InstrumentId(f"{settled}-{expiry}" if dated and expiry.isdigit() else settled)


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


_OTHER_MARKET = {"usdm": "coinm", "coinm": "usdm"}
_KINDS = {"spot": "pair", "usdm": "USD-M future", "coinm": "COIN-M future"}
_EXAMPLES = {
    "spot": 'base and quote in capitals with a slash between, such as "BTC/USDT"',
    "usdm": 'base, quote and what it settles in, such as "BTC/USDT:USDT", or "BTC/USDT:USDT-270326" where it expires',
    "coinm": 'base, quote and what it settles in, such as "BTC/USD:BTC", or "BTC/USD:BTC-270326" where it expires',
}
