"""Declare what this distribution adds to ticktrail.

Owns: the entry point, and what the provider says of itself.
Never: imports what a session needs; that is read when a feed is run.
"""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail.plugin import (
    Capabilities,
    Decoder,
    Provider,
    ProviderContext,
    ProviderSpec,
    Registry,
    hookimpl,
    provider_spec,
)
from ticktrail_binance.decoder import SpotDecoder
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import CHANNELS, streams_of, wanted_streams

__all__ = ["TICKTRAIL_API", "ticktrail_providers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider ``binance``."""
    return [
        provider_spec(
            name="binance",
            summary="Binance spot: trades, quotes, 24 h ticker, bars",
            settings=BinanceSettings,
            open=_open,
            describe=_describe,
            decoder=_decoder,
            check=_check,
        )
    ]


def _open(settings: BinanceSettings, context: ProviderContext) -> Provider:
    from ticktrail_binance.session import BinanceProvider  # noqa: PLC0415 - keeps `ticktrail check` quick

    return BinanceProvider(settings, context)


def _check(settings: BinanceSettings, context: ProviderContext) -> None:
    wanted_streams(settings, context)


def _describe(settings: BinanceSettings, _registry: Registry) -> Capabilities:
    return Capabilities(
        channels=frozenset(CHANNELS),
        id_space="binance:spot",
        consecutive_trade_ids=True,
        max_streams=settings.max_streams,
    )


def _decoder(context: ProviderContext) -> Decoder:
    settings = BinanceSettings()
    streams = streams_of(context, settings.bar_interval)
    return SpotDecoder(streams, context.name, final_bars_only=settings.final_bars_only)
