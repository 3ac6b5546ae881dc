"""Declare the built-in kinds of route node."""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail._contracts.route import RouteSpec, route_spec
from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.settings import HybridSettings
from ticktrail.hookspecs import hookimpl

__all__ = ["ticktrail_routes"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_routes() -> Iterable[RouteSpec]:
    """Declare `hybrid`; a plain leg needs no arbiter."""
    return (
        route_spec(
            kind="hybrid",
            summary="a primary leg and a fallback that takes over while the primary is down, silent or wrong",
            settings=HybridSettings,
            children=lambda settings: (settings.primary, settings.fallback),
            cold=lambda settings: frozenset({1}) if settings.standby == "cold" else frozenset(),
            open=HybridArbiter,
        ),
    )
