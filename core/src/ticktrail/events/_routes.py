"""Say what a route node found or did beside switching.

Owns: the events of canaries and of shadows.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.events._base import BaseEvent
from ticktrail.shadow import ShadowRow

__all__ = ["CanaryMoved", "CanarySide", "ShadowCompared", "ShadowHealth"]


class CanarySide(msgspec.Struct, frozen=True, kw_only=True):
    """One child of a canary over the window in which the two are compared.

    `latency_ms` is the mean of receive time minus event time, over one tick a batch; None without event times.
    """

    child: str
    ticks: int
    rejected: int
    failures: int
    latency_ms: float | None


class CanaryMoved(BaseEvent, frozen=True, tag="canary_moved"):
    """A candidate has another share from now on, in per cent of the instruments or the time; why, and the numbers."""

    from_share_pct: float
    to_share_pct: float
    cause: str
    incumbent: CanarySide
    candidate: CanarySide


class ShadowHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One child of a shadow in the time of a summary.

    `failures` counts lost sessions and vain attempts, `down_s` is how long it could not deliver, `rejected` counts all
    that rules kept back, frames that were no tick and strange instruments among them.
    """

    child: str
    failures: int
    down_s: float
    rejected: int


class ShadowCompared(BaseEvent, frozen=True, tag="shadow_compared"):
    """How a candidate compared with the speaker in the `over_s` seconds before.

    `totals` holds a row a channel. `rows` holds those of the instruments, the worst first where there are more than a
    summary takes; `rows_left_out` counts the others, which `totals` contains.
    """

    speaker: ShadowHealth
    candidate: ShadowHealth
    over_s: float
    totals: Sequence[ShadowRow]
    rows: Sequence[ShadowRow]
    rows_left_out: int = 0
