"""Say what happened to a feed, its legs and its sinks.

Owns: the events of plugins, starts and stops, connections, switches and lanes.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticktrail.events._base import BaseEvent
from ticktrail.model import Channel, InstrumentId, ProviderId

__all__ = [
    "BreakerChanged",
    "ConnectionReplaced",
    "ConnectionRotated",
    "ControlOrdered",
    "FeedReloaded",
    "FeedStarted",
    "FeedStopped",
    "FeedStopping",
    "HoleLeft",
    "HoleRepaired",
    "LegDown",
    "LegSwitched",
    "LegUp",
    "PluginLoaded",
    "PluginQuarantined",
    "RecordingDiffers",
    "SinkDropped",
    "SinkFailed",
    "SinkLagging",
    "VenueClockMeasured",
    "VenueTrouble",
]


class PluginLoaded(BaseEvent, frozen=True, tag="plugin_loaded"):
    """A plugin takes part; `sha256` is over all files of its distribution (`ticktrail.digest`).

    Of one that a program brought along, `distribution` is empty, and `sha256` over its module's file.
    """

    name: str
    distribution: str
    version: str
    sha256: str


class PluginQuarantined(BaseEvent, frozen=True, tag="plugin_quarantined"):
    """A plugin could not be loaded; the feed runs because nothing in it needs the plugin.

    `is_incompatible`: it is whole, and made for another version of the plugin API.
    """

    name: str
    distribution: str
    reason: str
    is_incompatible: bool = False


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


class BreakerChanged(BaseEvent, frozen=True, tag="breaker_changed"):
    """A leg's circuit breaker changed: ``closed``, ``open`` (not tried before its pause is over), ``half_open``.

    Half open is one try. `retry_in_s` is None where it is open until a person resets it.
    """

    provider: ProviderId
    from_state: str
    to_state: str
    cause: str
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


class ControlOrdered(BaseEvent, frozen=True, tag="control_ordered"):
    """A person told the running feed something: who (by the kernel's word), what, why, and what came of it."""

    actor: str
    order: str
    leg: str | None
    instruments: Sequence[InstrumentId] | None
    reason: str
    done: bool
    error: str


class FeedReloaded(BaseEvent, frozen=True, tag="feed_reloaded"):
    """The feed goes by other settings from here on, without having stopped.

    Attributes:
        from_sha256: Over the bytes of the feed file that was in force.
        to_sha256: The same of the one that is in force now; equal where instruments were told by hand.
        applied: What is different, key by key.
        added: Instruments that were added.
        removed: Those that were taken out.
        renewed: Legs that are opened anew for it.
        plan: The composed graph as text.
    """

    from_sha256: str
    to_sha256: str
    applied: Sequence[str]
    added: Sequence[InstrumentId]
    removed: Sequence[InstrumentId]
    renewed: Sequence[ProviderId]
    plan: str


class VenueTrouble(BaseEvent, frozen=True, tag="venue_trouble"):
    """The venue refused or did not do something without which the leg goes on; `detail` says what, and the remedy."""

    provider: ProviderId
    detail: str
    retry_in_s: float | None


class RecordingDiffers(BaseEvent, frozen=True, tag="recording_differs"):
    """A recording that was played to its end is not what was asked for.

    Attributes:
        recording: Its path, as in the feed file.
        missing: Instruments that were asked for, and of which it holds nothing.
        silent: Streams that were asked for and brought nothing, as the venue names them; the first ten.
        silent_streams: How many there are.
        unasked: Messages that nobody asked for, by stream; the ten streams with the most.
        unasked_streams: How many such streams there are.
    """

    provider: ProviderId
    recording: str
    missing: Sequence[InstrumentId]
    silent: Sequence[str]
    silent_streams: int
    unasked: Mapping[str, int]
    unasked_streams: int


class VenueClockMeasured(BaseEvent, frozen=True, tag="venue_clock_measured"):
    """A venue's clock against this machine's: its time = local + `offset_ns`, within ± `bound_ns`."""

    provider: ProviderId
    offset_ns: int
    bound_ns: int


class LegSwitched(BaseEvent, frozen=True, tag="leg_switched"):
    """Another leg speaks from now on, for these instruments; None: for all of the feed.

    `failover_ms` is how long nothing had been received from the leg that spoke before, at the moment of the decision.
    `on_air` is false where that happened below a node that lets another child speak, such as in a shadow's candidate,
    or below a leg of a merge that does not lead: no sink was told of a switch.
    """

    from_leg: str | None
    to_leg: str
    cause: str
    failover_ms: float | None
    instruments: Sequence[InstrumentId] | None = None
    on_air: bool = True


class HoleRepaired(BaseEvent, frozen=True, tag="hole_repaired"):
    """What was missing was fetched from a leg's archive and delivered in its place, marked as backfilled.

    Attributes:
        provider: Whose archive gave it.
        from_id: The first id that was missing; None where ids do not tell.
        to_id: The last one.
        from_ns: Receive time of the last tick before the hole.
        to_ns: The same of the first tick after it.
        cause: As of the gap that would have stood there.
        ticks: How many were delivered.
        rejected: How many more the rules kept back.
        took_ms: How long what came after it waited.
    """

    provider: ProviderId
    instrument: InstrumentId
    channel: Channel
    from_id: int | None
    to_id: int | None
    from_ns: int | None
    to_ns: int | None
    cause: str
    ticks: int
    rejected: int
    took_ms: float


class HoleLeft(BaseEvent, frozen=True, tag="hole_left"):
    """A hole stays one, or a part of it does: a gap stands in its place.

    The other fields are those of `HoleRepaired`.

    Attributes:
        ticks: How many were fetched and delivered all the same.
        missing: How many are still missing, None where ids do not tell.
        reason: Why, in a word: ``late``, ``empty``, ``partial``, ``failed``, ``held_full``, ``stopped``,
            ``unsubscribed``; or why nobody was asked: ``no_history``, ``no_times``, ``too_many``, ``too_long``,
            ``too_many_holes``.
        detail: What the archive had to say; empty where it was nothing.
    """

    provider: ProviderId
    instrument: InstrumentId
    channel: Channel
    from_id: int | None
    to_id: int | None
    from_ns: int | None
    to_ns: int | None
    cause: str
    ticks: int
    missing: int | None
    took_ms: float
    reason: str
    detail: str


class SinkLagging(BaseEvent, frozen=True, tag="sink_lagging"):
    """A lane is full and its policy is to make the route wait; told once until its sink takes something."""

    sink: str
    queued: int


class SinkDropped(BaseEvent, frozen=True, tag="sink_dropped"):
    """A lane overflowed and gave up ticks by its policy; the sink is told with a `Gap` at its next write.

    `policy` is the lane's ``on_overflow``, with ``, max_block_s reached`` behind it where the route had waited so long;
    or ``stop deadline``. What was conflated leaves no gap: a newer state stands in its place.
    """

    sink: str
    dropped: int
    policy: str


class SinkFailed(BaseEvent, frozen=True, tag="sink_failed"):
    """A sink raised; its lane is closed and what it still held is counted in `dropped`."""

    sink: str
    cause: str
    dropped: int
