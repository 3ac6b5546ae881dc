"""Declare what this distribution adds to ticktrail.

Owns: the entry point.
Never: imports a web server before a feed asks for one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from ticktrail.plugin import Observer, ObserverContext, ObserverSpec, hookimpl, observer_spec
from ticktrail_dashboard.settings import DashboardSettings

__all__ = ["TICKTRAIL_API", "ticktrail_observers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_observers() -> Sequence[ObserverSpec]:
    """Return the observer that serves pages, metrics and health."""
    return [
        observer_spec(
            name="dashboard",
            summary="serve a live dashboard, metrics and health checks",
            settings=DashboardSettings,
            open=_open,
            report_key="dashboard",
            addresses=lambda _: {},  # it listens, and speaks to nobody
            levels=("pages",),
        )
    ]


def _open(settings: DashboardSettings, context: ObserverContext) -> AbstractAsyncContextManager[Observer]:
    from ticktrail_dashboard.web.dashboard import open_dashboard  # noqa: PLC0415 - see above

    return open_dashboard(settings, context)
