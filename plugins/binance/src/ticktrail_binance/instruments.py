"""See that the venue lists what the feed wants, before the first connection and while it runs.

Owns: what a listing says of the leg's instruments.
Never: asks or retries.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from ticktrail.errors import PermanentError
from ticktrail.model import InstrumentId, ProviderId
from ticktrail_binance.markets import Market
from ticktrail_binance.symbols import instrument_of
from ticktrail_binance.wire import SymbolInfo

__all__ = ["check_listing"]


def check_listing(
    symbols: Mapping[str, InstrumentId],
    listing: Sequence[SymbolInfo],
    market: Market,
    *,
    provider: ProviderId,
    place: str,
) -> None:
    """Return if the venue lists every instrument under the symbol that the streams use.

    Args:
        symbols: The leg's instruments by symbol.
        listing: What the venue lists.
        market: Which of its markets.
        provider: The leg's name.
        place: Where it was asked, for the message.

    Raises:
        PermanentError: It does not; the message names the instruments and what comes near.
    """
    listed = {entry.symbol: entry for entry in listing}
    faults: list[str] = []
    for symbol, instrument in symbols.items():
        found = listed.get(symbol)
        if found is None:
            near = difflib.get_close_matches(symbol, listed, n=1)
            hint = f'; did you mean "{instrument_of(listed[near[0]], market)}"' if near else ""
            faults.append(f'"{instrument}" is not listed{hint}')
        elif instrument_of(found, market) != instrument:
            faults.append(f'"{instrument}" is written "{instrument_of(found, market)}"')
    if faults:
        raise PermanentError(
            f"leg {provider!r}: at Binance ({place}) {', '.join(faults)}; "
            f"mend instruments in [feed], or take the leg out of the route",
            provider=provider,
        )
