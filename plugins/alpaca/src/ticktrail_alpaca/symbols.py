"""Tell whether an instrument could be the venue's; its own names are the canonical ones.

Owns: the forms ``AAPL``, ``BRK.B`` (a class of shares) and ``BTC/USD``.
Never: asks the venue whether it lists one.
"""

from __future__ import annotations

import re

from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId
from ticktrail_alpaca.markets import Market

__all__ = ["symbol_of"]

_STOCK = re.compile(r"[A-Z][A-Z0-9]{0,9}(\.[A-Z]{1,3})?")
_PAIR = re.compile(r"[A-Z0-9]{1,10}/[A-Z0-9]{1,10}")


def symbol_of(instrument: InstrumentId, market: Market) -> str:
    """Return the venue's symbol.

    Raises:
        ConfigError: It is no instrument that this market could list; the message says what one looks like.
    """
    if market.name == "stocks":
        if _STOCK.fullmatch(instrument):
            return str(instrument)
        raise ConfigError(
            f'instrument "{instrument}" is no stock that Alpaca could list; write its ticker in capitals, such as '
            f'"AAPL", or "BRK.B" where it has classes of shares'
        )
    if _PAIR.fullmatch(instrument):
        return str(instrument)
    raise ConfigError(
        f'instrument "{instrument}" is no pair that Alpaca could list; write base and quote in capitals with a slash '
        f'between, such as "BTC/USD"'
    )
