"""Take part in ticktrail as the Alpaca plugin: one provider, `alpaca`, for US stocks and for crypto.

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
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.subscriptions import lists_of

__all__ = ["TICKTRAIL_API", "ticktrail_providers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider."""
    return [
        provider_spec(
            name="alpaca",
            summary="Alpaca: US stocks and crypto; trades, quotes, bars, halts, bands, corrections; needs an account",
            settings=AlpacaSettings,
            open=_open,
            describe=_describe,
            decoder=_decoder,
            check=_check,
            history=_history,
            addresses=lambda settings: {"ws_url": settings.stream_url, "rest_url": settings.rest_base},
        )
    ]


def _open(settings: AlpacaSettings, context: ProviderContext) -> Provider:
    from ticktrail_alpaca.live.provider import AlpacaProvider  # noqa: PLC0415 - keeps `ticktrail check` quick

    return AlpacaProvider(settings, context)


@asynccontextmanager
async def _history(settings: AlpacaSettings, context: ProviderContext, tell: Tell) -> AsyncIterator[History]:
    from ticktrail_alpaca.history import open_history  # noqa: PLC0415 - keeps `ticktrail check` quick

    async with open_history(settings, context, tell) as history:
        yield history


def _check(settings: AlpacaSettings, context: ProviderContext) -> None:
    from ticktrail_alpaca.hours import check_calendar  # noqa: PLC0415 - what a decoder of recordings does without

    lists_of(settings, context)
    check_calendar(settings)


def _describe(settings: AlpacaSettings, _registry: Registry) -> Capabilities:
    market = settings.venue_market
    can_repair = settings.repair_trades and settings.has_history
    return Capabilities(
        channels=market.channels,
        id_space=f"alpaca:{settings.market}:{settings.feed_name}",
        heals=frozenset({"trades"}) if can_repair else frozenset(),
        history=market.history if settings.has_history else frozenset(),
    )


def _decoder(settings: AlpacaSettings, context: ProviderContext) -> Decoder:
    symbols = {str(name): name for name in context.instruments}
    return AlpacaDecoder(symbols, context.channels & settings.venue_market.channels, context.name)
