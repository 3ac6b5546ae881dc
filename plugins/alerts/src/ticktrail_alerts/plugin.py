"""Declare what this distribution adds to ticktrail: the observer that alerts people, and its commands.

Owns: the entry point.
Never: opens a connection, or loads what can open one, by being imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

import click

from ticktrail.plugin import Observer, ObserverContext, ObserverSpec, hookimpl, observer_spec
from ticktrail_alerts.commands import alerts
from ticktrail_alerts.settings import AlertSettings, addresses_of

__all__ = ["TICKTRAIL_API", "ticktrail_commands", "ticktrail_observers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_observers() -> Iterable[ObserverSpec]:
    """Declare the observer ``alerts``."""
    return [
        observer_spec(
            name="alerts",
            summary="Tell people what a feed cannot mend by itself",
            settings=AlertSettings,
            open=_open,
            report_key="alerts",
            addresses=addresses_of,
            levels=("holding", "waiting"),
        )
    ]


@hookimpl
def ticktrail_commands() -> Iterable[click.Command]:
    """Declare ``alerts``."""
    return [alerts]


def _open(settings: AlertSettings, context: ObserverContext) -> AbstractAsyncContextManager[Observer]:
    from ticktrail_alerts.observer import open_alerts  # noqa: PLC0415 - `ticktrail check` needs none of it

    return open_alerts(settings, context)
