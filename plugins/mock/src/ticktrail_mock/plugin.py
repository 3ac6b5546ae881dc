"""Declare what this distribution adds to ticktrail: two providers and their commands.

Owns: the entry point.
Never: imports a venue's server or the demonstration before one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

import click

from ticktrail.plugin import ProviderSpec, hookimpl, provider_spec
from ticktrail_mock.replay import (
    ReplayProvider,
    ReplaySettings,
    advise_replay,
    check_replay,
    describe_replay,
)
from ticktrail_mock.synthetic import SyntheticProvider, SyntheticSettings, describe_synthetic

__all__ = ["TICKTRAIL_API", "ticktrail_commands", "ticktrail_providers"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_providers() -> Iterable[ProviderSpec]:
    """Declare the providers ``synthetic`` and ``replay``."""
    return [
        provider_spec(
            name="synthetic",
            summary="A made-up market: trades, quotes, 24 h ticker",
            settings=SyntheticSettings,
            open=SyntheticProvider,
            describe=describe_synthetic,
        ),
        provider_spec(
            name="replay",
            summary="A recording of a venue, at its own pace or faster",
            settings=ReplaySettings,
            open=ReplayProvider,
            describe=describe_replay,
            check=check_replay,
            advise=advise_replay,
        ),
    ]


@hookimpl
def ticktrail_commands() -> Iterable[click.Command]:
    """Declare ``venue``, ``demo`` and ``chaos``."""
    from ticktrail_mock.chaos.command import chaos  # noqa: PLC0415 - only the program asks for it
    from ticktrail_mock.demo.command import demo  # noqa: PLC0415 - see above
    from ticktrail_mock.venue.command import venue  # noqa: PLC0415 - see above

    return [venue, demo, chaos]
