"""A plugin that is no venue's: what a stranger's distribution looks like, for the tests of core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from ticktrail.errors import ConfigError
from ticktrail.model import Channel
from ticktrail.plugin import (
    Capabilities,
    ObserverSpec,
    ProviderSpec,
    RouteRef,
    RouteSpec,
    Secret,
    Settings,
    hookimpl,
    observer_spec,
    provider_spec,
    route_spec,
)

TICKTRAIL_API = 1


class AcmeSettings(Settings, frozen=True):
    """Every shape that a provider's key may have."""

    key: Secret | None = None
    url: str = "wss://feed.acme.test"
    depth: int = 10
    pace: Literal["recorded", "max"] | float = "recorded"
    limits: Mapping[Channel, float] = {}
    tags: tuple[str, ...] = ()
    synthetic: bool = False
    borrows: str | None = None


class PairSettings(Settings, frozen=True):
    first: RouteRef
    second: RouteRef
    after_s: float = 10.0


class WatchSettings(Settings, frozen=True):
    database: str
    key: Secret


def describe(settings, registry):
    if settings.borrows is not None:
        return registry.provider(settings.borrows).describe(AcmeSettings(), registry)
    return Capabilities(channels=frozenset({"trades", "quotes"}), synthetic=settings.synthetic)


def unopened(settings, context):
    raise ConfigError("a plan opens nothing")


@asynccontextmanager
async def never_entered(settings, context):
    raise ConfigError("a plan opens nothing")
    yield


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    return [
        provider_spec(name="acme", summary="ticks", settings=AcmeSettings, open=unopened, describe=describe)
    ]


@hookimpl
def ticktrail_routes() -> Iterable[RouteSpec]:
    return [
        route_spec(
            kind="pair",
            summary="two children",
            settings=PairSettings,
            children=lambda settings: (settings.first, settings.second),
            open=unopened,
            cold=lambda settings: frozenset({1}),
        )
    ]


@hookimpl
def ticktrail_observers() -> Iterable[ObserverSpec]:
    return [
        observer_spec(
            name="watch", summary="looks on", settings=WatchSettings, open=never_entered, report_key="watch"
        )
    ]
