"""Hold the table of a hybrid route node.

Owns: its keys, defaults and bounds.
Never: knows the legs behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from ticktrail._contracts.settings import Settings
from ticktrail.model import Channel

__all__ = ["HybridSettings"]

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class HybridSettings(Settings, frozen=True):
    """A primary and a fallback, each a leg's name or a table of its own.

    Attributes:
        primary: Speaks while it is healthy.
        fallback: Speaks while the primary is not.
        standby: ``hot``: the fallback stays connected, and what it brought since the primary's last tick is
            delivered at a failover. ``cold``: it is opened on failover.
        stale_after_s: By channel, how long the speaker may bring nothing while the fallback does.
        failback_after_s: How long a recovered primary must be healthy before it speaks again.
        max_reject_rate: Share of rejected ticks among the last `reject_window` at which a leg loses its turn.
        reject_window: Ticks over which that share is taken.
        overlap_s: How far behind the speaker a standby may lag without losing a tick at a hand-over.
        handover_ticks: Most ticks that are held back for a hand-over; older ones are suppressed.
        start_grace_s: How long the fallback waits for a primary that has not connected yet.
    """

    primary: str | dict[str, object]
    fallback: str | dict[str, object]
    standby: Literal["hot", "cold"] = "hot"
    stale_after_s: Mapping[Channel, Seconds] = msgspec.field(
        default_factory=lambda: {"trades": 30.0, "quotes": 10.0, "ticker": 30.0, "book": 10.0}
    )
    failback_after_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    max_reject_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    reject_window: Annotated[int, msgspec.Meta(ge=1)] = 200
    overlap_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    handover_ticks: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    start_grace_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0
