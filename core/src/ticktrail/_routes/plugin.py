"""Declare the built-in kinds of route node."""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail._contracts.route import RouteSpec, route_spec
from ticktrail._routes.canary import CanaryArbiter, CanarySettings
from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.merge import MergeArbiter, MergeSettings
from ticktrail._routes.settings import HybridSettings
from ticktrail._routes.shadow import CANDIDATE, ShadowArbiter, ShadowSettings
from ticktrail._routes.split import SplitArbiter, SplitSettings, share_out
from ticktrail.hookspecs import hookimpl

__all__ = ["ticktrail_routes"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_routes() -> Iterable[RouteSpec]:
    """Declare the kinds; a plain leg needs no arbiter."""
    return (
        route_spec(
            kind="hybrid",
            summary="a primary leg and a fallback that takes over while the primary is down, silent or wrong",
            settings=HybridSettings,
            children=lambda settings: settings.children,
            cold=lambda settings: (
                frozenset(range(1, len(settings.children))) if settings.standby == "cold" else frozenset()
            ),
            open=HybridArbiter,
        ),
        route_spec(
            kind="canary",
            summary="a candidate that gets a share of the instruments or the time, and loses it where it is worse",
            settings=CanarySettings,
            children=lambda settings: (settings.incumbent, settings.candidate),
            open=CanaryArbiter,
        ),
        route_spec(
            kind="merge",
            summary="several legs that speak at the same time: one best bid and offer of all, every venue's trades",
            settings=MergeSettings,
            children=lambda settings: settings.legs,
            merges=True,
            open=MergeArbiter,
        ),
        route_spec(
            kind="shadow",
            summary="a candidate that runs beside the speaker, is compared in everything, and is never delivered",
            settings=ShadowSettings,
            children=lambda settings: (settings.speaker, settings.candidate),
            mute=lambda _: frozenset({CANDIDATE}),
            open=ShadowArbiter,
        ),
        route_spec(
            kind="split",
            summary="instruments divided among children by name or pattern",
            settings=SplitSettings,
            children=lambda settings: tuple(part.child for part in settings.parts),
            assign=share_out,
            open=SplitArbiter,
        ),
    )
