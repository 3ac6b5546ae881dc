"""Declare the provider `coinbase`.

A hook only declares: it returns specs, and reads no credentials, clock or network.
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

from coinbase_ticktrail.decoder import CHANNELS, CoinbaseDecoder
from coinbase_ticktrail.messages import product_of
from coinbase_ticktrail.provider import CoinbaseProvider, CoinbaseSettings

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider."""
    return [
        provider_spec(
            name="coinbase",
            summary="Coinbase Exchange: trades and best quotes of its spot pairs; needs no account",
            settings=CoinbaseSettings,
            open=open_provider,
            describe=describe,
            decoder=open_decoder,
            check=check,
        )
    ]


def open_provider(settings: CoinbaseSettings, context: ProviderContext) -> Provider:
    """Return one leg's source; nothing is connected yet."""
    return CoinbaseProvider(settings, context)


def open_decoder(settings: CoinbaseSettings, context: ProviderContext) -> Decoder:  # noqa: ARG001 - the contract's
    """Return what reads a recording of Coinbase's messages, for a replay."""
    return CoinbaseDecoder(context)


def describe(settings: CoinbaseSettings, registry: Registry) -> Capabilities:  # noqa: ARG001 - the contract's
    """Return what it can do; the kit holds it to every word."""
    return Capabilities(channels=CHANNELS, id_space="coinbase", consecutive_trade_ids=True)


def check(settings: CoinbaseSettings, context: ProviderContext) -> None:  # noqa: ARG001 - the contract's
    """Refuse, before anything is connected, an instrument that Coinbase could never have."""
    for instrument in context.instruments:
        product_of(instrument)
