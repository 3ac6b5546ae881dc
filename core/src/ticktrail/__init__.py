"""Market data you can prove: pluggable feeds, validation, failover and a sealed audit trail.

Embedding a feed takes one import::

    from ticktrail import open_feed

    async with open_feed("feed.toml") as feed:
        async for tick in feed:
            ...

Ticks are in `ticktrail.model`, errors in `ticktrail.errors`, what plugins import in `ticktrail.plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ticktrail.feed import Feed, open_feed

__all__ = ["Feed", "open_feed"]


def __getattr__(name: str) -> object:
    """Import the engine when it is asked for, so that a plugin or a command's help does not pay for it."""
    if name in __all__:
        from ticktrail import feed  # noqa: PLC0415 - see above

        return getattr(feed, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
