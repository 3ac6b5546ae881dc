"""Say what happened to a feed, its legs and its sinks.

Owns: the events of plugins, starts and stops, connections, switches and lanes.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ticktrail.events._base import BaseEvent
from ticktrail.model import ProviderId

__all__ = [
    "ConnectionReplaced",
    "ConnectionRotated",
    "FeedStarted",
    "FeedStopped",
    "FeedStopping",
    "LegDown",
    "LegSwitched",
    "LegUp",
    "PluginLoaded",
    "PluginQuarantined",
    "SinkDropped",
    "SinkFailed",
    "SinkLagging",
    "VenueClockMeasured",
    "VenueTrouble",
]


class PluginLoaded(BaseEvent, frozen=True, tag="plugin_loaded"):
    """A plugin takes part; `sha256` is over its entry-point module's file."""

    name: str
    distribution: str
    version: str
    sha256: str


class PluginQuarantined(BaseEvent, frozen=True, tag="plugin_quarantined"):
    """A plugin could not be loaded; the feed runs because nothing in it needs the plugin."""

    name: str
    distribution: str
    reason: str


class FeedStarted(BaseEvent, frozen=True, tag="feed_started"):
    """The feed runs; `settings_sha256` is over the feed file's bytes, `plan` the composed graph as text."""

    feed: str
    profile: str
    ticktrail: str
    settings_sha256: str
    plan: str


class FeedStopping(BaseEvent, frozen=True, tag="feed_stopping"):
    """The sources were told to end; `cause` is ``requested``, ``ended``, ``interrupted``, or an error's message."""

    cause: str


class FeedStopped(BaseEvent, frozen=True, tag="feed_stopped"):
    """The last event of a run: every lane is drained or given up; the counts are final."""

    cause: str
    received: Mapping[str, Mapping[str, int]]
    delivered: Mapping[str, int]
    rejected: Mapping[str, int]
    suppressed: Mapping[str, int]
    undecodable: int


class LegUp(BaseEvent, frozen=True, tag="leg_up"):
    """Data can flow from this leg; `reconnects` counts the sessions before this one."""

    provider: ProviderId
    reconnects: int


class LegDown(BaseEvent, frozen=True, tag="leg_down"):
    """The leg lost its venue; `retry_in_s` is None where it will not be tried again.

    `cause` is one word (`ticktrail.errors.ProviderError.cause`; ``ended`` where the source has ended), `detail` what a
    person should know.
    """

    provider: ProviderId
    cause: str
    detail: str
    permanent: bool
    failures: int
    retry_in_s: float | None


class ConnectionRotated(BaseEvent, frozen=True, tag="connection_rotated"):
    """A leg replaced one of its connections by a new one that ran beside it; nothing was missed.

    `overlap_ms` is how long both ran, `repeated` how many messages of the new one the old one had brought already.
    """

    provider: ProviderId
    cause: str
    overlap_ms: float
    repeated: int


class ConnectionReplaced(BaseEvent, frozen=True, tag="connection_replaced"):
    """A leg lost one of several connections and opened another; `streams` is how many it carried.

    What was missed meanwhile is marked by gaps, or fetched.
    """

    provider: ProviderId
    cause: str
    streams: int


class VenueTrouble(BaseEvent, frozen=True, tag="venue_trouble"):
    """The venue refused or did not do something without which the leg goes on; `detail` says what, and the remedy."""

    provider: ProviderId
    detail: str
    retry_in_s: float | None


class VenueClockMeasured(BaseEvent, frozen=True, tag="venue_clock_measured"):
    """A venue's clock against this machine's: its time = local + `offset_ns`, within ± `bound_ns`."""

    provider: ProviderId
    offset_ns: int
    bound_ns: int


class LegSwitched(BaseEvent, frozen=True, tag="leg_switched"):
    """Another leg speaks from now on.

    `failover_ms` is how long nothing had been received from the leg that spoke before, at the moment of the decision.
    """

    from_leg: str | None
    to_leg: str
    cause: str
    failover_ms: float | None


class SinkLagging(BaseEvent, frozen=True, tag="sink_lagging"):
    """A lane is full and its policy is to make the route wait."""

    sink: str
    queued: int


class SinkDropped(BaseEvent, frozen=True, tag="sink_dropped"):
    """A lane overflowed and gave up ticks by its policy; the sink was told with a `Gap`."""

    sink: str
    dropped: int
    policy: str


class SinkFailed(BaseEvent, frozen=True, tag="sink_failed"):
    """A sink raised; its lane is closed and what it still held is counted in `dropped`."""

    sink: str
    cause: str
    dropped: int
