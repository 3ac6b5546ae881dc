"""Give the tables of a feed file that are core's own their Structs.

Owns: ``[feed]``, ``[plugins]``, and the lane's keys of a ``[[sinks]]`` table.
Never: the tables that plugins define; those are in their specs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta

from ticktrail._contracts.settings import Settings
from ticktrail._plan.model import MAX_BLOCK_S, Count, Overflow
from ticktrail.model import Channel, InstrumentId

__all__ = [
    "CORE_TABLES",
    "LANE_KEYS",
    "NAME",
    "NAME_IN_WORDS",
    "PROVIDER_KEYS",
    "ControlTable",
    "FeedTable",
    "LaneTable",
    "PluginsTable",
    "ProviderTable",
]

CORE_TABLES: Final = frozenset(
    {
        "feed",
        "route",
        "providers",
        "validation",
        "clock",
        "limits",
        "backoff",
        "cache",
        "health",
        "log",
        "tracing",
        "control",
        "repair",
        "sinks",
        "plugins",
    }
)
"""What stands at the top of a feed file beside the observers' tables."""

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a feed or a leg may be called: it stands in reports, in file names, and in every tick."""
NAME_IN_WORDS: Final = "1 to 64 letters, digits, points, hyphens or underscores, the first a letter or digit"


class FeedTable(Settings, frozen=True):
    """The ``[feed]`` table: what is asked for. What a production profile refuses is in `ticktrail._plan.production`."""

    name: str
    instruments: Annotated[tuple[InstrumentId, ...], Meta(min_length=1)]
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1)]
    profile: Literal["production", "development"] = "production"
    blocked_after_s: Annotated[float, Meta(ge=0, le=3_600)] = 1.0
    """Code that keeps everything else in the feed waiting for so long is named, with where it stands (`loop_blocked`);
    0: nobody looks."""

    def __post_init__(self) -> None:
        """Refuse a name that cannot stand in a report, and what is asked for twice."""
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name must be {NAME_IN_WORDS}")
        for key, values in (("instruments", self.instruments), ("channels", self.channels)):
            for value in values:
                if not value.strip() or value != value.strip():
                    raise ValueError(f'{key} names "{value}"; write it without spaces around it')
                if values.count(value) > 1:
                    raise ValueError(f'{key} names "{value}" twice; once is enough')


class PluginsTable(Settings, frozen=True):
    """The ``[plugins]`` table: distributions whose plugins may take part, beside ticktrail's own.

    Attributes:
        allow: Distributions whose plugins may take part, beside those that ticktrail's own extras name. What is
            installed and not allowed is not even imported.
        lock: The lock file, from the feed file's folder, that pins every distribution whose plugins take part by the
            hash of its files; without it nothing is pinned. `ticktrail plugins lock` writes it.
    """

    allow: tuple[str, ...] = ()
    lock: Annotated[str, Meta(min_length=1)] | None = None


class ControlTable(Settings, frozen=True):
    """The ``[control]`` table: the unix socket on which `ticktrail ctl` is heard, from the feed file's folder."""

    socket: str = "feed.sock"

    def __post_init__(self) -> None:
        """Refuse a path of nothing."""
        if not self.socket.strip():
            raise ValueError('socket: is empty; write such as "feed.sock", or leave it out')


class ProviderTable(Settings, frozen=True):
    """The keys of a ``[providers.NAME]`` table that are core's; the others are the provider's.

    Attributes:
        plugin: Which provider; by default the table's own name.
        equivalents: By an instrument of the feed, the one that this leg serves in its place. Its ticks say so.
    """

    plugin: str | None = None
    equivalents: Mapping[InstrumentId, InstrumentId] | None = None


class LaneTable(Settings, frozen=True):
    """The keys of a ``[[sinks]]`` table that are the lane's; the others are the sink's."""

    plugin: str
    name: str | None = None
    on_overflow: Overflow = "block"
    queue_ticks: Count = 10_000
    max_block_s: Annotated[float, Meta(gt=0, le=3_600)] = MAX_BLOCK_S


LANE_KEYS: Final = frozenset(LaneTable.__struct_fields__)
PROVIDER_KEYS: Final = frozenset(ProviderTable.__struct_fields__)
