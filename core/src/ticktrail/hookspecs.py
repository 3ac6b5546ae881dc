"""Declare the hooks: what a plugin may add, asked for once a host, before any task starts.

Owns: the names and signatures of the hooks.
Never: is called on the path of a tick; each hook returns frozen specs whose `open` is a factory, and reads no
credentials, clock or network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click
import pluggy

if TYPE_CHECKING:
    from ticktrail._contracts.observer import ObserverSpec
    from ticktrail._contracts.page import PageSpec
    from ticktrail._contracts.provider import ProviderSpec
    from ticktrail._contracts.route import RouteSpec
    from ticktrail._contracts.sink import SinkSpec
    from ticktrail._contracts.validator import ValidatorSpec

__all__ = [
    "API_VERSION",
    "hookimpl",
    "hookspec",
    "ticktrail_commands",
    "ticktrail_observers",
    "ticktrail_pages",
    "ticktrail_providers",
    "ticktrail_routes",
    "ticktrail_sinks",
    "ticktrail_validators",
]

API_VERSION = 1
"""What a plugin's ``TICKTRAIL_API`` must say; grows when a contract of `ticktrail.plugin` breaks."""

hookspec = pluggy.HookspecMarker("ticktrail")
hookimpl = pluggy.HookimplMarker("ticktrail")


@hookspec
def ticktrail_providers() -> Iterable[ProviderSpec]:  # type: ignore[empty-body]
    """Declare data sources. Called once a host, before any task starts."""


@hookspec
def ticktrail_validators() -> Iterable[ValidatorSpec]:  # type: ignore[empty-body]
    """Declare rules. Called once a host; their settings' keys become keys of ``[validation]``."""


@hookspec
def ticktrail_sinks() -> Iterable[SinkSpec]:  # type: ignore[empty-body]
    """Declare sinks. Called once a host, before any task starts."""


@hookspec
def ticktrail_routes() -> Iterable[RouteSpec]:  # type: ignore[empty-body]
    """Declare kinds of route node. Called once a host, before any task starts."""


@hookspec
def ticktrail_observers() -> Iterable[ObserverSpec]:  # type: ignore[empty-body]
    """Declare observers. Called once a host; each spec's name becomes a table at the top of a feed file."""


@hookspec
def ticktrail_pages() -> Iterable[PageSpec]:  # type: ignore[empty-body]
    """Declare pages: what is shown of an observer's own while a feed runs. Called once a host."""


@hookspec
def ticktrail_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Declare commands or groups of the `ticktrail` program. Called once a process, when the program starts."""
