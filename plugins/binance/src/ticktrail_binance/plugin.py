"""Declare what this distribution adds to ticktrail.

Owns: the entry point, and what the provider says of itself.
Never: imports what a session needs; that is read when a feed is run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from ticktrail.model import Channel
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
from ticktrail_binance.decoder import BY_ID, BinanceDecoder
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import streams_of

__all__ = ["TICKTRAIL_API", "ticktrail_providers"]

TICKTRAIL_API = 1
HISTORY: frozenset[Channel] = frozenset({"trades", "agg_trades", "bars"})


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider ``binance``."""
    return [
        provider_spec(
            name="binance",
            summary="Binance spot and futures: trades, quotes, order books, ticker, bars, mark price, liquidations",
            settings=BinanceSettings,
            open=_open,
            describe=_describe,
            decoder=_decoder,
            check=_check,
            history=_history,
            addresses=lambda settings: {"ws_url": settings.ws_base, "rest_url": settings.rest_base},
        )
    ]


def _open(settings: BinanceSettings, context: ProviderContext) -> Provider:
    from ticktrail_binance.live.provider import BinanceProvider  # noqa: PLC0415 - keeps `ticktrail check` quick

    return BinanceProvider(settings, context)


@asynccontextmanager
async def _history(settings: BinanceSettings, context: ProviderContext, tell: Tell) -> AsyncIterator[History]:
    from ticktrail_binance.history import open_history  # noqa: PLC0415 - keeps `ticktrail check` quick

    async with open_history(settings, context, tell) as history:
        yield history


def _check(settings: BinanceSettings, context: ProviderContext) -> None:
    streams_of(settings, context)


def _describe(settings: BinanceSettings, _registry: Registry) -> Capabilities:
    return Capabilities(
        channels=settings.venue_market.channels,
        id_space=f"binance:{settings.market}",
        consecutive_trade_ids=True,
        heals=settings.venue_market.channels & BY_ID if settings.repair_trades else frozenset(),
        history=settings.venue_market.channels & HISTORY,
    )


def _decoder(settings: BinanceSettings, context: ProviderContext) -> Decoder:
    return BinanceDecoder(streams_of(settings, context), context.name, settings)
