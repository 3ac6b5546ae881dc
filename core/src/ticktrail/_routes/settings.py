"""Hold the table of a hybrid route node.

Owns: its keys, defaults and bounds.
Never: knows the legs behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec

from ticktrail._contracts.settings import Settings
from ticktrail.model import Channel

__all__ = ["SILENCE_S", "HybridSettings", "Limit", "Ref", "Seconds"]

Ref: TypeAlias = str | dict[str, object]
Seconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
Limit: TypeAlias = Seconds | Literal[False]

SILENCE_S: Mapping[Channel, Limit] = {"trades": 30.0, "quotes": 10.0, "ticker": 30.0, "book": 10.0}
"""How long a speaker may bring nothing, where a table does not say otherwise."""


class HybridSettings(Settings, frozen=True):
    """A primary with a fallback, or a chain of several; each is a leg's name or a table of its own.

    Attributes:
        primary: Speaks while it is healthy.
        fallback: Speaks while the primary is not.
        chain: In place of the two: the first of it that is healthy speaks.
        standby: ``hot``: the others stay connected, and what they brought since the speaker's last tick is
            delivered at a failover. ``cold``: they are opened on failover, the first of them as soon as the speaker
            gets worse.
        stale_after_s: By channel, how long the speaker may bring nothing while another does; ``false``: for ever.
            What is left out is as in `SILENCE_S`.
        failback_after_s: How long who stands earlier must be healthy before it speaks again.
        max_reject_rate: Share of rejected ticks among the last `reject_window` at which a leg loses its turn.
        reject_window: Ticks over which that share is taken.
        overlap_s: How far behind the speaker a standby may lag without losing a tick at a hand-over.
        handover_ticks: Most ticks that are held back for a hand-over; older ones are suppressed.
        start_grace_s: How long the others wait for a primary that has not connected yet.
    """

    primary: Ref | None = None
    fallback: Ref | None = None
    chain: tuple[Ref, ...] = ()
    standby: Literal["hot", "cold"] = "hot"
    stale_after_s: Mapping[Channel, Limit] = msgspec.field(default_factory=dict)
    failback_after_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    max_reject_rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.5
    reject_window: Annotated[int, msgspec.Meta(ge=1)] = 200
    overlap_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    handover_ticks: Annotated[int, msgspec.Meta(ge=0)] = 100_000
    start_grace_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0

    def __post_init__(self) -> None:
        """Refuse a node that has both forms, or half of one; lay the limits over the usual ones."""
        msgspec.structs.force_setattr(self, "stale_after_s", {**SILENCE_S, **self.stale_after_s})
        if self.chain and (self.primary is not None or self.fallback is not None):
            raise ValueError("chain: stands beside primary or fallback; write one or the other")
        if self.chain and len(self.chain) == 1:
            raise ValueError("chain: has one child; name two or more, or the leg itself in place of the node")
        if not self.chain and self.primary is None:
            raise ValueError(
                'the key primary is missing; write primary and fallback, or chain = ["a", "b", …]'
            )
        if not self.chain and self.fallback is None:
            raise ValueError(
                'the key fallback is missing; write primary and fallback, or chain = ["a", "b", …]'
            )

    @property
    def children(self) -> tuple[Ref, ...]:
        """The children, in the order in which they are preferred."""
        return self.chain or tuple(ref for ref in (self.primary, self.fallback) if ref is not None)
