"""Say how a running feed stands: what `ticktrail ctl FEED.toml status --json` prints.

Owns: the status's shape.
Never: counts or decides (the engine does).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail.health import HealthState, LegHealth
from ticktrail.report import SwitchRecord

__all__ = ["FeedStatus", "LegState", "LegStatus", "NodeStatus", "SinkStatus"]

LegState: TypeAlias = Literal["connecting", "live", "down", "resting"]


class LegStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One leg: its state, its breaker's, failures in a row, sessions so far, ticks received, and how it does.

    `retry_in_s` is when one that is down is tried again, from `FeedStatus.at_ns` on; None where nothing but a person's
    word will have it tried, or where it does not wait.
    """

    state: HealthState
    breaker: str
    failures: int
    sessions: int
    received: int
    retry_in_s: float | None = None
    health: LegHealth


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One inner node of the route: for how many instruments each child speaks, and for which if it is not the most.

    Of a node whose children speak at the same time each speaks for all. `pinned` holds by child which instruments a
    person told it to speak for whatever happens, `state` what else there is to know, such as a canary's share.
    """

    kind: str
    speakers: Mapping[str, int]
    apart: Mapping[str, Sequence[str]]
    pinned: Mapping[str, Sequence[str]]
    state: Mapping[str, str]


class SinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One lane: ticks that wait, were written and were given up; why it failed, None while it has not."""

    queued: int
    written: int
    dropped: int
    failed: str | None


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A feed at one moment; the clock's offset is that of the last measurement, None before it.

    `settings_sha256` is over the feed file that is in force, `instruments` what the feed has now.
    """

    feed: str
    at_ns: int
    legs: Mapping[str, LegStatus]
    route: Sequence[NodeStatus]
    delivered: int
    rejected: int
    suppressed: int
    switches: int
    last_switch: SwitchRecord | None
    sinks: Mapping[str, SinkStatus]
    clock_offset_ns: int | None
    settings_sha256: str = ""
    instruments: Sequence[str] = ()
