"""Take part in ticktrail as the Kraken plugin: one provider, `kraken`, for the spot market.

Owns: the plugin's declaration.
Never: imports what a session needs; that is read when a feed is run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from ticktrail.plugin import (
    Capabilities,
    Decoder,
    History,
    Provider,
    ProviderContext,
    ProviderSpec,
    Registry,
    Tell,
    hookimpl,
    provider_spec,
)
from ticktrail_kraken.decoder import KrakenDecoder
from ticktrail_kraken.settings import CHANNELS, KrakenSettings
from ticktrail_kraken.subscriptions import symbols_of

__all__ = ["TICKTRAIL_API", "ticktrail_providers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider."""
    return [
        provider_spec(
            name="kraken",
            summary="Kraken spot: trades, quotes, tickers, books proved by checksum, bars, states; no account",
            settings=KrakenSettings,
            open=_open,
            describe=_describe,
            decoder=_decoder,
            check=_check,
            history=_history,
            addresses=lambda settings: {"ws_url": settings.ws_url, "rest_url": settings.rest_url},
        )
    ]


def _open(settings: KrakenSettings, context: ProviderContext) -> Provider:
    from ticktrail_kraken.live.provider import KrakenProvider  # noqa: PLC0415 - keeps `ticktrail check` quick

    return KrakenProvider(settings, context)


@asynccontextmanager
async def _history(settings: KrakenSettings, context: ProviderContext, tell: Tell) -> AsyncIterator[History]:
    from ticktrail_kraken.history import open_history  # noqa: PLC0415 - keeps `ticktrail check` quick

    async with open_history(settings, context, tell) as history:
        yield history


def _check(_settings: KrakenSettings, context: ProviderContext) -> None:
    symbols_of(context)


def _describe(_settings: KrakenSettings, _registry: Registry) -> Capabilities:
    return Capabilities(
        channels=CHANNELS,
        id_space="kraken",
        consecutive_trade_ids=True,
        history=frozenset({"trades", "bars"}),
    )


def _decoder(settings: KrakenSettings, context: ProviderContext) -> Decoder:
    symbols = {str(name): name for name in context.instruments}
    return KrakenDecoder(symbols, context.channels & CHANNELS, context.name, book_depth=settings.book_depth)
