"""Ask the venue whether it lists what a leg is to bring, before anything is subscribed to or fetched.

Owns: the first question of a leg, and the error where the venue does not list an instrument.
Never: asks again; who runs the leg does.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticktrail.errors import TransientError
from ticktrail.model import InstrumentId
from ticktrail_binance.instruments import check_listing
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.questions import ask_listing
from ticktrail_binance.settings import BinanceSettings

__all__ = ["check_instruments"]


async def check_instruments(
    client: RestClient, settings: BinanceSettings, symbols: Mapping[str, InstrumentId]
) -> None:
    """Return if the venue lists all of them.

    Args:
        client: Asks.
        settings: Of the leg.
        symbols: The leg's instruments by symbol.

    Raises:
        TransientError: The venue cannot be asked, or will not answer.
        PermanentError: It does not list one of them; what comes near is named.
    """
    try:
        listing = await ask_listing(client, list(symbols), patience_s=0.0)
        if (
            listing is None
        ):  # one symbol or more is unknown; the whole list tells which, and what they might be
            listing = await ask_listing(client, None, patience_s=0.0)
    except Declined as exc:
        raise TransientError(
            f"leg {client.provider!r}: Binance will not say what it lists at {settings.rest_base}: {exc}; "
            f"check rest_url",
            provider=client.provider,
            cause="refused",
        ) from exc
    check_listing(
        symbols, listing or (), settings.venue_market, provider=client.provider, place=settings.rest_base
    )
