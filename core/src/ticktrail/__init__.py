"""Market data you can prove: pluggable feeds, validation, failover and a sealed audit trail.

Embedding a feed takes one import::

    from ticktrail import open_feed

    async with open_feed("feed.toml") as feed:
        async for tick in feed:
            ...

Ticks are in `ticktrail.model`, errors in `ticktrail.errors`, what plugins import in `ticktrail.plugin`.
"""

from __future__ import annotations

from ticktrail.feed import Feed, open_feed

__all__ = ["Feed", "open_feed"]
