"""Declare the provider `acme`.

A hook only declares: it returns specs, and reads no credentials, clock or network.
"""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail.plugin import (
    Capabilities,
    Provider,
    ProviderContext,
    ProviderSpec,
    Registry,
    hookimpl,
    provider_spec,
)

from acme_ticktrail.provider import (
    CHANNELS,
    AcmeProvider,
    AcmeSettings,
)

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the provider."""
    return [
        provider_spec(
            name="acme",
            summary="acme: trades and quotes",
            settings=AcmeSettings,
            open=open_provider,
            describe=describe,
        )
    ]


def open_provider(
    settings: AcmeSettings,
    context: ProviderContext,
) -> Provider:
    """Return one leg's source; nothing is connected yet."""
    return AcmeProvider(settings, context)


def describe(
    settings: AcmeSettings,  # noqa: ARG001 - the contract's
    registry: Registry,  # noqa: ARG001 - likewise
) -> Capabilities:
    """Return what it can do under given settings; the kit holds it to every word."""
    return Capabilities(channels=CHANNELS, consecutive_trade_ids=True)
