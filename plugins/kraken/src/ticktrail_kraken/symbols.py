"""Tell how the venue spells an instrument: the canonical name by web socket, another one by REST.

Owns: the form ``BTC/USD``, and the two names of the first days that REST still has.
Never: asks the venue whether it lists a pair.

Sources: docs.kraken.com, "Spot WebSocket Introduction" (v2: pair symbols are ``BTC/USD``) and "Get Tradable Asset
Pairs" (`altname` ``XBTUSD``, `wsname` ``XBT/USD``), read 2026-11.
"""

from __future__ import annotations

import re

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId

__all__ = ["rest_pair", "symbol_of"]

_PAIR = re.compile(r"[A-Z0-9][A-Z0-9.]{0,19}/[A-Z0-9][A-Z0-9.]{0,19}")
_OLD = {"BTC": "XBT", "DOGE": "XDG"}
"""What REST calls an asset, by the name that everybody else has for it."""
_NEW = {old: new for new, old in _OLD.items()}


def symbol_of(instrument: InstrumentId) -> str:
    """Return the venue's symbol on the web socket.

    Raises:
        ConfigError: It is no pair that this venue could list; the message says what one looks like.
    """
    if _PAIR.fullmatch(instrument) is None:
        raise ConfigError(
            f'instrument "{instrument}" is no pair that Kraken could list; write base and quote in capitals with a '
            f'slash between, such as "BTC/USD"'
        )
    assets = instrument.split("/")
    if any(asset in _NEW for asset in assets):
        meant = "/".join(_NEW.get(asset, asset) for asset in assets)
        raise ConfigError(
            f'instrument "{instrument}" has a name that only Kraken\'s REST interface uses; write "{meant}"'
        )
    return str(instrument)


def rest_pair(symbol: str) -> str:
    """Return what REST calls a pair: ``XBTUSD`` for ``BTC/USD``."""
    return "".join(_OLD.get(asset, asset) for asset in symbol.split("/"))
